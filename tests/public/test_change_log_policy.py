"""What customers are told of a change, and when: the rules, without a database."""

from datetime import timedelta

import pytest

from public.changelog import policy
from public.changelog.policy import Standing
from public.changelog.states import MOVES, State
from tests.factories import NOON

HOUR = timedelta(hours=1)


def goes(**facts):
    said = {"state": "closed", "outcome": "succeeded", "embargo_until": None, "now": NOON} | facts
    return policy.note_goes_out(**said).outcome


@pytest.mark.parametrize("state", ["draft", "submitted", "approved", "in_progress", "rejected", "withdrawn", "expired"])
def test_a_note_waits_until_the_change_is_done(state):
    assert goes(state=state, outcome="") == "waits"


@pytest.mark.parametrize("outcome", ["failed", "rolled_back", "partial", "not_done", "unknown"])
def test_a_note_of_a_change_that_did_not_work_never_goes_out(outcome):
    assert goes(outcome=outcome) == "refused"


def test_an_embargo_holds_to_the_minute_it_ends():
    assert goes(embargo_until=NOON + HOUR) == "waits"
    assert goes(embargo_until=NOON) == "allowed"
    assert goes(outcome="succeeded_with_issues", state="finished") == "allowed"


def test_only_those_who_have_to_do_with_a_change_write_its_note():
    stranger = policy.may_write_public_note(Standing(is_admin=False, is_theirs=False, is_in_owning_team=False))
    assert (stranger.rule, stranger.outcome) == ("may_write_public_note", "refused")
    for fact in ("is_admin", "is_theirs", "is_in_owning_team"):
        nothing = {"is_admin": False, "is_theirs": False, "is_in_owning_team": False}
        assert policy.may_write_public_note(Standing(**nothing | {fact: True})).outcome == "allowed"


@pytest.mark.parametrize("missing", ["customer_impacting", "is_production", "has_public_service"])
def test_customers_are_told_only_of_what_they_may_notice(missing):
    facts = {"customer_impacting": True, "is_production": True, "has_public_service": True}
    assert policy.change_may_be_told(**facts).outcome == "allowed"
    assert policy.change_may_be_told(**facts | {missing: False}).outcome == "refused"


def test_an_embargo_is_refused_beyond_a_year():
    assert policy.embargo_is_sound(embargo_until=NOON + timedelta(days=400), now=NOON).outcome == "refused"
    assert policy.embargo_is_sound(embargo_until=NOON + timedelta(days=30), now=NOON).outcome == "allowed"


@pytest.mark.parametrize(
    ("said", "title", "text"),
    [
        ("Carts survive a sign-in.", "Carts survive a sign-in", ""),
        ("Carts survive. They stay on every device.", "Carts survive", "They stay on every device."),
        ("New carts\n\nThey stay.", "New carts", "They stay."),
        ("They open in 1.1 seconds, not 2.4.", "They open in 1.1 seconds, not 2.4", ""),
        ("Version 2.1 of the API is out", "Version 2.1 of the API is out", ""),
        ("  ", "", ""),
    ],
)
def test_a_public_note_makes_a_title_and_a_text(said, title, text):
    assert policy.words_of(said) == (title, text)


def test_a_long_sentence_is_shortened_as_title_and_kept_whole_as_text():
    title, text = policy.words_of("word " * 60)
    assert len(title) <= policy.TITLE
    assert text == ("word " * 60).strip()


def test_a_withdrawn_note_is_looked_at_again_before_it_goes_out():
    assert MOVES[State.WITHDRAWN] == {State.DRAFT}
    assert {start: set(ends) for start, ends in MOVES.items()} == {
        "draft": {"published", "withdrawn"},
        "published": {"withdrawn"},
        "withdrawn": {"draft"},
    }
