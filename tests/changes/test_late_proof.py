"""Proof that comes later, and words that never come."""

from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.utils import timezone

from accounts.models import ApiToken
from changes.models import Change, Freeze, Pipeline, Run
from changes.pipelines import actions
from changes.tasks import settle_verdicts
from notifications.models import Message
from tests.conftest import token_client
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


def everything():
    """All that the pipeline asks for, of now: a smoke test from before the deploy began would prove nothing."""
    return deployment()["evidence"]


def test_late_proof_flips_the_verdict_and_both_stay_in_the_ledger(ci):
    logged = post(ci, evidence={name: given for name, given in everything().items() if name != "tests"})
    assert (logged["verdict"]["result"], logged["state"]) == ("unproven", "finished")
    answer = proof(ci, logged["ref"], tests=TESTS).json()
    assert (answer["verdict"]["result"], answer["state"]) == ("exempt", "closed")
    verdicts = [
        entry.data["verdict"] for entry in Entry.objects.filter(subject=logged["ref"]) if "verdict" in entry.data
    ]
    assert verdicts == ["unproven", "exempt"]


def test_proof_after_a_day_is_kept_but_the_verdict_stays(ci):
    logged = post(ci, evidence={name: given for name, given in everything().items() if name != "tests"})
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
    proof(ci, logged["ref"], **everything())
    assert Message.objects.get().state == "cancelled"
    assert not mail.outbox


def test_a_backfill_sends_no_messages(ci):
    body = {"deployments": [deployment(evidence={}), deployment(run_id="x", service="no")], "backfill": True}
    results = ci.post(f"{URL}/bulk", body, format="json").json()["results"]
    assert [result["status"] for result in results] == [201, 422]
    assert results[1]["error"]["code"] == "unknown_service"
    assert not Message.objects.exists()


def test_a_smoke_test_that_never_comes_makes_the_deploy_unproven_after_fifteen_minutes(ci):
    logged = post(ci, evidence={name: given for name, given in everything().items() if name != "smoke_test"})
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
        post(ci, run_id=run, evidence={name: given for name, given in everything().items() if name != "smoke_test"})
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


# --- Who may supply it: the same at both doors -----------------------------------------------------------------------


@pytest.mark.parametrize("way", ["token", "browser"])
def test_proof_from_somebody_without_a_hand_in_the_service_is_refused_at_every_door(ci, client, shop, way):
    ref = post(ci, evidence=None)["ref"]
    if way == "browser":
        client.force_login(shop.cy)
        answer = client.patch(f"{URL}/{ref}/evidence", {"evidence": everything()}, content_type="application/json")
    else:
        answer = proof(token_client(shop.cy, "deploy"), ref, **everything())
    assert (answer.status_code, answer.json()["code"]) == (403, "may_supply_proof")
    assert (Change.objects.get().verdict, len(Run.objects.get().events)) == ("unproven", 1)


@pytest.mark.parametrize("who", ["ann", "bo", "admin"])
def test_a_token_supplies_proof_for_those_who_answer_for_the_service(ci, shop, who):
    ref = post(ci, evidence=None)["ref"]
    answer = proof(token_client(getattr(shop, who), "deploy"), ref, **everything())
    assert (answer.status_code, answer.json()["verdict"]["result"]) == (200, "exempt")


def test_a_bound_pipeline_is_proved_by_its_own_token_alone(ci, shop):
    stranger, owner = token_client(shop.cy, "deploy"), token_client(shop.ann, "deploy")
    own = ApiToken.objects.get(owner=shop.cy)
    Pipeline.objects.update(token=own)
    ref = post(stranger, evidence=None)["ref"]
    refused = proof(owner, ref, **everything())
    assert (refused.status_code, refused.json()["code"]) == (409, "proof_by_a_person_counts")
    assert proof(stranger, ref, **everything()).json()["verdict"]["result"] == "exempt"


def test_a_deploy_that_a_person_reports_from_a_browser_is_kept_and_never_exempt(client, ci, shop):
    client.force_login(shop.ann)
    answer = client.post(URL, deployment(), content_type="application/json")
    assert answer.status_code == 201
    assert answer.json()["verdict"]["rule"] == "person_logged_unproven"
    page = client.get(f"/changes/{answer.json()['ref']}").content.decode()
    assert "no pipeline vouches for it" in page
    assert "Supply this proof" not in page
    assert post(ci, version="2.14.1")["verdict"]["rule"] == "person_logged_unproven"
    assert proof(ci, answer.json()["ref"], **everything()).json()["verdict"]["result"] == "unproven"


