"""The rules of root cause analyses and of promises, without a database."""

from datetime import UTC, date, datetime, timedelta
from itertools import product
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from incidents.rca import policy
from incidents.rca.blame import PATTERNS, hints, without_names
from incidents.rca.policy import Edge, Node
from incidents.rca.states import ACTION_MOVES, KEPT, MOVES, OWED, ActionState, State
from workflow.decisions import REFUSED
from workflow.transitions import is_legal

BERLIN = ZoneInfo("Europe/Berlin")
LEGAL = {
    ("draft", "in_review"), ("draft", "waived"),
    ("in_review", "draft"), ("in_review", "reviewed"), ("in_review", "waived"),
    ("reviewed", "draft"), ("reviewed", "published"), ("reviewed", "waived"),
    ("waived", "draft"),
}  # fmt: skip
LEGAL_FOR_ACTIONS = {
    ("open", "in_progress"), ("open", "done"), ("open", "wont_do"),
    ("in_progress", "done"), ("in_progress", "wont_do"),
    ("done", "verified"), ("done", "ineffective"), ("done", "in_progress"),
    ("verified", "ineffective"),
    ("ineffective", "in_progress"), ("ineffective", "done"), ("ineffective", "wont_do"),
    ("wont_do", "in_progress"),
}  # fmt: skip


def test_every_pair_of_states_of_an_analysis_and_of_an_action_is_legal_or_not_as_written_here():
    for start, end in product(State.values, State.values):
        assert is_legal(MOVES, start, end) == ((start, end) in LEGAL), (start, end)
    for start, end in product(ActionState.values, ActionState.values):
        assert is_legal(ACTION_MOVES, start, end) == ((start, end) in LEGAL_FOR_ACTIONS), (start, end)
    assert set(MOVES) == set(State.values)
    assert set(ACTION_MOVES) == set(ActionState.values)
    assert OWED | KEPT | {"wont_do"} == set(ActionState.values)


def test_nothing_is_verified_before_it_is_done_and_nothing_published_before_somebody_reviewed():
    assert {start for start, ends in ACTION_MOVES.items() if "verified" in ends} == {"done"}
    assert {start for start, ends in MOVES.items() if "published" in ends} == {"reviewed"}


# --- The graph -------------------------------------------------------------------------------------------------------


def _has_circle(edges: list[Edge]) -> bool:
    """Take away whatever has nothing above it until nothing changes; what is left stands in a circle."""
    left = set(edges)
    while True:
        below = {edge.child for edge in left}
        free = {edge for edge in left if edge.parent not in below}
        if not free:
            return bool(left)
        left -= free


@given(st.lists(st.tuples(st.integers(1, 7), st.integers(1, 7)), max_size=30))
def test_whatever_order_edges_come_in_the_ones_that_are_let_in_never_make_a_circle(wished):
    kept: list[Edge] = []
    for parent, child in wished:
        edge = Edge(parent, child)
        decision = policy.causes_never_circle(kept, edge)
        if decision.outcome == REFUSED:
            assert _has_circle([*kept, edge]), edge
        else:
            kept.append(edge)
            assert not _has_circle(kept)


def _why(pk, *, state="supported", category="technology", path="occurrence", stop_reason="We own no more of it."):
    return Node(pk, f"claim {pk}", path, state, category, stop_reason)


SEEN_LATE = _why(90, path="detection")


def _faults(nodes, edges=()):
    return [(fault.rule, fault.why) for fault in policy.faults_before_review([*nodes, SEEN_LATE], list(edges))]


def test_a_supported_claim_needs_evidence_and_other_claims_do_not():
    for state, has_evidence in product(("hypothesis", "supported", "refuted"), (True, False)):
        decision = policy.supported_needs_evidence(state=state, has_evidence=has_evidence)
        assert (decision.outcome == REFUSED) == (state == "supported" and not has_evidence)


def test_only_root_causes_need_a_category_and_a_reason_to_stop_and_depth_is_free():
    chain = [_why(pk, category="", stop_reason="") for pk in range(1, 40)]
    edges = [Edge(pk, pk + 1) for pk in range(1, 39)]
    assert _faults(chain, edges) == [("root_causes_are_named", 39), ("root_causes_are_named", 39)]
    assert _faults([*chain[:-1], _why(39)], edges) == []


def test_what_was_refuted_explains_nothing_so_the_why_above_it_is_the_root():
    nodes = [_why(1, category="", stop_reason=""), _why(2, state="refuted", category="", stop_reason="")]
    assert {why for _, why in _faults(nodes, [Edge(1, 2)])} == {1}


def test_a_hypothesis_and_a_path_that_nobody_asked_about_hold_a_review_up():
    assert _faults([_why(1, state="hypothesis")]) == [("claims_are_shown", 1)]
    assert [fault.rule for fault in policy.faults_before_review([], [])] == ["both_paths_asked", "both_paths_asked"]


