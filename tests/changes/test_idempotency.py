"""`Idempotency-Key`: one effect and one answer."""

from datetime import timedelta

import time_machine
from django.utils import timezone

from changes.models import Change
from tests.conftest import token_client
from tests.factories import deployment
from workflow.models import StoredReply
from workflow.tasks import forget_old_replies

URL = "/api/v1/deployments"


def post(client, body, key="key-1"):
    return client.post(URL, body, format="json", HTTP_IDEMPOTENCY_KEY=key)


def test_the_first_answer_is_replayed_byte_for_byte(ci):
    body = deployment()
    first, again = post(ci, body), post(ci, body)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert Change.objects.count() == 1


def test_another_body_under_the_same_key_is_a_mismatch(ci):
    post(ci, deployment())
    answer = post(ci, deployment(run_id="another"))
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_mismatch")
    assert Change.objects.count() == 1


def test_refusals_are_replayed_too(ci):
    body = deployment(service="no-such-service")
    first, again = post(ci, body), post(ci, body)
    assert (first.status_code, again.status_code) == (422, 422)
    assert first.json() == again.json()


def test_two_credentials_may_use_the_same_key(ci, shop):
    body = deployment()
    assert post(ci, body).status_code == 201
    assert post(token_client(shop.bo, "deploy"), body).status_code == 200


def test_while_the_first_request_runs_the_second_is_told_to_wait_and_a_dead_one_is_taken_over(ci):
    body = deployment()
    post(ci, body)
    StoredReply.objects.update(status=0, created_at=timezone.now())
    assert (post(ci, body).status_code, post(ci, body).json()["code"]) == (409, "idempotency_in_flight")
    with time_machine.travel(timezone.now() + timedelta(seconds=61), tick=True):
        assert post(ci, body).status_code == 200


def test_replies_are_forgotten_after_a_day(ci):
    post(ci, deployment())
    forget_old_replies()
    assert StoredReply.objects.count() == 1
    with time_machine.travel(timezone.now() + timedelta(hours=25), tick=True):
        forget_old_replies()
    assert not StoredReply.objects.exists()


def test_a_key_that_is_too_long_is_refused(ci):
    assert post(ci, deployment(), key="k" * 201).status_code == 400
