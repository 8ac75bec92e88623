"""The rules of incidents, without a database."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise, product

import pytest

from incidents.alerts.policy import DECLARES, JOINS, REPEATS, Known, is_over_already, what_firing_means
from incidents.policy import (
    LEVEL_OF,
    SEVERITIES,
    Closing,
    Merging,
    close_needs_rca,
    faults_of_times,
    merge_is_sound,
    severity_of,
    severity_of_alert,
    skip_needs_reason,
    step_is_legal,
    time_has_come,
    warnings_of,
)
from incidents.states import MOVES, PATH, Level, Scope, Severity, State
from workflow.decisions import REFUSED

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
LEGAL = {
    ("triage", "investigating"), ("triage", "identified"), ("triage", "mitigated"), ("triage", "resolved"),
    ("triage", "cancelled"), ("triage", "merged"),
    ("investigating", "identified"), ("investigating", "mitigated"), ("investigating", "resolved"),
    ("investigating", "cancelled"), ("investigating", "merged"),
    ("identified", "investigating"), ("identified", "mitigated"), ("identified", "resolved"),
    ("identified", "cancelled"), ("identified", "merged"),
    ("mitigated", "investigating"), ("mitigated", "resolved"), ("mitigated", "merged"),
    ("resolved", "investigating"), ("resolved", "closed"), ("resolved", "merged"),
    ("closed", "investigating"),
}  # fmt: skip
ORDINARY = set(pairwise(PATH))


def test_every_pair_of_states_is_a_move_or_refused_in_words():
    for start, end in product(State.values, State.values):
        decision = step_is_legal(start, end)
        assert (decision.outcome != REFUSED) == ((start, end) in LEGAL), (start, end)
        assert decision.rule == "transition_illegal"
        assert decision.because.endswith(".")
    assert set(MOVES) == set(State.values)


def test_a_step_that_leaves_states_out_or_goes_back_needs_a_reason_and_the_next_one_does_not():
    for start, end in LEGAL:
        if end in {"cancelled", "merged"}:
            continue
        plain, reasoned = (skip_needs_reason(start, end, reason=reason) for reason in ("  ", "It is over."))
        assert (plain.outcome != REFUSED) == ((start, end) in ORDINARY), (start, end)
        assert reasoned.outcome != REFUSED


def test_severity_rises_with_how_badly_and_with_whom_and_every_pair_has_one():
    order = list(Severity.values)
    for level, scope in product(Level.values, Scope.values):
        here = order.index(severity_of(level, scope))
        worse = [severity_of(other, scope) for other in Level.values[Level.values.index(level) :]]
        wider = [severity_of(level, other) for other in Scope.values[Scope.values.index(scope) :]]
        assert all(order.index(one) <= here for one in (*worse, *wider))
    assert SEVERITIES[Level.DOWN][Scope.ALL] == Severity.SEV1
    assert SEVERITIES[Level.DEGRADED][Scope.INTERNAL] == Severity.SEV4
    assert set(LEVEL_OF) == set(Severity.values)


@pytest.mark.parametrize(
    ("word", "tier", "severity"),
    [("sev1", 3, "sev1"), ("Critical", 3, "sev2"), ("warning", 0, "sev3"), ("info", 0, "sev4"), ("", 0, "sev2"),
     ("", 1, "sev3"), ("gibberish", None, "sev3")],
)  # fmt: skip
def test_an_alert_is_as_bad_as_its_word_says_else_as_its_service_matters(word, tier, severity):
    assert severity_of_alert(word, tier=tier) == severity


def test_times_keep_their_order_and_none_is_in_the_future_but_unknown_ones_are_fine():
    whole = {
        "impact_started_at": NOON,
        "detected_at": NOON - HOUR,
        "mitigated_at": NOON + HOUR,
        "resolved_at": NOON + HOUR,
        "closed_at": None,
    }
    now = NOON + 2 * HOUR
    assert faults_of_times(whole, now=now) == []
    assert faults_of_times(dict.fromkeys(whole), now=now) == []
    future = faults_of_times({**whole, "closed_at": now + HOUR}, now=now)
    assert [(fault.field, fault.rule) for fault in future] == [("closed_at", "none_in_the_future")]
    for name, at, blamed in (
        ("impact_started_at", NOON + 90 * HOUR / 60, "mitigated_at"),
        ("mitigated_at", NOON - HOUR, "mitigated_at"),
        ("resolved_at", NOON, "resolved_at"),
        ("closed_at", NOON, "closed_at"),
    ):
        faults = faults_of_times({**whole, name: at}, now=now)
        assert [(fault.field, fault.rule) for fault in faults] == [(blamed, "times_in_order")], name
    skipped = {"impact_started_at": NOON, "mitigated_at": None, "resolved_at": NOON - HOUR}
    assert [fault.field for fault in faults_of_times(skipped, now=now)] == ["resolved_at"]
    assert warnings_of(whole) == ["It was detected before it began to hurt."]
    assert warnings_of({}) == []


def test_a_time_is_corrected_once_it_has_come_and_never_forgotten_again():
    def outcome(name, state, *, was, now):
        return time_has_come(name, state, was_known=was, is_known=now).outcome

    assert outcome("detected_at", "triage", was=False, now=True) != REFUSED
    assert outcome("detected_at", "closed", was=True, now=False) != REFUSED
    assert outcome("declared_at", "closed", was=True, now=True) == REFUSED
    assert outcome("mitigated_at", "investigating", was=False, now=True) == REFUSED
    assert outcome("mitigated_at", "resolved", was=False, now=True) != REFUSED
    assert outcome("resolved_at", "resolved", was=True, now=False) == REFUSED


@pytest.mark.parametrize(
    ("facts", "closes"),
    [
        (Closing(customer_impacting=False), True),
        (Closing(customer_impacting=True), False),
        (Closing(customer_impacting=True, rca="in_review"), False),
        (Closing(customer_impacting=True, rca="published"), True),
        (Closing(customer_impacting=True, rca="waived", unanswered=("The pool was too small.",)), True),
        (Closing(customer_impacting=True, rca="published", unanswered=("The pool was too small.",)), False),
        (Closing(customer_impacting=False, rca="draft", unanswered=("The pool was too small.",)), False),
    ],
)
def test_an_incident_that_customers_felt_closes_with_its_rca_and_every_root_cause_answered(facts, closes):
    assert (close_needs_rca(facts).outcome != REFUSED) == closes


@pytest.mark.parametrize(
    ("facts", "merges"),
    [
        (Merging(is_same=False, parent_state="identified", restricted=False, parent_restricted=False), True),
        (Merging(is_same=False, parent_state="resolved", restricted=True, parent_restricted=True), True),
        (Merging(is_same=False, parent_state="triage", restricted=False, parent_restricted=True), True),
        (Merging(is_same=True, parent_state="triage", restricted=False, parent_restricted=False), False),
        (Merging(is_same=False, parent_state="merged", restricted=False, parent_restricted=False), False),
        (Merging(is_same=False, parent_state="closed", restricted=False, parent_restricted=False), False),
        (Merging(is_same=False, parent_state="triage", restricted=True, parent_restricted=False), False),
    ],
)
def test_incidents_merge_into_one_that_goes_on_and_never_out_of_hiding(facts, merges):
    assert (merge_is_sound(facts).outcome != REFUSED) == merges


def test_an_alert_joins_its_open_incident_declares_one_else_and_a_late_repetition_changes_nothing():
    def known(**changed):
        said = {"detected_at": NOON, "resolved_at": None, "is_orphan": False, "is_incident_open": True, **changed}
        return Known(**said)

    over = known(resolved_at=NOON + HOUR)
    orphan = known(detected_at=None, resolved_at=NOON + HOUR, is_orphan=True, is_incident_open=False)
    cases = [
        (None, NOON, DECLARES),
        (known(), NOON, JOINS),
        (known(), None, JOINS),
        (known(is_incident_open=False), None, DECLARES),
        (over, NOON, REPEATS),
        (over, NOON + 2 * HOUR, JOINS),
        (known(resolved_at=NOON + HOUR, is_incident_open=False), NOON + 2 * HOUR, DECLARES),
        (orphan, NOON, DECLARES),
    ]
    for before, detected, outcome in cases:
        assert what_firing_means(before, detected_at=detected).outcome == outcome
    assert is_over_already(orphan, detected_at=NOON)
    assert not is_over_already(orphan, detected_at=NOON + 2 * HOUR)
    assert not is_over_already(over, detected_at=NOON)
