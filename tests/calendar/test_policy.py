"""What collides, and the next free slot, against the plainest way to compute them."""

from datetime import UTC, datetime, timedelta
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changes.calendar import policy
from changes.calendar.policy import (
    STEP,
    Booking,
    Landscape,
    Reason,
    Span,
    collision,
    collisions_among,
    lanes,
    next_free_slot,
    touches,
    within_hops,
)

START = datetime(2026, 11, 23, tzinfo=UTC)
PRODUCTION, UAT = 1, 2
CHECKOUT, LEDGER, DATABASE, DISK, MAIL = 1, 2, 3, 4, 5
CHAIN = [(CHECKOUT, LEDGER), (LEDGER, DATABASE), (DATABASE, DISK)]
LANDSCAPE = Landscape(within_hops(CHAIN), frozenset({CHECKOUT}))


def span(start, end):
    """Minutes since the start of the week."""
    return Span(START + timedelta(minutes=start), START + timedelta(minutes=end))


def booking(number, services, *, at=(0, 60), environment=PRODUCTION, implementer=None):
    return Booking(number, span(*at), frozenset(services), environment, implementer)


def reasons(one, other, landscape=LANDSCAPE):
    found = collision(one, other, landscape)
    return [(touch.reason, touch.blocks) for touch in found.touches] if found else []


# --- What collides ---------------------------------------------------------------------------------------------------


def test_two_changes_of_a_service_of_tier_0_at_the_same_time_block_each_other():
    assert reasons(booking(1, [CHECKOUT]), booking(2, [CHECKOUT, MAIL])) == [(Reason.SAME_SERVICE, True)]


def test_two_changes_of_another_service_are_a_warning():
    assert reasons(booking(1, [MAIL]), booking(2, [MAIL])) == [(Reason.SAME_SERVICE, False)]


def test_changes_that_follow_each_other_do_not_collide():
    assert reasons(booking(1, [MAIL], at=(0, 60)), booking(2, [MAIL], at=(60, 90))) == []
    assert reasons(booking(1, [MAIL], at=(0, 61)), booking(2, [MAIL], at=(60, 90)))


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        (CHECKOUT, LEDGER, [(Reason.DEPENDENCY, True)]),
        (LEDGER, CHECKOUT, [(Reason.DEPENDENCY, True)]),
        (CHECKOUT, DATABASE, [(Reason.DEPENDENCY, True)]),
        (LEDGER, DISK, [(Reason.DEPENDENCY, False)]),
        (CHECKOUT, DISK, []),
        (CHECKOUT, MAIL, []),
    ],
)
def test_a_dependency_is_felt_over_two_hops_either_way(one, other, found):
    assert reasons(booking(1, [one]), booking(2, [other])) == found


def test_two_services_that_only_share_a_dependency_do_not_collide():
    landscape = Landscape(within_hops([(CHECKOUT, DATABASE), (MAIL, DATABASE)]))
    assert reasons(booking(1, [CHECKOUT]), booking(2, [MAIL]), landscape) == []


def test_services_collide_within_an_environment_and_hands_everywhere():
    one, other = booking(1, [CHECKOUT], implementer=7), booking(2, [CHECKOUT], environment=UAT, implementer=7)
    assert reasons(one, other) == [(Reason.SAME_IMPLEMENTER, False)]
    assert reasons(booking(1, [MAIL], implementer=None), booking(2, [LEDGER], implementer=None)) == []


def test_what_blocks_is_named_before_what_warns():
    one, other = booking(1, [MAIL, LEDGER], implementer=7), booking(2, [MAIL, CHECKOUT], implementer=7)
    assert reasons(one, other) == [
        (Reason.DEPENDENCY, True),
        (Reason.SAME_SERVICE, False),
        (Reason.SAME_IMPLEMENTER, False),
    ]


def test_no_change_collides_with_itself():
    assert collision(booking(1, [MAIL]), booking(1, [MAIL]), LANDSCAPE) is None


services = st.integers(1, 6)
edges = st.lists(st.tuples(services, services).filter(lambda pair: pair[0] != pair[1]), max_size=12)
minutes = st.tuples(st.integers(0, 40), st.integers(1, 20)).map(lambda pair: (pair[0], pair[0] + pair[1]))
planned = st.lists(
    st.tuples(st.frozensets(services, min_size=1, max_size=3), minutes, st.sampled_from([1, 2]), st.integers(1, 4)),
    max_size=12,
).map(
    lambda rows: [booking(n, s, at=at, environment=e, implementer=i) for n, (s, at, e, i) in enumerate(rows, start=1)]
)


def reaches(edges, one, other):
    """Whether `one` depends on `other` directly or over one service between."""
    direct = set(edges)
    return one != other and (
        (one, other) in direct or any((one, mid) in direct and (mid, other) in direct for mid in range(1, 7))
    )


