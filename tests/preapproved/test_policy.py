"""The rules for templates, without a database and without a clock."""

import itertools
from datetime import timedelta
from typing import Any

import pytest

from changes.preapproved import policy
from changes.preapproved.content import LABELS, Terms
from changes.preapproved.models import Template
from changes.preapproved.states import MOVES
from changes.tickets.content import differences
from changes.tickets.policy import Circle, Hand, approver_role, four_eyes, quorum_satisfiable
from changes.tickets.risk_policy import RISK_QUESTIONS
from tests.factories import NOON
from workflow.transitions import is_legal

ANN, BO, CY, DAN = 1, 2, 3, 4
NAMES = {ANN: "Ann Lee", BO: "Bo Okafor", CY: "Cy Rao", DAN: "Dan Roe"}
LONG_AGO = NOON - timedelta(days=30)
COMPLETE: dict[str, Any] = {
    "title": "Rotate the API keys",
    "reason": "They expire.",
    "test_evidence": "Done in UAT.",
    "rollback_plan": "Put the old key back.",
    "rollback_minutes": 5,
    "verification_plan": "The health page is green.",
    "risk_answers": dict.fromkeys(RISK_QUESTIONS, False),
}


def hand(user_id, team="payments", *, lead=False, since=LONG_AGO):
    return Hand(user_id, NAMES[user_id], f"{user_id}@example.com", team, lead, since)


def circle(*hands, author=None, teams=("payments",)):
    excluded = {author: "wrote a part of it"} if author else {}
    return Circle("high", {slug: slug.title() for slug in teams}, hands, excluded, NOON)


TEAM = (hand(ANN, lead=True), hand(BO), hand(CY))


# --- Who approves ----------------------------------------------------------------------------------------------------


def test_a_lead_and_a_member_of_the_owning_team_are_enough():
    decision = policy.template_approved(circle(*TEAM, author=CY), [ANN, BO])
    assert (decision.outcome, decision.because) == ("approved", "Approved by Ann Lee and Bo Okafor.")


@pytest.mark.parametrize(
    ("given", "because"),
    [
        ([], "Needs 2 more approvals, a lead of Payments among them; Ann Lee, Bo Okafor or Cy Rao can give them."),
        ([ANN], "Needs 1 more approval; Bo Okafor or Cy Rao can give it."),
        ([BO], "Needs 1 more approval, a lead of Payments among them; Ann Lee can give it."),
        ([BO, CY], "Needs 1 more approval, a lead of Payments among them; Ann Lee can give it."),
    ],
)
def test_who_is_missing_is_told_by_name(given, because):
    decision = policy.template_approved(circle(*TEAM), given)
    assert (decision.outcome, decision.because) == ("proposed", because)


def test_the_same_person_twice_is_one_approval():
    assert policy.template_approved(circle(*TEAM), [ANN, ANN]).outcome == "proposed"


def test_a_lead_of_each_owning_team_is_asked():
    both = circle(hand(ANN, lead=True), hand(BO), hand(CY, "delivery", lead=True), teams=("payments", "delivery"))
    assert "a lead of Delivery among them" in policy.template_approved(both, [ANN, BO]).because
    assert policy.template_approved(both, [ANN, CY]).outcome == "approved"


def test_one_lead_of_both_teams_still_needs_a_second_person():
    both = circle(hand(ANN, lead=True), hand(ANN, "delivery", lead=True), hand(BO), teams=("payments", "delivery"))
    assert policy.template_approved(both, [ANN]).outcome == "proposed"
    assert policy.template_approved(both, [ANN, BO]).outcome == "approved"


def test_the_approval_of_whoever_wrote_it_does_not_count():
    assert policy.template_approved(circle(*TEAM, author=ANN), [ANN, BO]).outcome == "proposed"
    assert four_eyes(ANN, circle(*TEAM, author=ANN)).rule == "four_eyes"


def test_a_role_counts_only_if_it_is_older_than_the_proposal():
    late = circle(hand(ANN, lead=True, since=NOON + timedelta(seconds=1)), hand(BO))
    refused = approver_role(ANN, late)
    assert (refused.rule, refused.outcome) == ("role_held_before", "refused")
    assert policy.template_approved(late, [ANN, BO]).outcome == "proposed"


def test_somebody_of_another_team_is_told_who_can():
    refused = approver_role(DAN, circle(*TEAM))
    assert refused.rule == "approver_role"
    assert refused.because == "Only Ann Lee, Bo Okafor and Cy Rao can judge it."


@pytest.mark.parametrize(
    ("hands", "author", "because"),
    [
        (TEAM, ANN, "A lead of Payments must approve, and there is none who may. Ann Lee wrote a part of it."),
        (TEAM[:1], BO, "2 people must approve, and only Ann Lee is left."),
        ((), ANN, "A lead of Payments must approve, and there is none who may."),
    ],
)
def test_a_template_that_too_few_people_could_approve_is_refused_with_names(hands, author, because):
    decision = quorum_satisfiable(circle(*hands, author=author))
    assert (decision.rule, decision.outcome, decision.because) == ("quorum_unsatisfiable", "refused", because)


def test_who_can_approve_is_told_when_there_are_enough():
    assert quorum_satisfiable(circle(*TEAM, author=CY)).because == "Ann Lee and Bo Okafor can approve it."