# --- Clocks that are wrong -------------------------------------------------------------------------------------------


def test_a_finish_in_2099_keeps_nobody_waiting_for_proof(ci):
    smokeless = {name: given for name, given in everything().items() if name != "smoke_test"}
    logged = post(ci, finished_at="2099-01-01T00:00:00Z", evidence=smokeless)
    assert (logged["verdict"]["result"], logged["flags"]) == ("pending", ["clock_skew"])
    with time_machine.travel(timezone.now() + timedelta(minutes=21), tick=True):
        settle_verdicts()
    assert Change.objects.get().verdict == "unproven"
    assert Message.objects.count() == 1
    assert Run.objects.get().events[0]["finished_at"] == "2099-01-01T00:00:00Z"


def test_a_start_in_2099_is_a_silent_run_after_the_usual_time(ci):
    post(ci, status="started", started_at="2099-01-01T00:00:00Z", finished_at=None, evidence=None)
    with time_machine.travel(timezone.now() + timedelta(hours=2, minutes=6), tick=True):
        settle_verdicts()
    assert Change.objects.get().outcome == "unknown"


def test_a_start_in_2000_is_flagged_and_leaves_the_deploy_at_the_top_of_the_list(ann, ci):
    post(ci, run_id="before")
    odd = post(ci, run_id="odd", started_at="2000-01-01T00:00:00Z", finished_at=timezone.now().isoformat())
    assert odd["flags"] == ["start_too_early"]
    assert ci.get(URL).json()["results"][0]["ref"] == odd["ref"]
    assert "lies over 7 days before its end" in ann.get(f"/changes/{odd['ref']}").content.decode()


@pytest.mark.parametrize("started_at", ["2000-01-01T00:00:00Z", None])
def test_no_claim_about_the_start_hides_a_deploy_from_a_freeze(ci, shop, started_at):
    Pipeline.objects.update(requires=["no_freeze"])
    now = timezone.now()
    Freeze.objects.create(name="Year end", start=now - timedelta(days=1), end=now + timedelta(days=1), is_hard=True)
    assert post(ci, started_at=started_at)["verdict"]["rule"] == "failed_check_unproven"


def test_the_start_that_comes_after_the_finish_still_decides_about_the_freeze(ci, shop):
    Pipeline.objects.update(requires=["no_freeze"])
    now = timezone.now()
    Freeze.objects.create(name="Year end", start=now - timedelta(days=1), end=now - timedelta(hours=1), is_hard=True)
    started = deployment(status="started", started_at=(now - timedelta(hours=2)).isoformat(), finished_at=None)
    for run_id, bodies in (("in order", [started, deployment()]), ("turned", [deployment(started_at=None), started])):
        last = [ci.post(URL, {**body, "run_id": run_id}, format="json").json() for body in bodies][-1]
        assert last["verdict"]["rule"] == "failed_check_unproven", run_id


# --- Bounds and oddities ---------------------------------------------------------------------------------------------


def test_the_messages_of_one_run_are_bounded_together(ci, ann):
    reviewers = ["x" * 250 for _ in range(50)]
    commits = [{"sha": f"{number:07x}", "author": "a@example.com", "reviewed_by": reviewers} for number in range(72)]
    answers = [
        ci.post(URL, deployment(version=str(number), commits=commits), format="json").status_code for number in range(3)
    ]
    assert answers == [201, 200, 413]
    refused = ci.post(URL, deployment(version="9", commits=commits), format="json").json()
    assert refused["code"] == "run_too_large"
    assert ci.post(URL, deployment(version="small"), format="json").status_code == 200
    page = ann.get("/changes/" + ci.get(URL).json()["results"][0]["ref"])
    assert len(page.content) < 400_000


@pytest.mark.parametrize(
    "body", [{}, {"evidence": {}}, {"evidence": {"tests": "good"}}, {"evidence": {"luck": True}}, []]
)
def test_evidence_that_says_nothing_is_refused(ci, body):
    ref = post(ci)["ref"]
    assert ci.patch(f"{URL}/{ref}/evidence", body, format="json").status_code == 422


@pytest.mark.parametrize("ref", ["CHG-999999", "CHG-0", "INC-1", "CHG-99999999999999999999999", "CHG-1%00"])
def test_evidence_for_what_does_not_exist_is_404(ci, ref):
    assert proof(ci, ref, tests=TESTS).status_code == 404
