"""Who has the watch, without a database: the cases that are easily got wrong, and the two ways proving each other."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oncall import rota
from oncall.rota import Override, Restriction, Rotation, Schedule

CHICAGO, BERLIN, LORD_HOWE = (ZoneInfo(name) for name in ("America/Chicago", "Europe/Berlin", "Australia/Lord_Howe"))
HOUR = timedelta(hours=1)
ANN, BO, CY = 1, 2, 3


def turns(*people: int | None) -> tuple[rota.People, ...]:
    """A turn each; None is nobody on purpose."""
    return tuple(frozenset() if person is None else frozenset({person}) for person in people)


def at(text: str, zone: ZoneInfo | None = None) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone or UTC)


def said(schedule: Schedule, start: datetime, end: datetime) -> list[tuple[str, str, list[int]]]:
    """The final schedule in the clocks of the zone."""
    return [
        (_wall(piece.start, schedule), _wall(piece.end, schedule), sorted(piece.people))
        for piece in rota.final_schedule(schedule, start, end)
    ]


def _wall(moment: datetime, schedule: Schedule) -> str:
    return f"{moment.astimezone(schedule.zone):%d %H:%M}"


# --- The clocks change -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        (CHICAGO, "2026-03-08", 23),
        (CHICAGO, "2026-11-01", 25),
        (BERLIN, "2026-03-29", 23),
        (BERLIN, "2026-10-25", 25),
        (LORD_HOWE, "2026-10-04", 23.5),
        (LORD_HOWE, "2026-04-05", 24.5),
    ],
)
def test_a_daily_handoff_keeps_its_time_on_the_wall_when_the_clocks_change(zone, day, hours):
    noon = at(f"{day}T12:00", zone)
    rotation = Rotation(1, "daily", noon - timedelta(days=10), turns(ANN, BO))
    found = rota.shift(rotation, zone, noon - timedelta(hours=1))
    # A handoff at noon: the shift that holds the change of the clocks is shorter or longer than a day.
    assert (found.end - found.start, found.end.astimezone(zone).hour) == (timedelta(hours=hours), 12)


def test_a_handoff_that_the_clocks_skip_comes_at_the_end_of_the_gap():
    daily = Schedule(BERLIN, (Rotation(1, "daily", at("2026-03-27T02:30", BERLIN), turns(ANN, BO)),))
    assert said(daily, at("2026-03-28T12:00"), at("2026-03-29T12:00")) == [
        ("28 13:00", "29 03:00", [BO]),
        ("29 03:00", "29 14:00", [ANN]),
    ]


def test_a_handoff_that_the_clocks_show_twice_comes_the_first_time():
    daily = Schedule(CHICAGO, (Rotation(1, "daily", at("2026-10-31T01:30", CHICAGO), turns(ANN, BO)),))
    first = at("2026-11-01T01:30", CHICAGO)
    assert rota.on_call(daily, first - timedelta(minutes=1)) == {ANN}
    assert rota.on_call(daily, first) == rota.on_call(daily, first + HOUR) == {BO}


def test_hours_are_those_of_the_wall_clock_too():
    hourly = Schedule(LORD_HOWE, (Rotation(1, "hourly", at("2026-10-03T00:00", LORD_HOWE), turns(ANN, BO)),))
    assert said(hourly, at("2026-10-04T00:00", LORD_HOWE), at("2026-10-04T04:00", LORD_HOWE)) == [
        ("04 00:00", "04 01:00", [ANN]),
        ("04 01:00", "04 02:30", [BO]),
        ("04 02:30", "04 03:00", [ANN]),
        ("04 03:00", "04 04:00", [BO]),
    ]


# --- Restrictions ----------------------------------------------------------------------------------------------------


def test_a_restriction_hides_a_shift_and_never_makes_the_next_one_come_earlier():
    office = (Restriction(8 * 60, 18 * 60, 0, 0), Restriction(8 * 60, 18 * 60, 2, 2))
    daily = Schedule(
        BERLIN, (Rotation(1, "daily", at("2026-01-05T00:00", BERLIN), turns(ANN, BO), restrictions=office),)
    )
    assert said(daily, at("2026-01-05T00:00", BERLIN), at("2026-01-08T00:00", BERLIN)) == [
        ("05 00:00", "05 08:00", []),
        ("05 08:00", "05 18:00", [ANN]),
        ("05 18:00", "07 08:00", []),
        ("07 08:00", "07 18:00", [ANN]),
        ("07 18:00", "08 00:00", []),
    ]


@pytest.mark.parametrize(
    ("restriction", "inside", "outside"),
    [
        (Restriction(22 * 60, 6 * 60), ["05T22:00", "06T05:59", "06T00:00"], ["05T21:59", "06T06:00"]),
        (Restriction(18 * 60, 8 * 60, 4, 0), ["09T18:00", "11T12:00", "12T07:59"], ["09T17:59", "12T08:00"]),
        (
            Restriction(9 * 60, 17 * 60, 0, 4),
            ["05T09:00", "06T03:00", "09T16:59"],
            ["05T08:59", "09T17:00", "10T12:00"],
        ),
        (Restriction(9 * 60, 9 * 60), ["05T09:00", "05T08:59"], []),
        (Restriction(0, 0, 2, 2), ["05T09:00", "07T00:00"], []),
    ],
    ids=["overnight", "over the weekend", "through the week", "a whole day", "a whole week"],
)
def test_restrictions_are_half_open_and_may_run_over_midnight_and_over_sunday(restriction, inside, outside):
    weekly = Rotation(1, "weekly", at("2025-12-01T00:00", BERLIN), turns(ANN), restrictions=(restriction,))
    schedule = Schedule(BERLIN, (weekly,))
    assert all(rota.on_call(schedule, at(f"2026-01-{moment}", BERLIN)) for moment in inside)
    assert not any(rota.on_call(schedule, at(f"2026-01-{moment}", BERLIN)) for moment in outside)


# --- Turns, beginnings and ends --------------------------------------------------------------------------------------


def test_a_person_may_have_two_turns_and_a_turn_may_be_nobodys():
    daily = Schedule(ZoneInfo("UTC"), (Rotation(1, "daily", at("2026-01-01"), turns(ANN, ANN, None, BO)),))
    assert said(daily, at("2026-01-01"), at("2026-01-06")) == [
        ("01 00:00", "03 00:00", [ANN]),
        ("03 00:00", "04 00:00", []),
        ("04 00:00", "05 00:00", [BO]),
        ("05 00:00", "06 00:00", [ANN]),
    ]


def test_nobody_has_the_watch_before_a_rotation_begins_nor_from_its_end_on():
    start, end = at("2026-01-02T08:00"), at("2026-01-04T12:00")
    daily = Schedule(ZoneInfo("UTC"), (Rotation(1, "daily", start, turns(ANN, BO), end=end),))
    assert not rota.on_call(daily, start - timedelta(seconds=1))
    assert rota.on_call(daily, start) == {ANN}
    assert rota.on_call(daily, end - timedelta(seconds=1)) == {ANN}
    assert not rota.on_call(daily, end)
    assert not rota.on_call(Schedule(daily.zone, daily.rotations, is_enabled=False), start)


def test_rotations_of_a_schedule_count_together():
    early = Rotation(1, "weekly", at("2026-01-05"), turns(ANN))
    late = Rotation(2, "weekly", at("2026-01-06"), turns(BO, CY))
    both = Schedule(ZoneInfo("UTC"), (early, late))
    assert said(both, at("2026-01-05"), at("2026-01-14")) == [
        ("05 00:00", "06 00:00", [ANN]),
        ("06 00:00", "13 00:00", [ANN, BO]),
        ("13 00:00", "14 00:00", [ANN, CY]),
    ]


def test_an_override_takes_the_place_of_the_rotations_that_it_names_only():
    first, second = (
        Rotation(1, "weekly", at("2026-01-05"), turns(ANN)),
        Rotation(2, "weekly", at("2026-01-05"), turns(BO)),
    )
    override = Override(CY, at("2026-01-06T10:00"), at("2026-01-06T12:00"), frozenset({1}))
    wide = Override(CY, at("2026-01-01T00:00"), at("2026-01-01T02:00"))
    schedule = Schedule(ZoneInfo("UTC"), (first, second), (override, wide))
    assert said(schedule, at("2026-01-06"), at("2026-01-07")) == [
        ("06 00:00", "06 10:00", [ANN, BO]),
        ("06 10:00", "06 12:00", [BO, CY]),
        ("06 12:00", "07 00:00", [ANN, BO]),
    ]
    assert rota.on_call(schedule, at("2026-01-01T01:00")) == {CY}, (
        "an override of everything fills what no rotation does"
    )


# --- The two ways prove each other -----------------------------------------------------------------------------------

zones = st.sampled_from([CHICAGO, BERLIN, LORD_HOWE, ZoneInfo("UTC"), ZoneInfo("Asia/Kathmandu")])
minutes = st.integers(0, 47).map(lambda half: half * 30)
weekdays = st.integers(0, 6)
restrictions = st.one_of(
    st.builds(Restriction, minutes, minutes), st.builds(Restriction, minutes, minutes, weekdays, weekdays)
)
instants = st.integers(0, 400 * 48).map(lambda half: at("2026-01-01") + half * HOUR / 2)
people = st.frozensets(st.integers(1, 4), max_size=2)


@st.composite
def rotations(draw, number):
    start = draw(instants)
    length = draw(st.integers(1, 3))
    until = draw(st.none() | st.integers(1, 2000).map(lambda half: start + half * HOUR / 2))
    return Rotation(
        number,
        draw(st.sampled_from(["hourly", "daily", "weekly"])),
        start,
        tuple(draw(st.lists(people, min_size=1, max_size=4))),
        length,
        until,
        tuple(draw(st.lists(restrictions, max_size=2))),
    )


@st.composite
def schedules(draw):
    own = tuple(draw(rotations(number)) for number in range(draw(st.integers(0, 3))))
    overrides = []
    for _ in range(draw(st.integers(0, 3))):
        start = draw(instants)
        named = draw(st.frozensets(st.integers(0, 3), max_size=2))
        overrides.append(Override(draw(st.integers(1, 4)), start, start + draw(st.integers(1, 200)) * HOUR / 2, named))
    return Schedule(draw(zones), own, tuple(overrides))


# Times around each change of the clocks in the zones above, where mistakes are.
turning = st.sampled_from(
    [
        "2026-03-08T08:00",
        "2026-11-01T06:00",
        "2026-03-29T01:00",
        "2026-10-25T00:30",
        "2026-04-04T15:00",
        "2026-10-03T15:30",
    ]
)
windows = st.one_of(instants, turning.map(at))


@settings(max_examples=150, deadline=None)
@given(schedules(), windows, st.integers(1, 60 * 24), st.lists(st.integers(0, 10**6), min_size=3, max_size=12))
def test_the_pieces_are_disjoint_cover_the_window_and_say_what_each_moment_says(schedule, start, half_hours, places):
    end = start + half_hours * HOUR / 2
    pieces = rota.final_schedule(schedule, start, end)
    assert [piece.end for piece in pieces[:-1]] == [piece.start for piece in pieces[1:]]
    assert (pieces[0].start, pieces[-1].end) == (start, end)
    assert all(piece.start < piece.end for piece in pieces)
    assert all(left.people != right.people for left, right in pairwise(pieces))
    moments = [start + (end - start) * place / 10**6 for place in places if place < 10**6]
    moments += [piece.start for piece in pieces] + [piece.end - timedelta(seconds=1) for piece in pieces]
    for moment in moments:
        inside = next(piece for piece in pieces if piece.start <= moment < piece.end)
        assert rota.on_call(schedule, moment) == inside.people, moment


@settings(max_examples=60, deadline=None)
@given(schedules(), schedules(), windows, st.integers(1, 60 * 24))
def test_a_difference_is_exactly_where_two_schedules_name_other_people(before, after, start, half_hours):
    end = start + half_hours * HOUR / 2
    one, other = (rota.final_schedule(schedule, start, end) for schedule in (before, after))
    found = rota.differences(one, other)
    for piece in [*one, *other]:
        named = [difference for difference in found if difference.start <= piece.start < difference.end]
        differs = rota.on_call(before, piece.start) != rota.on_call(after, piece.start)
        assert len(named) == differs
    worth = {person: load.whole for person, load in rota.loads(one, before.zone).items()}
    for person, change in rota.hours_changed(found).items():
        worth[person] = worth.get(person, timedelta()) + change
    assert {p: w for p, w in worth.items() if w} == {p: load.whole for p, load in rota.loads(other, after.zone).items()}


def test_a_year_of_ten_people_looks_at_each_clock_once():
    """How many milliseconds that is, `make bench` says; here it is how often the costly question is asked."""
    nights = Rotation(1, "daily", at("2026-01-01T08:00"), turns(*range(10)), restrictions=(Restriction(1320, 360),))
    schedule = Schedule(BERLIN, (nights,))
    rota.instant.cache_clear()
    pieces = rota.final_schedule(schedule, at("2026-03-01"), at("2027-03-01"))
    assert len(pieces) > 700
    assert rota.instant.cache_info().misses < 1.6 * len(pieces)


# --- What it comes to ------------------------------------------------------------------------------------------------


def test_nights_and_weekends_are_counted_by_the_clocks_of_the_schedule():
    weekly = Schedule(BERLIN, (Rotation(1, "weekly", at("2026-01-05T08:00", BERLIN), turns(ANN, BO)),))
    start = at("2026-01-05T08:00", BERLIN)
    found = rota.loads(rota.final_schedule(weekly, start, start + timedelta(weeks=1)), BERLIN)
    assert found == {ANN: rota.Load(168 * HOUR, 7 * 8 * HOUR, 48 * HOUR)}


def test_a_gap_is_when_nobody_can_be_reached():
    daily = Schedule(ZoneInfo("UTC"), (Rotation(1, "daily", at("2026-01-01"), turns(ANN, None, BO)),))
    pieces = rota.final_schedule(daily, at("2026-01-01"), at("2026-01-04"))
    assert rota.gaps(pieces) == [(at("2026-01-02"), at("2026-01-03"))]
    assert rota.gaps(pieces, reachable=frozenset({ANN})) == [(at("2026-01-02"), at("2026-01-04"))]
