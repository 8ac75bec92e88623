"""When a freeze is in force: on the wall clock of its zone, across every change of the clocks."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.zones import instant
from changes.freezes.recurrence import BadRule, Terms, Window, check, last_end, next_windows, windows

BERLIN, CHICAGO, LORD_HOWE = ZoneInfo("Europe/Berlin"), ZoneInfo("America/Chicago"), ZoneInfo("Australia/Lord_Howe")


def wall(year, month, day, hour=0, minute=0):
    return datetime(year, month, day, hour, minute, tzinfo=UTC).replace(tzinfo=None)


def at(zone, *parts):
    return wall(*parts).replace(tzinfo=zone)


def weekly(zone, start, end, rule="FREQ=WEEKLY", **more):
    return Terms(at(zone, *start), at(zone, *end), rule, zone.key, **more)


def shown(found, zone):
    return [(f"{w.start.astimezone(zone):%d.%m. %H:%M %Z}", f"{w.end.astimezone(zone):%d.%m. %H:%M %Z}") for w in found]


# --- Once ------------------------------------------------------------------------------------------------------------


def test_a_freeze_that_happens_once_is_in_force_from_its_start_until_just_before_its_end():
    terms = Terms(at(UTC, 2026, 12, 20), at(UTC, 2027, 1, 2))
    assert windows(terms, at(UTC, 2026, 12, 19), at(UTC, 2026, 12, 20)) == []
    assert windows(terms, at(UTC, 2026, 12, 20), at(UTC, 2026, 12, 21)) == [Window(terms.start, terms.end)]
    assert windows(terms, at(UTC, 2027, 1, 2), at(UTC, 2027, 1, 3)) == []


def test_a_freeze_that_was_ended_early_lasts_until_then_and_never_comes_again():
    terms = weekly(BERLIN, (2026, 11, 6, 18), (2026, 11, 9, 8), ended_at=at(BERLIN, 2026, 11, 14, 12))
    assert shown(windows(terms, at(UTC, 2026, 11, 1), at(UTC, 2027, 1, 1)), BERLIN) == [
        ("06.11. 18:00 CET", "09.11. 08:00 CET"),
        ("13.11. 18:00 CET", "14.11. 12:00 CET"),
    ]
    assert last_end(terms) == terms.ended_at


def test_a_freeze_that_was_ended_before_it_began_never_was():
    terms = Terms(at(UTC, 2026, 12, 20), at(UTC, 2027, 1, 2), ended_at=at(UTC, 2026, 12, 1))
    assert windows(terms, at(UTC, 2026, 1, 1), at(UTC, 2028, 1, 1)) == []


# --- When the clocks change ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "first", "expected"),
    [
        # Berlin, October: the night is an hour longer, the freeze still ends at eight on the wall.
        (
            BERLIN,
            (2026, 10, 16, 22),
            [("23.10. 22:00 CEST", "24.10. 08:00 CEST"), ("30.10. 22:00 CET", "31.10. 08:00 CET")],
        ),
        (
            CHICAGO,
            (2026, 10, 24, 22),
            [("31.10. 22:00 CDT", "01.11. 08:00 CST"), ("07.11. 22:00 CST", "08.11. 08:00 CST")],
        ),
        (
            LORD_HOWE,
            (2026, 9, 26, 22),
            [("03.10. 22:00 +1030", "04.10. 08:00 +11"), ("10.10. 22:00 +11", "11.10. 08:00 +11")],
        ),
    ],
)
def test_a_freeze_keeps_its_times_on_the_wall_when_the_clocks_change(zone, first, expected):
    start = at(zone, *first)
    terms = Terms(start, start + timedelta(hours=10), "FREQ=WEEKLY", zone.key)
    later = windows(terms, start + timedelta(days=2), start + timedelta(days=16))
    assert shown(later, zone) == expected


def test_the_night_in_which_the_clocks_go_back_is_an_hour_longer():
    terms = weekly(BERLIN, (2026, 10, 17, 22), (2026, 10, 18, 6))
    found = windows(terms, at(BERLIN, 2026, 10, 24, 22), at(BERLIN, 2026, 10, 25, 6))
    assert [window.end - window.start for window in found] == [timedelta(hours=9)]


@pytest.mark.parametrize(
    ("zone", "skipped", "begins"),
    [
        (BERLIN, wall(2027, 3, 28, 2, 30), "03:00 CEST"),
        (CHICAGO, wall(2027, 3, 14, 2, 0), "03:00 CDT"),
        (LORD_HOWE, wall(2026, 10, 4, 2, 15), "02:30 +11"),
    ],
)
def test_a_time_that_the_clocks_skip_becomes_the_end_of_the_gap(zone, skipped, begins):
    assert f"{instant(skipped, zone).astimezone(zone):%H:%M %Z}" == begins


@pytest.mark.parametrize(
    ("zone", "twice", "first"),
    [
        (BERLIN, wall(2026, 10, 25, 2, 30), "CEST"),
        (CHICAGO, wall(2026, 11, 1, 1, 30), "CDT"),
        (LORD_HOWE, wall(2027, 4, 4, 1, 45), "+11"),
    ],
)
def test_a_time_that_the_clocks_show_twice_is_the_first_of_the_two(zone, twice, first):
    assert instant(twice, zone).astimezone(zone).tzname() == first


def test_a_freeze_within_the_hour_that_is_skipped_does_not_happen_that_night():
    terms = weekly(BERLIN, (2027, 3, 21, 2, 10), (2027, 3, 21, 2, 40))
    assert shown(windows(terms, at(UTC, 2027, 3, 27), at(UTC, 2027, 4, 6)), BERLIN) == [
        ("04.04. 02:10 CEST", "04.04. 02:40 CEST")
    ]


def test_a_day_that_a_country_skipped_altogether_ends_at_the_next():
    apia = ZoneInfo("Pacific/Apia")
    assert instant(wall(2011, 12, 30, 12), apia).astimezone(apia) == at(apia, 2011, 12, 31)


# --- Rules -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("FREQ=SECONDLY", "daily, weekly, monthly or yearly"),
        ("FREQ=HOURLY", "daily, weekly, monthly or yearly"),
        ("FREQ=DAILY;COUNT=1000000000", "from 1 to 500"),
        ("FREQ=YEARLY;COUNT=400", "longer than twelve years"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "does not fit the rule"),
        ("FREQ=DAILY;BYDAY=SU", "does not fit the rule"),
        ("FREQ=MONTHLY;BYDAY=5TU;BYSETPOS=2", "does not fit the rule"),
        ("FREQ=YEARLY;INTERVAL=999", "never comes again"),
        ("FREQ=DAILY;UNTIL=20261124", "never comes again"),
        ("FREQ=DAILY;UNTIL=20261123", "does not fit the rule"),
        ("FREQ=DAILY;UNTIL=99991231", "before 2200"),
        ("FREQ=DAILY;UNTIL=20261341", "no day"),
        ("FREQ=DAILY;UNTIL=soon", "Write it like"),
        ("FREQ=DAILY;UNTIL=20270101;COUNT=3", "not both"),
        ("FREQ=DAILY;BYHOUR=3", "time of day of the first"),
        ("FREQ=DAILY;BYSETPOS=300", "within a month or a year"),
        ("FREQ=WEEKLY;BYDAY=1TU", "within a month or a year"),
        ("FREQ=MONTHLY;BYSETPOS=1", "needs days to choose from"),
        ("FREQ=WEEKLY;BYDAY=XX", "is no day"),
        ("FREQ=WEEKLY;BYEASTER=1", "no part of a rule that freezes know"),
        ("FREQ=WEEKLY;FREQ=DAILY", "there twice"),
        ("FREQ=WEEKLY\nEXDATE:20261201T090000", "daily, weekly"),
        ("FREQ=WEEKLY;INTERVAL=0", "from 1 to 1000"),
        ("FREQ=WEEKLY;INTERVAL=٣", "from 1 to 1000"),
        ("every friday", "no part of a rule"),
        (";" * 300, "no part of a rule"),
    ],
)
def test_a_rule_that_no_freeze_may_have_is_refused_with_a_sentence(rule, says):
    terms = Terms(at(BERLIN, 2026, 11, 24, 9), at(BERLIN, 2026, 11, 24, 10), rule, "Europe/Berlin")
    with pytest.raises(BadRule) as caught:
        check(terms)
    assert says in str(caught.value)


def test_a_freeze_that_repeats_may_not_last_for_a_season():
    terms = Terms(at(UTC, 2026, 1, 1), at(UTC, 2026, 6, 1), "FREQ=YEARLY", "UTC")
    with pytest.raises(BadRule):
        check(terms)


@pytest.mark.parametrize(
    ("rule", "first", "expected"),
    [
        ("FREQ=WEEKLY;BYDAY=TU,FR", (2026, 11, 24), ["24.11.", "27.11.", "01.12.", "04.12."]),
        ("FREQ=WEEKLY;INTERVAL=2", (2026, 11, 24), ["24.11.", "08.12.", "22.12.", "05.01."]),
        ("FREQ=MONTHLY;BYDAY=-1FR", (2026, 11, 27), ["27.11.", "25.12.", "29.01.", "26.02."]),
        ("FREQ=MONTHLY", (2027, 1, 31), ["31.01.", "31.03.", "31.05.", "31.07."]),
        ("FREQ=MONTHLY;BYMONTHDAY=-1", (2027, 1, 31), ["31.01.", "28.02.", "31.03.", "30.04."]),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", (2027, 1, 29), ["29.01.", "26.02.", "31.03.", "30.04."]),
        ("RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4FR", (2026, 11, 27), ["27.11.", "26.11.", "24.11.", "23.11."]),
        ("freq=yearly", (2024, 2, 29), ["29.02.", "29.02.", "29.02.", "29.02."]),
        ("FREQ=DAILY;COUNT=3", (2026, 11, 24), ["24.11.", "25.11.", "26.11."]),
        ("FREQ=DAILY;UNTIL=20261125T080000Z", (2026, 11, 24), ["24.11.", "25.11."]),
        ("FREQ=DAILY;UNTIL=20261126", (2026, 11, 24), ["24.11.", "25.11.", "26.11."]),
    ],
)
def test_a_rule_gives_the_days_that_it_says(rule, first, expected):
    terms = Terms(at(BERLIN, *first, 9), at(BERLIN, *first, 10), rule, "Europe/Berlin")
    check(terms)
    found = next_windows(terms, terms.start, most=4)
    assert [f"{window.start.astimezone(BERLIN):%d.%m.}" for window in found] == expected


@pytest.mark.parametrize(
    ("rule", "ends"),
    [
        ("", at(BERLIN, 2026, 11, 24, 10)),
        ("FREQ=DAILY", None),
        ("FREQ=DAILY;COUNT=3", at(BERLIN, 2026, 11, 26, 10)),
        ("FREQ=WEEKLY;UNTIL=20270101", at(BERLIN, 2026, 12, 29, 10)),
    ],
)
def test_a_freeze_knows_when_its_last_time_is_over(rule, ends):
    assert last_end(Terms(at(BERLIN, 2026, 11, 24, 9), at(BERLIN, 2026, 11, 24, 10), rule, "Europe/Berlin")) == ends


def test_times_that_overlap_or_meet_are_one():
    terms = Terms(at(UTC, 2026, 11, 24), at(UTC, 2026, 11, 25), "FREQ=DAILY;COUNT=4", "UTC")
    assert windows(terms, at(UTC, 2026, 11, 1), at(UTC, 2026, 12, 1)) == [
        Window(at(UTC, 2026, 11, 24), at(UTC, 2026, 11, 28))
    ]


# --- Properties ------------------------------------------------------------------------------------------------------

ZONES = ["Europe/Berlin", "America/Chicago", "Australia/Lord_Howe", "UTC", "Asia/Kathmandu", "America/Sao_Paulo"]
DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]


@st.composite
def freezes(draw):
    zone = ZoneInfo(draw(st.sampled_from(ZONES)))
    drawn = draw(st.datetimes(wall(2025, 1, 1), wall(2027, 12, 31))).replace(microsecond=0)
    start = instant(drawn, zone)
    first = start.astimezone(zone)
    end = start + timedelta(minutes=draw(st.integers(1, 60 * 24 * 10)))
    kind, step = draw(st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"])), draw(st.integers(1, 3))
    rule = f"FREQ={kind};INTERVAL={step}"
    if kind == "WEEKLY" and draw(st.booleans()):
        days = draw(st.sets(st.sampled_from(DAYS), min_size=1)) | {DAYS[first.weekday()]}
        rule += f";BYDAY={','.join(sorted(days))};WKST={draw(st.sampled_from(DAYS))}"
    if kind == "MONTHLY" and draw(st.booleans()):
        rule += f";BYDAY={(first.day - 1) // 7 + 1}{DAYS[first.weekday()]}"
    limit = draw(st.sampled_from(["", ";COUNT=5", f";UNTIL={first.year + 1}0615"]))
    return Terms(start, end, rule + limit, zone.key)


def by_brute_force(terms, start, end):
    """Every time of the freeze one after the other from the first one on, without merging."""
    zone = ZoneInfo(terms.time_zone)
    first = terms.start.astimezone(zone).replace(tzinfo=None)
    lasts = terms.end.astimezone(zone).replace(tzinfo=None) - first
    if lasts <= timedelta():
        lasts = terms.end - terms.start
    found = [(terms.start, terms.end)]
    whole = terms.rrule.replace("0615", "0615T235959")
    for moment in rrulestr(whole, dtstart=first):
        if moment > end.replace(tzinfo=None) + timedelta(days=2):
            break
        if moment > first:
            found.append((instant(moment, zone), instant(moment + lasts, zone)))
    return [(begins, ends) for begins, ends in found if begins < end and ends > start and begins < ends]


@settings(max_examples=150)
@given(freezes(), st.integers(-30, 900), st.integers(1, 60))
def test_windows_are_what_counting_from_the_first_time_gives(terms, offset, days):
    start = terms.start + timedelta(days=offset)
    end = start + timedelta(days=days)
    found = windows(terms, start, end)

    assert all(window.start < window.end and window.end > start and window.start < end for window in found)
    assert all(one.end < other.start for one, other in pairwise(found))
    expected = by_brute_force(terms, start, end)
    moments = [start, *(m for pair in expected for m in pair if start <= m < end)]
    for moment in {moment + step for moment in moments for step in (timedelta(), timedelta(seconds=-1))}:
        if start <= moment < end:
            is_frozen = any(window.start <= moment < window.end for window in found)
            assert is_frozen == any(begins <= moment < ends for begins, ends in expected)


@given(freezes(), st.integers(-1, 900))
def test_a_narrow_look_agrees_with_a_wide_one(terms, offset):
    moment = terms.start + timedelta(days=offset, hours=7)
    wide = windows(terms, moment - timedelta(days=40), moment + timedelta(days=40))
    is_frozen = bool(windows(terms, moment, moment + timedelta(microseconds=1)))
    assert is_frozen == any(window.start <= moment < window.end for window in wide)


@given(freezes())
def test_nothing_happens_after_the_last_end_and_something_until_then(terms):
    ends = last_end(terms)
    if ends is not None:
        assert not windows(terms, ends, ends + timedelta(days=1000))
        assert windows(terms, ends - timedelta(seconds=1), ends)
