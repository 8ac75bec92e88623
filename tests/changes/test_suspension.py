"""A pipeline that stops proving what it must loses its exemption, and two people give it back."""

import pytest

from changes.models import Change, Pipeline
from changes.pipelines.policy import third_unproven_suspends
from notifications.models import Message
from tests.conftest import token_client
from tests.factories import deployment
from workflow.models import Entry

URL = "/api/v1/deployments"


def log(client, run_id, **changed):
    answer = client.post(URL, deployment(run_id=run_id, **changed), format="json")
    assert answer.status_code == 201, answer.content
    return answer.json()


@pytest.mark.parametrize(
    ("state", "unproven", "outcome"),
    [
        ("trusted", 2, "trusted"),
        ("trusted", 3, "suspended"),
        ("proposed", 9, "proposed"),
        ("suspended", 9, "suspended"),
    ],
)
def test_the_third_unproven_deploy_suspends_a_trusted_pipeline(state, unproven, outcome):
    assert third_unproven_suspends(state=state, unproven=unproven).outcome == outcome


@pytest.mark.django_db
def test_after_three_unproven_deploys_even_a_proven_one_is_not_exempt(ci):
    for number in range(3):
        assert Pipeline.objects.get(slug="checkout-deploy").state == "trusted"
        log(ci, f"bad-{number}", evidence=None)
    assert Pipeline.objects.get(slug="checkout-deploy").state == "suspended"
    assert Entry.objects.get(verb="suspended").rule == "third_unproven_suspends"
    assert Message.objects.filter(dedup_key__startswith="suspended:").count() == 1
    assert log(ci, "good")["verdict"]["rule"] == "suspended_pipeline_unproven"


@pytest.mark.django_db
def test_proof_or_a_review_in_time_keeps_a_deploy_from_counting(ci, shop):
    proven, reviewed = log(ci, "1", evidence=None)["ref"], log(ci, "2", evidence=None)["ref"]
    ci.patch(f"{URL}/{proven}/evidence", deployment()["evidence"], format="json")
    answer = token_client(shop.cy, "changes").post(
        f"/api/v1/changes/{reviewed}/review", {"note": "Fine."}, format="json"
    )
    assert answer.status_code == 200, answer.content
    log(ci, "3", evidence=None)
    log(ci, "4", evidence=None)
    assert Pipeline.objects.get(slug="checkout-deploy").state == "trusted"
    log(ci, "5", evidence=None)
    assert Pipeline.objects.get(slug="checkout-deploy").state == "suspended"


@pytest.mark.django_db
def test_two_people_reinstate_it_and_what_was_before_counts_no_longer(ci, shop):
    for number in range(3):
        log(ci, f"bad-{number}", evidence=None)
    ann, bo = (token_client(person, "changes", "read") for person in (shop.ann, shop.bo))
    page = "/api/v1/pipelines/checkout-deploy"
    proposed = ann.patch(page, {"requires": ["tests", "rollback"]}, format="json").json()
    assert proposed["state"] == "proposed"
    assert ann.post(f"{page}/confirm", {"seen": proposed["terms_digest"]}, format="json").json()["code"] == "four_eyes"
    confirmed = bo.post(f"{page}/confirm", {"seen": proposed["terms_digest"]}, format="json").json()
    assert confirmed["state"] == "trusted"
    assert log(ci, "good")["verdict"]["result"] == "exempt"
    log(ci, "bad-again", evidence=None)
    assert Pipeline.objects.get(slug="checkout-deploy").state == "trusted"


@pytest.mark.django_db
def test_an_unproven_deploy_owes_a_review_and_one_exempt_deploy_in_twenty_is_drawn(ci):
    owed = log(ci, "bad", evidence=None)["ref"]
    assert Change.objects.get(pk=owed.removeprefix("CHG-")).review_due_at
    for number in range(60):
        log(ci, f"run-{number}")
    drawn = Change.objects.filter(verdict="exempt", review_due_at__isnull=False)
    assert 0 < drawn.count() < 10
    assert set(drawn.values_list("state", flat=True)) == {"closed"}
