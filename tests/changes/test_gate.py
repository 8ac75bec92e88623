"""The gate: may this commit be deployed now? Rules first, without a database; then through the API."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from changes.freezes.actions import hold_service, release_holds
from changes.models import Approval, Change, Freeze, FreezeOverride, GateDecision, Pipeline
from changes.pipelines import gate
from changes.pipelines.gate_policy import (
    GATE_RULES,
    STRICTEST,
    TRUST_RULES,
    ApprovedChange,
    FreezeFact,
    GateFacts,
    HoldFact,
    judge_gate,
)
from changes.pipelines.order import RunState
from changes.policy import VERDICT_RULES, DeployFacts
from changes.rulebook import rules
from tests.conftest import token_client
from tests.factories import NOON, SHA, deployment, make_shop, make_ticket
from workflow.ledger import timeline

PROOF = {"tests": {"passed": 412, "failed": 0, "sha": SHA}, "rollback": {"ready": True, "plan": "helm rollback"}}
HOUR = timedelta(hours=1)


def facts(*, evidence=None, deploy=None, **changed):
    run = RunState(sha=SHA, evidence=PROOF if evidence is None else evidence)
    said = DeployFacts(
        run=run,
        pipeline_state="trusted",
        requires=["tests", "smoke_test", "rollback", "no_freeze"],
        covers_target=True,
        is_own_token=True,
        hard_freezes=[],
        now=NOON,
    )
    return replace(GateFacts(deploy=replace(said, **(deploy or {})), tier=1, coverage="unknown"), **changed)


def freeze(*, is_hard=True, is_overridden=False, start=NOON - HOUR):
    return FreezeFact("Black Friday", is_hard, is_overridden, start, NOON + HOUR)


def told(given):
    verdict = judge_gate(given)
    return verdict.decision.outcome, [reason.code for reason in verdict.reasons]


HELD = [HoldFact("INC-3", "Payments fail")]
APPROVED = ApprovedChange("CHG-7")
BY_TEMPLATE = ApprovedChange("CHG-7", is_by_template=True)


def reviewed_by(*people):
    return RunState(sha=SHA, evidence=PROOF, commits=[{"sha": SHA, "author": "bo@x.org", "reviewed_by": [*people]}])


@pytest.mark.parametrize(
    ("given", "outcome", "codes"),
    [
        (facts(), "allow", ["evidence_suffices"]),
        (facts(freezes=[freeze()]), "deny", ["freeze_active"]),
        (facts(freezes=[freeze(is_hard=False)]), "allow", ["evidence_suffices", "freeze_soft"]),
        (facts(freezes=[freeze(is_overridden=True)]), "allow", ["evidence_suffices", "freeze_overridden"]),
        (facts(freezes=[freeze(is_overridden=True), freeze()]), "deny", ["freeze_active", "freeze_overridden"]),
        (facts(holds=HELD), "hold", ["hold_open"]),
        (facts(tier=0, coverage="nobody"), "hold", ["somebody_is_reachable"]),
        (facts(tier=1, coverage="nobody"), "allow", ["evidence_suffices"]),
        (facts(tier=0, coverage="unknown"), "allow", ["evidence_suffices", "coverage_unknown"]),
        (facts(tier=0, coverage="reachable"), "allow", ["evidence_suffices"]),
        (facts(deploy={"pipeline_state": "suspended"}), "review", ["suspended_pipeline_unproven"]),
        (facts(deploy={"pipeline_state": "proposed"}), "review", ["unconfirmed_pipeline_unproven"]),
        (
            facts(deploy={"pipeline_state": "unregistered", "requires": []}),
            "review",
            ["unregistered_pipeline_unproven"],
        ),
        (facts(deploy={"covers_target": False}), "review", ["foreign_target_unproven"]),
        (facts(deploy={"is_own_token": False}), "review", ["foreign_token_unproven"]),
        (facts(evidence={}), "review", ["evidence_missing", "evidence_missing"]),
        (facts(evidence={**PROOF, "tests": {"passed": 4, "failed": 1, "sha": SHA}}), "review", ["evidence_missing"]),
        (facts(evidence={**PROOF, "tests": {"passed": 4, "sha": "1c002dd4"}}), "review", ["evidence_missing"]),
        # Deny before hold, hold before review; the others are still told.
        (
            facts(freezes=[freeze()], holds=HELD, deploy={"pipeline_state": "suspended"}),
            "deny",
            ["freeze_active", "hold_open", "suspended_pipeline_unproven"],
        ),
        (facts(holds=HELD, evidence={"rollback": PROOF["rollback"]}), "hold", ["hold_open", "evidence_missing"]),
        # A change that people approved stands in for evidence and trust, and for nothing else.
        (
            facts(change=APPROVED, evidence={}, deploy={"pipeline_state": "suspended"}),
            "allow",
            ["approved_change_allows"],
        ),
        (facts(change=APPROVED, freezes=[freeze()]), "deny", ["freeze_active"]),
        (facts(change=APPROVED, holds=HELD), "hold", ["hold_open"]),
        # What is under way when a freeze begins may finish; what began in it may not.
        (
            facts(change=ApprovedChange("CHG-7", NOON - 2 * HOUR), freezes=[freeze()]),
            "allow",
            ["approved_change_allows"],
        ),
        (facts(change=ApprovedChange("CHG-7", NOON), freezes=[freeze()]), "deny", ["freeze_active"]),
        # A template approves what is done; that somebody looked at the commit is for the pipeline to prove.
        (facts(change=BY_TEMPLATE), "review", ["commit_of_template_reviewed"]),
        (facts(change=BY_TEMPLATE, deploy={"run": reviewed_by("bo@x.org")}), "review", ["commit_of_template_reviewed"]),
        (facts(change=BY_TEMPLATE, deploy={"run": reviewed_by("cy@x.org")}), "allow", ["approved_change_allows"]),
        (
            facts(change=BY_TEMPLATE, deploy={"run": reviewed_by("cy@x.org"), "pipeline_state": "proposed"}),
            "review",
            ["unconfirmed_pipeline_unproven"],
        ),
    ],
)
def test_the_gate_gives_the_strictest_answer_with_every_reason(given, outcome, codes):
    assert told(given) == (outcome, codes)


def test_a_smoke_test_is_not_asked_for_before_the_deploy():
    assert told(facts(deploy={"requires": ["smoke_test"]})) == ("allow", ["evidence_suffices"])


def test_a_reason_says_what_is_missing_in_words():
    detail = judge_gate(facts(evidence={"rollback": PROOF["rollback"]})).reasons[0].detail
    assert detail == "Tests: No test report was sent."


def test_the_gate_trusts_whom_the_verdict_trusts():
    assert set(TRUST_RULES) < set(VERDICT_RULES)
    assert len(TRUST_RULES) == len(VERDICT_RULES) - 3


def test_every_rule_of_the_gate_can_be_looked_up():
    assert {rule.__name__ for rule in GATE_RULES} <= set(rules())
    assert STRICTEST == ("deny", "hold", "review", "allow")


# --- Through the API -------------------------------------------------------------------------------------------------


def question(**changed):
    body = {"service": "checkout", "environment": "production", "pipeline": "checkout-deploy", "sha": SHA, **changed}
    return {name: value for name, value in body.items() if value is not None}


def ask(client, **changed):
    answer = client.post("/api/v1/gate", question(**changed), format="json")
    assert answer.status_code == 200, answer.content
    return answer.json()


def codes(answer):
    return [reason["code"] for reason in answer["reasons"]]


def make_freeze(**columns):
    now = timezone.now().replace(microsecond=0)
    said = {"name": "Black Friday", "start": now - HOUR, "end": now + HOUR, **columns}
    return Freeze.objects.create(last_end=said["end"], **said)


def test_a_trusted_pipeline_with_proof_may_deploy_for_ten_minutes(ci):
    answer = ask(ci, evidence=PROOF)

    assert (answer["decision"], answer["rule"], answer["change"]) == ("allow", "evidence_suffices", None)
    left = datetime.fromisoformat(answer["expires_at"]) - timezone.now()
    assert timedelta(minutes=9) < left <= timedelta(minutes=10)


def test_every_answer_is_kept_with_its_reasons_and_in_the_ledger(shop, ci):
    answer = ask(ci, evidence=PROOF)

    kept = GateDecision.objects.get()
    assert answer["decision_id"] == kept.ref == f"GATE-{kept.pk}"
    assert (kept.decision, kept.rule, kept.reasons, kept.sha) == ("allow", answer["rule"], answer["reasons"], SHA)
    entry = timeline(shop.pipeline.ref)[0]
    assert (entry.verb, entry.data["decision_id"], entry.data["evidence"]) == ("gate_asked", kept.ref, PROOF)


def test_a_hard_freeze_says_no_and_a_soft_one_only_warns(ci):
    make_freeze(is_hard=False)
    assert (ask(ci, evidence=PROOF)["decision"], codes(ask(ci, evidence=PROOF))[-1]) == ("allow", "coverage_unknown")
    assert "freeze_soft" in codes(ask(ci, evidence=PROOF))

    make_freeze()
    denied = ask(ci, evidence=PROOF)
    assert (denied["decision"], denied["rule"]) == ("deny", "freeze_active")
    assert "Black Friday" in denied["reasons"][0]["detail"]


@pytest.mark.parametrize(
    ("scope", "decision"),
    [
        ({"services": "checkout"}, "deny"),
        ({"services": "ledger"}, "allow"),
        ({"teams": "payments"}, "deny"),
        ({"teams": "delivery"}, "allow"),
        ({"environments": "production"}, "deny"),
        ({"environments": "uat"}, "allow"),
        ({"services": "checkout", "environments": "uat"}, "allow"),
        ({"services": "ledger", "teams": "payments"}, "deny"),
    ],
)
def test_a_freeze_says_no_only_where_it_reaches(shop, ci, scope, decision):
    frozen = make_freeze()
    rows = {"checkout": shop.checkout, "ledger": shop.ledger, "payments": shop.payments, "delivery": shop.delivery}
    rows |= {"production": shop.production, "uat": shop.uat}
    for name, slug in scope.items():
        getattr(frozen, name).add(rows[slug])
    assert ask(ci, evidence=PROOF)["decision"] == decision


def test_a_confirmed_override_opens_the_gate_for_its_service_until_it_expires(shop, ci):
    frozen = make_freeze()
    expires = timezone.now() + timedelta(minutes=4)
    override = FreezeOverride.objects.create(
        freeze=frozen, reason="Security fix", requested_by=shop.ann, expires_at=expires
    )
    override.services.add(shop.checkout)
    assert ask(ci, evidence=PROOF)["decision"] == "deny"

    FreezeOverride.objects.update(confirmed_by=shop.cy, confirmed_at=timezone.now())
    answer = ask(ci, evidence=PROOF)
    assert (answer["decision"], "freeze_overridden" in codes(answer)) == ("allow", True)
    assert datetime.fromisoformat(answer["expires_at"]) == expires

    override.services.set([shop.ledger])
    assert ask(ci, evidence=PROOF)["decision"] == "deny"


def test_an_answer_ends_when_the_next_hard_freeze_begins(ci):
    begins = (timezone.now() + timedelta(minutes=3)).replace(microsecond=0)
    make_freeze(start=begins)
    answer = ask(ci, evidence=PROOF)
    assert (answer["decision"], datetime.fromisoformat(answer["expires_at"])) == ("allow", begins)


def test_an_incident_that_holds_the_service_makes_the_pipeline_wait(shop, ci):
    hold_service(shop.checkout, source="INC-3", reason="Payments fail", at=timezone.now())
    held = ask(ci, evidence=PROOF)
    assert (held["decision"], held["rule"]) == ("hold", "hold_open")
    assert held["reasons"][0]["detail"] == "INC-3 holds this service: Payments fail."

    assert release_holds("INC-3", at=timezone.now()) == 1
    assert ask(ci, evidence=PROOF)["decision"] == "allow"


def test_a_tier_0_service_waits_while_nobody_is_on_call(ci, monkeypatch):
    monkeypatch.setattr(gate, "coverage", lambda service, start, end: "nobody" if end - start == HOUR else "unknown")
    held = ask(ci, evidence=PROOF)
    assert (held["decision"], held["rule"]) == ("hold", "somebody_is_reachable")


def test_what_the_pipeline_proved_about_the_commit_before_need_not_be_sent_again(shop, ci):
    shop.pipeline.environments.add(shop.uat)
    ci.post("/api/v1/deployments", deployment(environment="uat"), format="json")
    # The tests hold for the commit everywhere, the way back only where it was shown.
    assert codes(ask(ci))[:1] == ["evidence_missing"]
    assert "Rollback" in ask(ci)["reasons"][0]["detail"]

    assert ask(ci, evidence={"rollback": PROOF["rollback"]})["decision"] == "allow"
    assert ask(ci, evidence={"rollback": PROOF["rollback"]}, sha="1c002dd4b536")["decision"] == "review"


def test_proof_of_another_token_does_not_count_for_a_pipeline_that_is_bound_to_one(shop, ci):
    ci.post("/api/v1/deployments", deployment(), format="json")
    own = token_client(shop.ann, "deploy")
    Pipeline.objects.update(token=shop.ann.tokens.latest("pk"))

    assert ask(ci, evidence=PROOF)["rule"] == "foreign_token_unproven"
    assert ask(own)["rule"] == "evidence_missing"
    assert ask(own, evidence=PROOF)["decision"] == "allow"


def test_reviewed_commits_can_be_shown_with_the_question(shop, ci):
    Pipeline.objects.update(requires=["reviewed_commits"])
    commit = {"sha": SHA, "author": "ann@example.com", "reviewed_by": ["bo@example.com"]}
    assert ask(ci)["decision"] == "review"
    assert ask(ci, commits=[commit])["decision"] == "allow"
    assert ask(ci, commits=[{**commit, "reviewed_by": ["ann@example.com"]}])["decision"] == "review"


def test_missing_evidence_files_one_change_that_is_filled_in(shop, ci):
    answer = ask(ci, evidence={"tests": PROOF["tests"]}, commits=[{"sha": SHA, "author": "bo@example.com"}])

    assert answer["decision"] == "review"
    change = Change.objects.get()
    assert (answer["change"], change.state, change.sha) == (change.ref, "draft", SHA)
    assert (change.requester, change.service, change.environment) == (shop.ann, shop.checkout, shop.production)
    assert "412 tests passed" in change.ticket.test_evidence
    assert change.ticket.commits == [{"sha": SHA, "author": "bo@example.com"}]
    assert "No rollback was described" in change.ticket.description

    assert ask(ci)["change"] == change.ref
    assert ask(ci, sha="1c002dd4b536")["change"] != change.ref
    Change.objects.filter(pk=change.pk).update(state="withdrawn")
    assert ask(ci)["change"] not in {None, change.ref}


def test_made_up_commits_do_not_fill_the_list_of_changes(ci, monkeypatch):
    monkeypatch.setattr(gate, "MOST_FILED", 2)
    named = [ask(ci, sha=f"{number}fceb02d")["change"] for number in range(3)]
    assert (named[2], Change.objects.count()) == (None, 2)
    assert ask(ci, sha="0fceb02d")["change"] == named[0]


def test_made_up_pipelines_are_bounded_as_with_deploys(ci, monkeypatch):
    for module in ("policy", "strangers"):
        monkeypatch.setattr(f"changes.pipelines.{module}.MOST_STRANGERS", 1)
    ask(ci, pipeline="made-up-1")
    answer = ci.post("/api/v1/gate", question(pipeline="made-up-2"), format="json")
    assert (answer.status_code, answer.json()["code"]) == (429, "stranger_is_welcome")


def approved(shop, **columns):
    now = timezone.now()
    window = {"window_start": now - HOUR, "window_end": now + HOUR}
    return make_ticket(shop, **{"state": "approved", "sha": SHA, **window, **columns}).change


def test_an_approved_change_for_exactly_this_commit_opens_the_gate(shop, ci):
    change = approved(shop)
    answer = ask(ci)
    assert (answer["decision"], answer["rule"], answer["change"]) == ("allow", "approved_change_allows", change.ref)


@pytest.mark.parametrize(
    "columns",
    [
        {"state": "submitted"},
        {"state": "draft"},
        {"state": "closed", "outcome": "succeeded"},
        {"sha": "1c002dd4b536e7479fe34593e72e6c6c1819e53b"},
        {"sha": ""},
        {"window_start": NOON + 10000 * HOUR, "window_end": NOON + 10001 * HOUR},
        {"window_start": NOON - 10001 * HOUR, "window_end": NOON - 10000 * HOUR},
        {"services": "ledger"},
        {"environment": "uat"},
    ],
)
def test_a_change_for_anything_else_or_at_another_time_opens_nothing(shop, ci, columns):
    rows = {"ledger": [shop.ledger], "uat": shop.uat}
    approved(shop, **{name: rows.get(value, value) for name, value in columns.items()})
    assert ask(ci)["decision"] == "review"


def test_an_emergency_under_way_opens_the_gate_for_its_commit_but_not_through_a_freeze(shop, ci):
    now = timezone.now()
    emergency = approved(
        shop,
        state="in_progress",
        type="emergent",
        authorization="emergency",
        started_at=now,
        window_start=None,
        window_end=None,
    )
    assert ask(ci)["change"] == emergency.ref
    make_freeze()
    assert ask(ci)["decision"] == "deny"


def test_a_template_lets_no_commit_through_that_only_its_filer_names(shop, ci):
    change = approved(shop, authorization="template")
    answer = ask(ci, evidence=PROOF)
    assert (answer["decision"], answer["rule"]) == ("review", "commit_of_template_reviewed")
    commits = [{"sha": SHA, "author": "bo@example.com", "reviewed_by": ["cy@example.com"]}]
    answer = ask(ci, evidence=PROOF, commits=commits)
    assert (answer["decision"], answer["change"]) == ("allow", change.ref)


def test_a_misspelt_field_is_told_because_it_would_cost_the_answer(ci):
    answer = ask(ci, evidenc=PROOF)
    assert answer["reasons"][-1] == {"code": "unknown_field", "detail": "“evidenc” was not understood."}


def test_no_change_is_approved_by_asking_the_gate(shop, ci):
    ask(ci)
    assert not Approval.objects.exists()
    assert Change.objects.get().state == "draft"


def test_a_pipeline_that_nobody_registered_is_told_to_have_it_reviewed(ci):
    answer = ask(ci, pipeline="brand-new", evidence=PROOF)
    assert (answer["decision"], answer["rule"]) == ("review", "unregistered_pipeline_unproven")
    assert answer["change"]
    assert Pipeline.objects.get(slug="brand-new").state == "unregistered"


@pytest.mark.parametrize(
    ("changed", "status", "code", "field"),
    [
        ({"service": "no-such"}, 422, "unknown_service", "service"),
        ({"environment": "mars"}, 422, "unknown_environment", "environment"),
        ({"sha": ""}, 422, "invalid", "sha"),
        ({"sha": None}, 422, "invalid", "sha"),
        ({"pipeline": "a b"}, 422, "invalid", "pipeline"),
        ({"evidence": {"tests": "all green"}}, 422, "invalid", "evidence.tests"),
    ],
)
def test_a_question_that_is_wrong_is_refused_beside_its_field(ci, changed, status, code, field):
    answer = ci.post("/api/v1/gate", question(**changed), format="json")
    assert (answer.status_code, answer.json()["code"], answer.json()["errors"][0]["field"]) == (status, code, field)
    assert not GateDecision.objects.exists()


@pytest.mark.parametrize("limits", [{"services": ["ledger"]}, {"environments": ["uat"]}])
def test_a_token_asks_only_within_its_limits(shop, limits):
    answer = token_client(shop.ann, "deploy", **limits).post("/api/v1/gate", question(), format="json")
    assert (answer.status_code, answer.json()["code"]) == (403, "token_limits")
    assert not GateDecision.objects.exists()


def test_a_person_who_asks_in_a_browser_is_no_pipeline(shop, ann):
    answer = ann.post("/api/v1/gate", question(evidence=PROOF), content_type="application/json").json()
    assert (answer["decision"], answer["rule"]) == ("review", "person_logged_unproven")


def test_the_same_key_gets_the_same_decision(ci):
    answers = {
        ci.post("/api/v1/gate", question(), format="json", HTTP_IDEMPOTENCY_KEY="k").json()["decision_id"]
        for _ in range(2)
    }
    assert len(answers) == GateDecision.objects.count() == 1


# --- After the deploy ------------------------------------------------------------------------------------------------


def test_a_deploy_in_a_hard_freeze_with_leave_counts_as_not_frozen(shop, ci):
    Pipeline.objects.update(requires=["no_freeze"])
    frozen = make_freeze()

    def log(run):
        return ci.post("/api/v1/deployments", deployment(run_id=run), format="json").json()

    assert (log("1")["verdict"]["result"], log("1")["warnings"]) == ("unproven", [])

    FreezeOverride.objects.create(
        freeze=frozen,
        reason="Security fix",
        requested_by=shop.ann,
        confirmed_by=shop.cy,
        confirmed_at=timezone.now() - HOUR,
        expires_at=timezone.now() + HOUR,
    )
    assert (log("2")["verdict"]["result"], log("2")["warnings"]) == ("exempt", ["freeze_overridden"])


def test_a_deploy_before_the_leave_was_given_stays_frozen(shop, ci):
    Pipeline.objects.update(requires=["no_freeze"])
    FreezeOverride.objects.create(
        freeze=make_freeze(),
        reason="Too late",
        requested_by=shop.ann,
        confirmed_by=shop.cy,
        confirmed_at=timezone.now(),
        expires_at=timezone.now() + HOUR,
    )
    answer = ci.post("/api/v1/deployments", deployment(), format="json").json()
    assert answer["verdict"]["rule"] == "failed_check_unproven"


def test_a_deploy_in_a_freeze_that_recurs_is_found_frozen(shop, ci):
    Pipeline.objects.update(requires=["no_freeze"])
    start = timezone.now().astimezone(UTC).replace(microsecond=0) - timedelta(days=7, hours=1)
    Freeze.objects.create(name="Weekly", start=start, end=start + 2 * HOUR, rrule="FREQ=WEEKLY", time_zone="UTC")
    answer = ci.post("/api/v1/deployments", deployment(), format="json").json()
    assert answer["verdict"]["rule"] == "failed_check_unproven"

    Freeze.objects.update(ended_at=timezone.now() - HOUR, last_end=timezone.now() - HOUR)
    answer = ci.post("/api/v1/deployments", deployment(run_id="2"), format="json").json()
    assert answer["verdict"]["result"] == "exempt"


@pytest.mark.postgres_only
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer at a time")
@pytest.mark.django_db(transaction=True)
def test_of_questions_that_come_at_once_one_files_the_change(transactional_db):
    shop = make_shop()
    client, start, named = token_client(shop.ann, "deploy"), threading.Barrier(4), []

    def run():
        start.wait()
        try:
            named.append(ask(client)["change"])
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(named) == 4
    assert named == [Change.objects.get().ref] * 4