def test_training_alone_is_no_root_cause_until_a_sibling_asks_what_let_the_system_accept_it():
    top, alone = _why(1, category="", stop_reason=""), _why(2, category="training")
    assert _faults([top, alone], [Edge(1, 2)]) == [("training_needs_a_sibling", 2)]
    both = [Edge(1, 2), Edge(1, 3)]
    assert _faults([top, alone, _why(3, category="training")], both) == [
        ("training_needs_a_sibling", 2),
        ("training_needs_a_sibling", 3),
    ]
    assert _faults([top, alone, _why(3, state="refuted")], both) == [("training_needs_a_sibling", 2)]
    assert _faults([top, alone, _why(3)], both) == []
    assert _faults([_why(1, category="training"), _why(2)]) == []


# --- When and who ----------------------------------------------------------------------------------------------------


def test_an_analysis_is_due_in_three_days_for_sev_1_and_else_in_five_working_days_on_our_clock():
    thursday_night = datetime(2026, 11, 19, 23, 30, tzinfo=UTC)  # already Friday in Berlin
    assert policy.rca_due_at("sev1", resolved_at=thursday_night, zone=BERLIN).date() == date(2026, 11, 23)
    for severity in ("sev2", "sev3", "sev4"):
        due = policy.rca_due_at(severity, resolved_at=thursday_night, zone=BERLIN)
        assert due == datetime(2026, 11, 27, 17, 0, tzinfo=BERLIN)


@given(st.integers(0, 10 * 365 * 24).map(lambda hours: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(hours=hours)))
def test_five_working_days_have_passed_when_an_analysis_is_due_whatever_the_day(resolved_at):
    due = policy.rca_due_at("sev2", resolved_at=resolved_at, zone=BERLIN)
    first = resolved_at.astimezone(BERLIN).date()
    days = [first + timedelta(days=n) for n in range(1, (due.date() - first).days + 1)]
    assert sum(day.weekday() < 5 for day in days) == 5
    assert due.weekday() < 5


def test_an_action_is_promised_for_fifteen_days_after_sev_1_and_thirty_after_others():
    day = date(2026, 11, 24)
    assert policy.action_due("sev1", decided=day) == date(2026, 12, 9)
    assert policy.action_due("sev3", decided=day) == date(2026, 12, 24)


def test_reminders_come_before_on_and_after_the_day_and_go_on_each_week():
    due = date(2026, 11, 24)
    reminded = [n for n in range(-10, 30) if policy.is_reminded(due, today=due + timedelta(days=n))]
    assert reminded == [-3, 0, 1, 7, 14, 21, 28]


def test_nobody_reviews_what_they_wrote_verifies_what_they_did_or_lets_themselves_off():
    assert policy.somebody_else_reviews(1, {1, 2}).outcome == REFUSED
    assert policy.somebody_else_reviews(3, {1, 2}).outcome != REFUSED
    for rule in (policy.owner_never_verifies, policy.approver_is_not_owner):
        assert rule(1, 1).outcome == REFUSED
        assert rule(2, 1).outcome != REFUSED


def test_an_administrator_decides_for_a_team_but_not_about_what_only_a_few_may_see():
    for leads, admin, restricted in product((True, False), repeat=3):
        decision = policy.may_decide_for_team(leads_affected=leads, is_admin=admin, is_restricted=restricted)
        assert (decision.outcome != REFUSED) == (leads or (admin and not restricted))


def test_an_analysis_is_required_unless_somebody_said_that_customers_noticed_nothing():
    outcomes = {felt: policy.rca_required(customer_impacting=felt).outcome for felt in (True, False, None)}
    assert [felt for felt, outcome in outcomes.items() if outcome == REFUSED] == [False]


# --- Words that blame ------------------------------------------------------------------------------------------------


def test_each_kind_of_blame_is_found_where_it_stands_with_something_to_write_instead():
    cases = {
        "Bo should have known": "should have",
        "They shouldn't have deployed": "shouldn't have",
        "It was human error.": "human error",
        "Ann forgot to rotate it": "forgot to",
        "A careless change": "careless",
        "It was their fault": "their fault",
        "He didn't follow the runbook": "didn't follow",
        "Obviously the alert was off": "Obviously",
        "We will be more careful": "be more careful",
    }
    for text, words in cases.items():
        found = hints(text)
        assert [text[hint.start : hint.end] for hint in found] == [words], text
        assert found[0].instead.endswith((".", "?"))
    assert all(pattern.because and pattern.instead for pattern in PATTERNS)


def test_sentences_about_the_system_are_left_alone():
    for text in (
        "The pool allows 40 connections, and each line item opened one.",
        "The alert averages over 5 minutes.",
        "Nobody is told when the certificate ends.",
        "",
    ):
        assert hints(text, names=["Ann Lee", "Bo"]) == []


def test_names_are_found_as_words_and_roles_stand_in_their_place_in_what_is_published():
    text = "Bo Okafor told BO that Bobby’s job ran."
    assert [hint.words for hint in hints(text, names=["Bo"])] == ["Bo", "BO"]
    published = without_names(text, [("Bo", "the commander"), ("Bo Okafor", "the commander")])
    assert published == "the commander told the commander that Bobby’s job ran."


@given(st.text(max_size=300), st.lists(st.text(max_size=8), max_size=3))
def test_hints_always_point_at_the_words_that_they_are_about(text, names):
    for hint in hints(text, names=names):
        assert text[hint.start : hint.end] == hint.words
        assert hint.words