# --- How long --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "days_left", "outcome"),
    [
        ("proposed", None, "allowed"),
        ("approved", 100, "refused"),
        ("approved", 14.1, "refused"),
        ("approved", 13.9, "allowed"),
        ("approved", -5, "allowed"),
        ("demoted", None, "refused"),
        ("retired", None, "refused"),
    ],
)
def test_a_template_is_approved_while_proposed_and_anew_when_its_time_ends(state, days_left, outcome):
    until = None if days_left is None else NOON + timedelta(days=days_left)
    assert policy.template_approvable(state=state, approved_until=until, now=NOON).outcome == outcome


def usable(**changed):
    facts: dict[str, Any] = {
        "state": "approved",
        "approved_until": NOON + timedelta(days=1),
        "digest": "a",
        "digest_now": "a",
        "approved_digests": ["a", "a"],
    }
    return policy.template_usable(policy.TemplateFacts(**facts | changed), now=NOON)


def test_an_approved_template_is_usable_until_its_last_second():
    assert usable().outcome == "allowed"
    assert usable(approved_until=NOON + timedelta(seconds=1)).outcome == "allowed"
    assert usable(approved_until=NOON).outcome == "refused"


@pytest.mark.parametrize(
    "changed",
    [
        {"state": "proposed"},
        {"state": "demoted"},
        {"state": "retired"},
        {"approved_until": None},
        {"digest_now": "b"},
        {"digest": "b"},
        {"digest": "b", "digest_now": "b"},
        {"approved_digests": ["a"]},
        {"approved_digests": ["a", "b"]},
    ],
    ids=str,
)
def test_a_template_that_lacks_any_of_it_is_not_usable_and_says_why(changed):
    decision = usable(**changed)
    assert (decision.rule, decision.outcome) == ("template_usable", "refused")
    assert decision.because.endswith(".")


@pytest.mark.parametrize(
    ("outcome", "caused", "decided"),
    [
        ("failed", False, "demoted"),
        ("rolled_back", False, "demoted"),
        ("succeeded", True, "demoted"),
        ("succeeded", False, "kept"),
        ("succeeded_with_issues", False, "kept"),
        ("partial", False, "kept"),
        ("not_done", False, "kept"),
    ],
)
def test_a_failure_or_a_caused_incident_demotes(outcome, caused, decided):
    assert policy.template_demoted(outcome=outcome, caused_incident=caused).outcome == decided


@pytest.mark.parametrize(("days", "outcome"), [(15, "quiet"), (14, "tell"), (1, "tell"), (0, "quiet"), (-1, "quiet")])
def test_the_author_is_told_in_the_last_14_days(days, outcome):
    assert policy.template_expiry_told(approved_until=NOON + timedelta(days=days), now=NOON).outcome == outcome


# --- What it says ----------------------------------------------------------------------------------------------------


def test_a_template_says_all_that_a_reviewed_change_says_but_its_window():
    assert policy.template_complete(COMPLETE) == []
    missing = {name for name, _ in policy.template_complete({"title": "Rotate the API keys"})}
    assert missing == set(COMPLETE) - {"title"}


def terms(**changed):
    said = {"name": "Keys", "services": ["checkout"], "environment": "production", **COMPLETE, **changed}
    return Terms(**said)


@pytest.mark.parametrize(
    "changed",
    [
        {"title": "Another"},
        {"services": ["checkout", "ledger"]},
        {"environment": "uat"},
        {"description": "More."},
        {"reason": "Another."},
        {"customer_impacting": True},
        {"public_note": "Told."},
        {"risk_answers": {**COMPLETE["risk_answers"], "irreversible": True}},
        {"test_evidence": "None."},
        {"rollback_plan": "None."},
        {"rollback_minutes": 6},
        {"verification_plan": "None."},
    ],
    ids=str,
)
def test_every_part_that_an_approver_reads_is_in_the_digest_and_in_the_difference(changed):
    assert terms(**changed).digest != terms().digest
    found = differences(terms().content, terms(**changed).content, labels=LABELS)
    assert [one.name for one in found] == list(changed)
    assert found[0].before != found[0].after


def test_neither_the_name_nor_the_order_of_services_is_in_the_digest():
    assert terms(name="Other").digest == terms().digest
    assert terms(services=["b", "a"]).digest == terms(services=["a", "b", "a"]).digest


# --- States, pair by pair --------------------------------------------------------------------------------------------

LEGAL = {
    ("proposed", "approved"),
    ("proposed", "demoted"),
    ("proposed", "retired"),
    ("approved", "proposed"),
    ("approved", "demoted"),
    ("approved", "retired"),
    ("demoted", "proposed"),
    ("demoted", "retired"),
    ("retired", "proposed"),
}


@pytest.mark.parametrize(("start", "end"), list(itertools.product(Template.State.values, repeat=2)))
def test_every_step_between_two_states_is_as_the_table_says(start, end):
    assert is_legal(MOVES, start, end) is ((start, end) in LEGAL)


def test_nothing_that_was_demoted_or_retired_is_trusted_in_one_step():
    assert not any(is_legal(MOVES, start, "approved") for start in ("demoted", "retired"))