@given(edges)
def test_near_is_what_two_hops_reach_in_either_direction(edges):
    near = within_hops(edges)
    for one, other in combinations(range(1, 7), 2):
        expected = reaches(edges, one, other) or reaches(edges, other, one)
        assert (other in near.get(one, ())) is expected
        assert (one in near.get(other, ())) is expected


@given(planned, edges, st.frozensets(services))
def test_a_sweep_finds_the_collisions_that_looking_at_every_pair_finds(bookings, edges, tier_0):
    landscape = Landscape(within_hops(edges), tier_0)
    expected = set()
    for one, other in combinations(bookings, 2):
        overlap = any(one.span.start <= at < one.span.end for at in moments(other))
        same_place = one.environment_id == other.environment_id
        pairs = [(a, b) for a in one.services for b in other.services] if same_place else []
        near = [(a, b) for a, b in pairs if a == b or reaches(edges, a, b) or reaches(edges, b, a)]
        if overlap and (near or one.implementer_id == other.implementer_id):
            expected.add((frozenset({one.id, other.id}), any(tier_0 & {a, b} for a, b in near)))
    found = collisions_among(bookings, landscape, most=1000)
    assert {(frozenset({hit.one.id, hit.other.id}), hit.blocks) for hit in found} == expected
    assert len(found) == len(expected)


def moments(one):
    count = int((one.span.end - one.span.start) / timedelta(minutes=1))
    return [one.span.start + timedelta(minutes=minute) for minute in range(count)]


@given(planned, edges)
def test_whether_two_touch_does_not_depend_on_who_is_asked(bookings, edges):
    landscape = Landscape(within_hops(edges), frozenset({1, 3}))
    for one, other in combinations(bookings, 2):
        there, back = touches(one, other, landscape), touches(other, one, landscape)
        assert sorted((touch.reason, touch.blocks) for touch in there) == sorted(
            (touch.reason, touch.blocks) for touch in back
        )


def test_a_flood_of_collisions_is_cut_off():
    assert len(collisions_among([booking(n, [MAIL]) for n in range(100)], LANDSCAPE, most=50)) == 50


# --- Room ------------------------------------------------------------------------------------------------------------


def test_the_next_slot_begins_at_the_quarter_after_what_is_in_the_way():
    found = next_free_slot(timedelta(minutes=30), within=span(0, 1440), busy=[span(0, 50), span(70, 80)])
    assert found == span(90, 120)


def test_a_slot_may_begin_the_moment_the_busy_time_ends():
    assert next_free_slot(timedelta(minutes=30), within=span(0, 1440), busy=[span(0, 60)]) == span(60, 90)


def test_there_is_no_slot_in_a_fortnight_that_is_full():
    assert next_free_slot(timedelta(minutes=30), within=span(0, 600), busy=[span(0, 590)]) is None
    assert next_free_slot(timedelta(minutes=30), within=span(0, 29), busy=[]) is None


busy = st.lists(
    st.tuples(st.integers(0, 600), st.integers(0, 200)).map(lambda pair: span(pair[0], pair[0] + pair[1])), max_size=10
)


@given(st.integers(1, 200), st.integers(0, 100), st.integers(100, 900), busy)
def test_the_slot_is_the_one_that_trying_every_quarter_finds_first(length, start, end, busy):
    tried = (span(at, at + length) for at in range(0, end, 15) if at >= start and at + length <= end)
    taken = [one for one in busy if one.end > one.start]
    expected = next((slot for slot in tried if not any(slot.meets(one) for one in taken)), None)
    assert next_free_slot(timedelta(minutes=length), within=span(start, end), busy=busy) == expected


def test_a_slot_is_on_the_quarter_in_every_zone_whatever_second_it_is_asked_at():
    within = Span(START + timedelta(seconds=1), START + timedelta(days=1))
    found = next_free_slot(timedelta(minutes=7), within=within, busy=[])
    assert found is not None
    assert found.start == START + STEP


# --- Side by side ----------------------------------------------------------------------------------------------------


@given(st.lists(minutes.map(lambda pair: span(*pair)), max_size=15).map(sorted))
def test_what_overlaps_is_drawn_side_by_side_and_never_on_top_of_each_other(spans):
    placed = lanes(spans)
    assert len(placed) == len(spans)
    for (one, (lane, width)), (other, (other_lane, other_width)) in combinations(zip(spans, placed, strict=True), 2):
        if one.meets(other):
            assert lane != other_lane
            assert width == other_width
    assert all(0 <= lane < width for lane, width in placed)


def test_of_thousands_at_one_time_only_those_that_share_something_are_compared(monkeypatch):
    compared = []

    def counted(*pair):
        compared.append(pair)
        return collision(*pair)

    monkeypatch.setattr(policy, "collision", counted)
    crowd = [booking(number, [number], implementer=number) for number in range(1, 3000)]
    found = collisions_among([*crowd, booking(3000, [7])], Landscape(), most=10)
    assert [(hit.one.id, hit.other.id) for hit in found] == [(7, 3000)]
    assert len(compared) == 1
