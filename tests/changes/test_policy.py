"""The rules that exempt a pipeline's deploy from review. No database: that they need none is part of the promise."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from changes import policy
from changes.pipelines.order import RunState
from changes.pipelines.policy import may_register_pipeline, may_supply_proof
from changes.policy import DeployFacts, judge_deploy
from changes.states import MOVES, State
from tests.factories import SHA
from workflow.transitions import is_legal

FINISHED = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
COMMIT = {"sha": SHA, "author": "ann@example.com", "reviewed_by": ["bo@example.com"]}
PROOF = {
    "tests": {"passed": 412, "failed": 0, "sha": SHA},
    "smoke_test": {"status": "passed"},
    "rollback": {"ready": True, "plan": "helm rollback", "target": "2.13.9"},
}


def facts(*, run: dict[str, Any] | None = None, **changed) -> DeployFacts:
    state = {
        "status": "succeeded",
        "outcome": "succeeded",
        "started_at": FINISHED - timedelta(minutes=4),
        "finished_at": FINISHED,
        "sha": SHA,
        "artifact_digest": "sha256:71c0",
        "commits": [COMMIT],
        "evidence": PROOF,
        **(run or {}),
    }
    base = DeployFacts(
        run=RunState(**state),
        pipeline_state="trusted",
        requires=list(policy.CHECKS),
        covers_target=True,
        is_own_token=True,
        hard_freezes=[],
        now=FINISHED + timedelta(minutes=1),
    )
    return replace(base, **changed)


def test_a_trusted_pipeline_that_proved_everything_is_exempt():
    reached = judge_deploy(facts())
    assert (reached.result, reached.decision.rule) == ("exempt", "pipeline_deploy_exempt")
    assert all(check.passed for check in reached.checks)


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"pipeline_state": "unregistered"}, "unregistered_pipeline_unproven"),
        ({"pipeline_state": "proposed"}, "unconfirmed_pipeline_unproven"),
        ({"pipeline_state": "suspended"}, "suspended_pipeline_unproven"),
        ({"covers_target": False}, "foreign_target_unproven"),
        ({"is_own_token": False}, "foreign_token_unproven"),
        ({"is_by_person": True}, "person_logged_unproven"),
        ({"hard_freezes": ["Black Friday"]}, "failed_check_unproven"),
    ],
)
def test_evidence_counts_only_from_a_pipeline_that_people_trust(changed, rule):
    reached = judge_deploy(facts(**changed))
    assert (reached.result, reached.decision.rule) == ("unproven", rule)


def without(check: str) -> dict[str, Any]:
    return {"evidence": {name: proof for name, proof in PROOF.items() if name != check}}


@pytest.mark.parametrize(
    ("check", "run"),
    [
        ("reviewed_commits", {"commits": []}),
        ("reviewed_commits", {"commits": [{**COMMIT, "reviewed_by": []}]}),
        ("reviewed_commits", {"commits": [{**COMMIT, "reviewed_by": ["ANN@example.com"]}]}),
        ("reviewed_commits", {"commits": [{**COMMIT, "sha": "abcdef1234567"}]}),
        ("reviewed_commits", {"commits": [{**COMMIT, "reviewed_by": [""]}]}),
        ("reviewed_commits", {"commits": [{**COMMIT, "reviewed_by": [" \u200b\u00a0"]}]}),
        ("reviewed_commits", {"commits": [{**COMMIT, "reviewed_by": [" ann@EXAMPLE.com "]}]}),
        ("reviewed_commits", {"commits": [{**COMMIT, "reviewed_by": ["an\u200bn@example.com"]}]}),
        ("reviewed_commits", {"commits": [{**COMMIT, "reviewed_by": ["ann+work@example.com"]}]}),
        ("reviewed_commits", {"commits": [{**COMMIT, "reviewed_by": ["Ann Lee <ann@example.com>"]}]}),
        ("reviewed_commits", {"commits": [{**COMMIT, "author": ""}]}),
        ("reviewed_commits", {"commits": [{**COMMIT, "author": " "}]}),
        ("reviewed_commits", {"commits": [{"sha": SHA, "reviewed_by": ["bo@example.com"]}]}),
        ("tests", without("tests")),
        ("tests", {"evidence": {**PROOF, "tests": {"passed": 0, "failed": 0, "sha": SHA}}}),
        ("tests", {"evidence": {**PROOF, "tests": {"passed": 9, "failed": 1, "sha": SHA}}}),
        ("tests", {"evidence": {**PROOF, "tests": {"passed": 9, "failed": 0, "sha": "abcdef1234567"}}}),
        ("tests", {"evidence": {**PROOF, "tests": {"passed": 9, "failed": 0}}}),
        ("artifact", {"artifact_digest": ""}),
        ("artifact", {"artifact_digest": "latest"}),
        ("smoke_test", {"evidence": {**PROOF, "smoke_test": {"status": "failed"}}}),
        ("smoke_test", {"evidence": {**PROOF, "smoke_test": {"status": "passed", "at": "2026-11-24T08:00:00Z"}}}),
        ("rollback", without("rollback")),
        ("rollback", {"evidence": {**PROOF, "rollback": {"ready": False}}}),
    ],
)
def test_each_required_check_that_is_not_proven_makes_the_deploy_unproven(check, run):
    reached = judge_deploy(facts(run=run))
    assert reached.result == "unproven"
    assert [missing.check for missing in reached.missing] == [check]


def test_a_second_reviewer_counts_whatever_the_first_one_is():
    commit = {**COMMIT, "reviewed_by": ["", "ann@example.com", "Bo <bo@example.com>"]}
    assert judge_deploy(facts(run={"commits": [commit]})).result == "exempt"


@pytest.mark.parametrize("check", list(policy.CHECKS))
def test_a_check_that_is_not_required_never_costs_the_exemption(check):
    others = [name for name in policy.CHECKS if name != check]
    own: dict[str, dict[str, Any]] = {"reviewed_commits": {"commits": []}, "artifact": {"artifact_digest": ""}}
    nothing = own.get(check) or without(check)
    assert judge_deploy(facts(run=nothing, requires=others)).result == "exempt"


def test_a_smoke_test_is_waited_for_fifteen_minutes_and_no_longer():
    waiting = facts(run=without("smoke_test"), now=FINISHED + timedelta(minutes=14, seconds=59))
    assert judge_deploy(waiting).result == "pending"
    assert judge_deploy(replace(waiting, now=FINISHED + timedelta(minutes=15))).result == "unproven"


def test_while_a_run_goes_on_missing_proof_is_waited_for_but_failed_proof_is_not():
    running: dict[str, Any] = {"status": "started", "outcome": "", "finished_at": None, "evidence": {}}
    assert judge_deploy(facts(run=running)).result == "pending"
    failed = {**running, "evidence": {"tests": {"passed": 1, "failed": 1, "sha": SHA}}}
    assert judge_deploy(facts(run=failed)).result == "unproven"


def test_a_deploy_that_was_rolled_back_needs_no_smoke_test_but_stays_open_for_a_look():
    rolled_back = facts(run={"outcome": "rolled_back", **without("smoke_test")})
    assert judge_deploy(rolled_back).result == "exempt"
    assert policy.state_of_deploy(rolled_back.run, "exempt") == State.FINISHED


def test_a_run_that_is_silent_is_not_waited_for_longer_than_any_run_takes():
    for usual in (timedelta(), timedelta(days=365)):
        decision = policy.silent_run_unknown(
            started_at=FINISHED, usual_longest=usual, now=FINISHED + timedelta(days=7, seconds=1)
        )
        assert decision.outcome == "unknown"


def test_a_pipeline_over_several_services_is_for_those_who_have_a_hand_in_all_of_them():
    decision = may_register_pipeline(lacks=["edge", "ledger"], is_admin=False)
    assert decision.outcome == "refused"
    assert "edge, ledger" in decision.because
    assert may_register_pipeline(lacks=[], is_admin=False).outcome == "allowed"
    assert may_register_pipeline(lacks=["edge"], is_admin=True).outcome == "allowed"
    assert len(may_register_pipeline(lacks=["x" * 64] * 500, is_admin=False).because) < 600


@pytest.mark.parametrize("hand", ["owns_the_service", "registered_it", "is_admin", "is_own_token"])
def test_proof_comes_from_who_answers_for_the_service_or_its_pipeline(hand):
    nobody = {"owns_the_service": False, "registered_it": False, "is_admin": False, "is_own_token": False}
    assert may_supply_proof(**nobody).outcome == "refused"
    assert may_supply_proof(**{**nobody, hand: True}).outcome == "allowed"


def test_who_registered_a_pipeline_cannot_confirm_it():
    assert policy.pipeline_confirmed_by_another(registered_by="bo@x.org", confirmer="bo@x.org").rule == "four_eyes"
    assert policy.pipeline_confirmed_by_another(registered_by="bo@x.org", confirmer="bo@x.org").outcome == "refused"
    assert policy.pipeline_confirmed_by_another(registered_by="bo@x.org", confirmer="cy@x.org").outcome == "allowed"


def test_the_table_of_moves_knows_every_state_and_never_leads_back_from_an_end():
    assert set(MOVES) == set(State.values)
    for end in (State.CLOSED, State.WITHDRAWN, State.EXPIRED):
        assert not MOVES[end]
    assert not is_legal(MOVES, State.FINISHED, State.IN_PROGRESS)
