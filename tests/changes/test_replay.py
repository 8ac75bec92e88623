"""What other rules would have decided, without a trace."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from changes import policy
from changes.models import Change, Pipeline
from changes.pipelines.actions import settle
from changes.replay.draft import BadDraft, with_draft
from changes.tickets import policy as tickets_policy
from changes.tickets import risk_policy
from tests.factories import deployment, make_ticket
from workflow.models import Entry
from workflow.snapshots import one_moment

DRAFT = '''
def tests(facts: DeployFacts) -> Finding:
    """At least 500 tests passed."""
    report = facts.run.evidence.get("tests")
    passed = report["passed"] if report else 0
    return passed >= 500, f"Only {passed} tests passed."
'''


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "draft.py"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def replay(**terms):
    out = StringIO()
    call_command("replay_policy", stdout=out, stderr=StringIO(), **terms)
    return out.getvalue()


def log(ci, **changed):
    answer = ci.post("/api/v1/deployments", deployment(**changed), format="json")
    assert answer.status_code in {200, 201}, answer.content
    return answer.json()["ref"]


# --- The draft -------------------------------------------------------------------------------------------------------


def test_a_draft_replaces_a_check_in_copies_and_leaves_what_decklog_runs_on_alone(written):
    drafted = with_draft(written(DRAFT))
    assert drafted.replaced == ("tests",)
    assert drafted.deploys.CHECKS["tests"] is drafted.deploys.tests is not policy.tests
    assert policy.CHECKS["tests"] is policy.tests
    assert list(drafted.deploys.CHECKS) == list(policy.CHECKS)


def test_a_draft_replaces_thresholds_and_rules_wherever_they_are_used(written):
    drafted = with_draft(
        written("""
PROOF_WITHIN = timedelta(hours=1)
HIGH_FROM = 1

def suspended_pipeline_unproven(facts, checks):
    return None

