"""When a summary is due, whatever clocks do. Pure."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from home.summaries.policy import DUE, Kind, Morning, falls_on, may_test_in_channel, next_time, summary_is_due

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Santiago")
"""Lord Howe moves its clocks by half an hour, Santiago skips midnight."""
BERLIN = ZoneInfo("Europe/Berlin")


def is_due(kind: Kind, morning: Morning, now: datetime) -> bool:
    return summary_is_due(kind, morning, now=now).outcome == DUE


@pytest.mark.parametrize(
    ("clock", "due"),
    [("24T07:59:59", False), ("24T08:00:00", True), ("24T22:59:59", True), ("24T23:00:00", False)],
)
def test_a_summary_is_due_from_its_hour_until_its_day_is_over(clock: str, due: bool) -> None:
    now = datetime.fromisoformat(f"2026-11-{clock}+00:00")
    assert is_due(Kind.DAILY, Morning(BERLIN, 9), now) is due


def test_what_is_coming_is_told_on_mondays_only() -> None:
    days = [datetime(2026, 11, 22 + number, 12, tzinfo=UTC) for number in range(4)]
    assert [is_due(Kind.WEEKLY, Morning(BERLIN, 9), now) for now in days] == [False, True, False, False]


@pytest.mark.parametrize(
    ("zone", "hour", "day", "begins"),
    [
        ("Europe/Berlin", 2, date(2026, 3, 29), "2026-03-29T01:00:00"),  # skipped: from the end of the gap
        ("Europe/Berlin", 2, date(2026, 10, 25), "2026-10-25T00:00:00"),  # shown twice: the first time
        ("Australia/Lord_Howe", 2, date(2026, 10, 4), "2026-10-03T15:30:00"),  # half an hour is skipped
        ("Australia/Lord_Howe", 9, date(2026, 4, 5), "2026-04-04T22:30:00"),
        ("America/Santiago", 0, date(2026, 9, 6), "2026-09-06T04:00:00"),  # a day without a midnight
    ],
)
def test_days_on_which_clocks_move_have_one_morning(zone: str, hour: int, day: date, begins: str) -> None:
    morning = Morning(ZoneInfo(zone), hour)
    at = datetime.fromisoformat(f"{begins}+00:00")
    assert morning.begins(day) == at
    assert (
        not is_due(Kind.DAILY, morning, at - timedelta(minutes=1)) or morning.day_at(at - timedelta(minutes=1)) != day
    )
    assert is_due(Kind.DAILY, morning, at)
    assert morning.day_at(at) == day


@settings(max_examples=150, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    hour=st.integers(0, 23),
    kind=st.sampled_from(Kind),
    jumps=st.lists(st.integers(-3 * 24 * 60, 3 * 24 * 60), max_size=40),
    start=st.integers(0, 2 * 365 * 24 * 60),
)
def test_however_the_clock_runs_each_day_is_told_once_and_no_day_that_is_over(
    zone: str, hour: int, kind: Kind, jumps: list[int], start: int
) -> None:
    morning, now = Morning(ZoneInfo(zone), hour), datetime(2026, 1, 1, tzinfo=UTC)
    told: set[date] = set()
    for jump in (start, *jumps):
        now += timedelta(minutes=jump)
        day = morning.day_at(now)
        local = now.astimezone(morning.zone)
        if is_due(kind, morning, now):
            assert day == local.date()
            assert falls_on(kind, day)
            assert morning.midnight(day) <= morning.begins(day) <= now < morning.midnight(day + timedelta(days=1))
            told.add(day)
        upcoming = next_time(kind, morning, now=now, is_sent=day in told)
        assert is_due(kind, morning, upcoming)
        assert upcoming > now or (is_due(kind, morning, now) and day not in told)


def test_a_minute_by_minute_clock_misses_no_morning() -> None:
    morning = Morning(ZoneInfo("Australia/Lord_Howe"), 2)
    now, told = datetime(2026, 10, 1, tzinfo=UTC), set()
    for _ in range(6 * 24 * 4):
        now += timedelta(minutes=15)
        if is_due(Kind.DAILY, morning, now):
            told.add(morning.day_at(now))
    assert sorted(told) == [date(2026, 10, 1) + timedelta(days=number) for number in range(7)]


def test_who_answers_for_a_channel_may_send_a_test_there() -> None:
    answers = [
        may_test_in_channel(is_admin=a, leads_team=b).outcome for a, b in [(True, False), (False, True), (False, False)]
    ]
    assert answers == ["allowed", "allowed", "refused"]
