"""`Idempotency-Key`: one effect and one answer."""

from datetime import timedelta

import time_machine
from django.utils import timezone

from changes.models import Change
from changes.pipelines.api import log_one
from tests.conftest import token_client
from tests.factories import deployment
from workflow.errors import Conflict
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


def test_a_slash_at_the_end_is_the_same_request(ci):
    body = deployment()
    first = post(ci, body)
    again = ci.post(f"{URL}/", body, format="json", HTTP_IDEMPOTENCY_KEY="key-1")
    assert (again.status_code, again.content) == (201, first.content)


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


def test_a_request_that_dies_halfway_leaves_its_key_free(ci, monkeypatch):
    body = deployment()
    with monkeypatch.context() as broken:
        broken.setattr("changes.pipelines.api.log_one", lambda *_, **__: 1 / 0)
        assert post(ci, body).status_code == 500
    assert not StoredReply.objects.exists()
    assert post(ci, body).status_code == 201


def test_a_refusal_undoes_what_was_begun_and_is_kept_itself(ci, monkeypatch):
    def log_and_refuse(said, **given):
        log_one(said, **given)
        raise Conflict("changed_its_mind", "No.")

    monkeypatch.setattr("changes.pipelines.api.log_one", log_and_refuse)
    body = deployment()
    answers = [post(ci, body), post(ci, body)]
    assert [answer.json()["code"] for answer in answers] == ["changed_its_mind", "changed_its_mind"]
    assert not Change.objects.exists()
    assert StoredReply.objects.count() == 1


def test_replies_are_forgotten_after_a_day(ci):
    post(ci, deployment())
    forget_old_replies()
    assert StoredReply.objects.count() == 1
    with time_machine.travel(timezone.now() + timedelta(hours=25), tick=True):
        forget_old_replies()
    assert not StoredReply.objects.exists()


def test_a_key_that_is_too_long_is_refused(ci):
    assert post(ci, deployment(), key="k" * 201).status_code == 400