VERDICT_RULES = VERDICT_RULES[:-1] + (lambda facts, checks: Decision("never", "unproven", "No."),)
""")
    )
    late = drafted.deploys.late_proof_counts(finished_at=timezone.now() - timedelta(hours=2), now=timezone.now())
    assert late.outcome == "kept"
    assert drafted.deploys.suspended_pipeline_unproven in drafted.deploys.VERDICT_RULES
    assert policy.suspended_pipeline_unproven not in drafted.deploys.VERDICT_RULES
    facts = drafted.risk.RiskFacts({"first_time": True}, [], customer_impacting=False, rollback_minutes=None)
    assert drafted.risk.risk_level(facts).outcome == "high"
    assert (timedelta(hours=24), 6) == (policy.PROOF_WITHIN, risk_policy.HIGH_FROM)


def test_a_draft_about_people_is_used_as_well(written):
    drafted = with_draft(written("def demanded_approvals(level, teams):\n    return Demand(3, frozenset())"))
    assert drafted.tickets.demanded_approvals("low", []).number == 3
    assert tickets_policy.demanded_approvals("low", []).number == 1


@pytest.mark.parametrize(
    ("text", "because"),
    [
        ("x = (", "is no Python: line 1"),
        ("1 / 0", "fails: ZeroDivisionError"),
        ("import nothing_like_this", "fails: ModuleNotFoundError"),
        ("PROOF_WITHNI = 3", "replaces no name"),
        ("", "replaces no name"),
    ],
)
def test_a_draft_that_cannot_be_used_gets_a_sentence(written, text, because):
    with pytest.raises(BadDraft, match=because):
        with_draft(written(text))


def test_a_draft_that_is_not_there_or_no_text_gets_a_sentence(tmp_path):
    with pytest.raises(BadDraft, match="cannot be read"):
        with_draft(tmp_path / "nowhere.py")
    (tmp_path / "bytes.py").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadDraft, match="is no"):
        with_draft(tmp_path / "bytes.py")


# --- The replay ------------------------------------------------------------------------------------------------------


def test_a_stricter_check_names_the_deploys_that_it_would_have_stopped_and_writes_nothing(ci, written):
    weak, strong = log(ci, run_id="1"), log(ci, run_id="2", evidence=_tested(500))
    entries, verdicts = Entry.objects.count(), list(Change.objects.order_by("id").values_list("verdict", flat=True))
    said = replay(draft=written(DRAFT))
    assert "Deploys: 2 judged, 1 would be decided otherwise." in said
    assert f"{weak}  exempt → unproven  Only 412 tests passed." in said
    assert strong not in said
    assert Entry.objects.count() == entries
    assert list(Change.objects.order_by("id").values_list("verdict", flat=True)) == verdicts == ["exempt"] * 2


def _tested(passed):
    whole = deployment()["evidence"]
    return {**whole, "tests": {**whole["tests"], "passed": passed}}


def test_the_present_rules_decide_what_they_decided(ci, shop):
    log(ci, run_id="1")
    log(ci, run_id="2", evidence=None)
    log(ci, run_id="3", pipeline="unheard-of")
    log(ci, run_id="4", status="started", finished_at=None, evidence=None)
    assert "Deploys: 4 judged, 0 would be decided otherwise." in replay()


def test_facts_are_those_of_the_time_even_when_the_pipeline_has_changed_since(ci, shop):
    log(ci, run_id="1")
    log(ci, run_id="2", pipeline="unheard-of")
    Pipeline.objects.filter(slug="checkout-deploy").update(state="suspended", requires=["artifact", "no_freeze"])
    shop.pipeline.services.clear()
    assert "Deploys: 2 judged, 0 would be decided otherwise." in replay()


def test_proof_that_came_too_late_counts_no_more_in_a_replay(ci):
    old = timezone.now() - timedelta(days=3)
    times = {"started_at": old.isoformat(), "finished_at": (old + timedelta(minutes=1)).isoformat()}
    ref = log(ci, evidence=None, **times)
    ci.patch(f"/api/v1/deployments/{ref}/evidence", deployment()["evidence"], format="json")
    assert Change.objects.get().verdict == "unproven"
    assert "Deploys: 1 judged, 0 would be decided otherwise." in replay()


def test_a_smoke_test_that_did_not_come_is_seen_by_the_replay_as_by_the_clock(ci):
    old = timezone.now() - timedelta(hours=1)
    whole = {name: proof for name, proof in deployment()["evidence"].items() if name != "smoke_test"}
    log(ci, evidence=whole, started_at=old.isoformat(), finished_at=old.isoformat())
    change = Change.objects.get()
    settle(change.pk, now=timezone.now())
    assert "Deploys: 1 judged, 0 would be decided otherwise." in replay()


def test_the_period_and_the_services_narrow_it(ci, shop):
    old = (timezone.now() - timedelta(days=20)).isoformat()
    log(ci, run_id="1")
    log(ci, run_id="2", started_at=old, finished_at=old)
    log(ci, run_id="3", service="ledger")
    assert "Deploys: 3 judged" in replay()
    assert "Deploys: 2 judged" in replay(days=7)
    assert "Deploys: 1 judged" in replay(services=["ledger"])


def test_a_draft_shows_whose_risk_and_approvals_would_differ(shop, written):
    ref = make_ticket(shop, risk_answers={"first_time": True}).change.ref
    said = replay(draft=written("MEDIUM_FROM = 1"))
    assert "Risk of filed changes: 1 judged, 1 would be decided otherwise." in said
    assert f"{ref}  low → medium" in said
    assert f"{ref}  1 person → 1 person, a lead of Payments among them" in said


def test_rules_that_fail_halfway_name_the_change(ci, written):
    ref = log(ci)
    with pytest.raises(CommandError, match=rf"The rules fail at {ref}: KeyError"):
        replay(draft=written("def tests(facts):\n    return facts.run.evidence['nothing']"))


def test_the_cost_in_queries_does_not_grow_with_the_deploys(ci, django_assert_max_num_queries):
    for number in range(6):
        log(ci, run_id=str(number))
    with django_assert_max_num_queries(10):
        replay()


@pytest.mark.parametrize(("terms", "because"), [({"days": 0}, "Look back"), ({"services": ["x"]}, "no service “x”")])
def test_what_cannot_be_replayed_is_refused_in_a_sentence(shop, terms, because):
    with pytest.raises(CommandError, match=because):
        replay(**terms)


@pytest.mark.django_db(transaction=True)
def test_nothing_can_be_written_while_it_reads(shop):
    def write():
        with one_moment():
            assert Pipeline.objects.exists()
            Pipeline.objects.update(name="changed")

    with pytest.raises(DatabaseError):
        write()
    Pipeline.objects.update(name="later")
    with transaction.atomic():
        assert Pipeline.objects.filter(name="later").exists()
    assert not connection.in_atomic_block
