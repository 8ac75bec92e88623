"""Proof that comes later, and words that never come."""

from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.utils import timezone

from changes.models import Change, Run
from changes.pipelines import actions
from changes.tasks import settle_verdicts
from notifications.models import Message
from tests.factories import SHA, deployment
from workflow.models import Entry

URL = "/api/v1/deployments"


def post(client, **changed):
    answer = client.post(URL, deployment(**changed), format="json")
    assert answer.status_code in {200, 201}, answer.content
    return answer.json()


def proof(client, ref, **evidence):
    return client.patch(f"{URL}/{ref}/evidence", {"evidence": evidence}, format="json")


TESTS = {"passed": 412, "failed": 0, "sha": SHA}
ALL = deployment()["evidence"]


def test_late_proof_flips_the_verdict_and_both_stay_in_the_ledger(ci):
    logged = post(ci, evidence={name: given for name, given in ALL.items() if name != "tests"})
    assert (logged["verdict"]["result"], logged["state"]) == ("unproven", "finished")
    answer = proof(ci, logged["ref"], tests=TESTS).json()
    assert (answer["verdict"]["result"], answer["state"]) == ("exempt", "closed")
    verdicts = [
        entry.data["verdict"] for entry in Entry.objects.filter(subject=logged["ref"]) if "verdict" in entry.data
    ]
    assert verdicts == ["unproven", "exempt"]


def test_proof_after_a_day_is_kept_but_the_verdict_stays(ci):
    logged = post(ci, evidence={name: given for name, given in ALL.items() if name != "tests"})
    with time_machine.travel(timezone.now() + timedelta(hours=25), tick=True):
        answer = proof(ci, logged["ref"], tests=TESTS).json()
    assert answer["verdict"]["result"] == "unproven"
    assert "proof_window_closed" in answer["warnings"]
    assert answer["evidence"]["tests"]["passed"] == 412


def test_the_owner_of_the_pipeline_is_told_once_and_called_back_when_proof_comes(ci, shop):
    logged = post(ci, evidence={})
    post(ci, evidence={}, version="2.14.1")
    message = Message.objects.get()
    assert (message.recipient, message.subject, message.state) == ("ann@example.com", logged["ref"], "pending")
    assert message.payload["text"].startswith(f"Supply proof for {logged['ref']} by ")
    proof(ci, logged["ref"], **ALL)
    assert Message.objects.get().state == "cancelled"
    assert not mail.outbox


def test_a_backfill_sends_no_messages(ci):
    body = {"deployments": [deployment(evidence={}), deployment(run_id="x", service="no")], "backfill": True}
    results = ci.post(f"{URL}/bulk", body, format="json").json()["results"]
    assert [result["status"] for result in results] == [201, 422]
    assert results[1]["error"]["code"] == "unknown_service"
    assert not Message.objects.exists()


def test_a_smoke_test_that_never_comes_makes_the_deploy_unproven_after_fifteen_minutes(ci):
    logged = post(ci, evidence={name: given for name, given in ALL.items() if name != "smoke_test"})
    assert (logged["verdict"]["result"], logged["state"]) == ("pending", "finished")
    settle_verdicts()
    assert Change.objects.get().verdict == "pending"
    with time_machine.travel(timezone.now() + timedelta(minutes=16), tick=True):
        settle_verdicts()
        settle_verdicts()
    assert Change.objects.get().verdict == "unproven"
    assert Message.objects.count() == 1


def test_started_then_finished_is_one_deploy_whichever_comes_first(ci):
    started = deployment(status="started", finished_at=None, evidence=None, run_id="a")
    finished = deployment(run_id="a")
    first = ci.post(URL, started, format="json")
    assert (first.status_code, first.json()["state"], first.json()["verdict"]["result"]) == (
        201,
        "in_progress",
        "pending",
    )
    second = ci.post(URL, finished, format="json")
    assert (second.status_code, second.json()["state"], second.json()["ref"]) == (200, "closed", first.json()["ref"])
    turned = [ci.post(URL, {**body, "run_id": "b"}, format="json") for body in (finished, started)]
    assert [answer.json()["state"] for answer in turned] == ["closed", "closed"]
    assert turned[1].json()["started_at"] == started["started_at"].replace("+00:00", "Z")


def test_a_run_that_falls_silent_gets_an_unknown_outcome_and_a_late_end_still_counts(ci):
    started = post(ci, status="started", finished_at=None, evidence=None)
    with time_machine.travel(timezone.now() + timedelta(hours=3), tick=True):
        settle_verdicts()
        change = Change.objects.get()
        assert (change.state, change.outcome) == ("finished", "unknown")
        assert Message.objects.get().payload["text"].startswith(f"Say how {started['ref']} ended")
        late = post(ci, started_at=started["started_at"])
    assert (late["ref"], late["outcome"], late["state"]) == (started["ref"], "succeeded", "closed")


def test_a_second_different_end_is_kept_and_flagged(ci):
    post(ci)
    answer = post(ci, status="rolled_back", finished_at=timezone.now().isoformat())
    assert answer["flags"] == ["terminal_conflict"]
    assert answer["outcome"] == "rolled_back"
    assert len(Run.objects.get().events) == 2


def test_a_pipeline_bound_to_a_token_is_trusted_only_from_that_token(ci, shop):
    other = post(ci)
    assert other["verdict"]["result"] == "exempt"
    from_another = shop.ann.tokens.create(public_id="x", digest="x", name="bound")
    shop.pipeline.token = from_another
    shop.pipeline.save()
    assert post(ci, run_id="2")["verdict"]["rule"] == "foreign_token_unproven"


def test_one_broken_run_does_not_keep_the_others_waiting(ci, monkeypatch):
    for run in ("a", "b"):
        post(ci, run_id=run, evidence={name: given for name, given in ALL.items() if name != "smoke_test"})
    broken = Run.objects.get(run_id="a").change_id
    settle = actions.settle

    def failing(change_id, *, now):
        if change_id == broken:
            raise ValueError("broken")
        settle(change_id, now=now)

    monkeypatch.setattr(actions, "settle", failing)
    with time_machine.travel(timezone.now() + timedelta(minutes=16), tick=True):
        settle_verdicts()
    assert set(Change.objects.values_list("verdict", flat=True)) == {"pending", "unproven"}


@pytest.mark.parametrize(
    "body", [{}, {"evidence": {}}, {"evidence": {"tests": "good"}}, {"evidence": {"luck": True}}, []]
)
def test_evidence_that_says_nothing_is_refused(ci, body):
    ref = post(ci)["ref"]
    assert ci.patch(f"{URL}/{ref}/evidence", body, format="json").status_code == 422


@pytest.mark.parametrize("ref", ["CHG-999999", "CHG-0", "INC-1", "CHG-99999999999999999999999", "CHG-1%00"])
def test_evidence_for_what_does_not_exist_is_404(ci, ref):
    assert proof(ci, ref, tests=TESTS).status_code == 404
