"""What the status page says, and how lost time is counted: without a database."""

from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as some

from incidents.availability import RANK, WEIGHTS, Hurt, available_share, pieces, unavailable, without
from public.status.policy import effective_status, public_title, statement
from tests.factories import NOON

MINUTE = timedelta(minutes=1)
moments = some.integers(-600, 600).map(lambda count: NOON + count * MINUTE)
hurts = some.lists(
    some.tuples(moments, some.integers(1, 300), some.sampled_from(sorted(RANK))).map(
        lambda said: Hurt(said[0], said[0] + said[1] * MINUTE, said[2])
    ),
    max_size=8,
)


def at(minutes):
    return NOON + minutes * MINUTE


@given(hurts, some.integers(-400, 100), some.integers(1, 500))
def test_pieces_are_disjoint_and_hold_the_worst_of_each_moment(given_hurts, first, length):
    start, end = at(first), at(first + length)
    found = pieces(given_hurts, start, end)
    assert all(start <= one.start < one.end <= end for one in found)
    assert all(one.end <= other.start for one, other in pairwise(found))
    for minute in range(length):
        moment = start + minute * MINUTE
        expected = max(
            (one.level for one in given_hurts if one.start <= moment < one.end), key=RANK.__getitem__, default=""
        )
        assert next((one.level for one in found if one.start <= moment < one.end), "") == expected


def test_two_incidents_at_once_do_not_make_an_hour_longer():
    both = [Hurt(at(0), at(60), "down"), Hurt(at(30), at(90), "down"), Hurt(at(0), at(90), "degraded")]
    assert unavailable(pieces(both, at(-10), at(200))) == 90 * MINUTE


def test_only_announced_maintenance_is_left_out():
    parts = pieces([Hurt(at(0), at(60), "down")], at(0), at(100))
    assert without(parts, [(at(10), at(20)), (at(50), at(80))]) == [
        Hurt(at(0), at(10), "down"),
        Hurt(at(20), at(50), "down"),
    ]
    assert without(parts, [(at(-10), at(70))]) == []


def test_partly_down_counts_half_and_degraded_not_at_all():
    parts = [Hurt(at(0), at(10), "partial"), Hurt(at(10), at(30), "degraded")]
    assert unavailable(parts) == 5 * MINUTE
    assert WEIGHTS["down"] == 1
    assert available_share(5 * MINUTE, 100 * MINUTE) == 0.95
    assert available_share(MINUTE, timedelta(0)) is None


def test_the_status_of_a_component_is_the_worst_that_is_open():
    assert effective_status(["degraded", "down"], is_maintained=True) == "down"
    assert effective_status([], is_maintained=True) == "maintenance"
    assert effective_status([], is_maintained=False) == "works"


def test_the_page_says_the_worst_first_and_what_still_works():
    assert statement({"Mail": "works", "API": "works"}).sentence == "Everything works."
    said = statement({"Mail": "degraded", "API": "down", "Web": "works"})
    assert (said.status, said.sentence) == ("down", "API is down and Mail is degraded. Everything else works.")
    assert statement({"Mail": "partial", "API": "partial"}).sentence == "Mail and API are partly down."
    assert statement({"Mail": "maintenance", "API": "works"}).status == "maintenance"
    assert statement({}).sentence == "Everything works."


def test_an_incident_is_called_by_what_customers_know():
    assert public_title(["Mail"], ["degraded", "down"]) == "Mail down"
    assert public_title(["Mail", "API"], []) == "Mail and API degraded"
    assert public_title([], ["down"]) == "A problem that customers notice"
