"""Where and when a message goes: the rules, without a database."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from accounts.contacts import policy
from accounts.contacts.policy import ACCOUNT, PAGER, Hours, Urgency, Way
from accounts.zones import wall_clock

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = (time(22), time(7))
PAGER_WAY = Way(PAGER, "pager", "user:ann@example.com")
MAIL = Way(ACCOUNT, "email", "ann@example.com")
SLACK = Way("contact3", "slack", "U024BE7LH")
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Cairo"]
# Lord Howe shifts by half an hour, Cairo at midnight, and Apia left a whole day out.
zones = some.sampled_from([*ZONES, "Pacific/Apia", "America/Sao_Paulo"]).map(ZoneInfo)
clocks = some.times().map(lambda at: at.replace(second=0, microsecond=0))
EPOCH = datetime(2008, 1, 1, tzinfo=UTC)
ODD_DAYS = [
    datetime(2026, 3, 29, 1, tzinfo=UTC),
    datetime(2026, 10, 25, 1, tzinfo=UTC),
    datetime(2026, 11, 1, 6, tzinfo=UTC),
    datetime(2011, 12, 30, 10, tzinfo=UTC),
]
"""Clocks are changed in Berlin, Berlin, New York and Apia."""
minutes = some.integers(-2000, 2000).map(lambda number: timedelta(minutes=number))
moments = some.integers(0, 22 * 366 * 86_400).map(lambda seconds: EPOCH + timedelta(seconds=seconds)) | some.builds(
    lambda day, off: day + off, some.sampled_from(ODD_DAYS), minutes
)


def local(text: str, zone: ZoneInfo = BERLIN) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


@given(zone=zones, start=clocks, end=clocks, at=moments)
def test_what_waits_for_the_end_of_the_quiet_hours_comes_then_and_not_a_moment_before_or_after(
    zone: ZoneInfo, start: time, end: time, at: datetime
) -> None:
    hours = Hours(zone, (start, end) if start != end else None)
    released = policy.quiet_until(hours, at=at)
    assert at <= released <= at + timedelta(hours=50)
    assert policy.quiet_until(hours, at=released) == released
    for step in range(8):
        between = at + (released - at) * step / 8
        assert policy.quiet_until(hours, at=between) == released
    is_ordinary = len({(at + timedelta(days=days)).astimezone(zone).utcoffset() for days in (-2, -1, 0, 1, 2)}) == 1
    if released > at and is_ordinary:
        assert wall_clock(released, zone).time() == end
    if hours.quiet and is_ordinary:
        told = wall_clock(at, zone).time()
        assert (released > at) == (start <= told < end if start < end else told >= start or told < end)
    page = policy.when_to_send(Urgency.PAGE, hours, at=at, is_collected=True)
    assert (page.decision.outcome, page.at) == ("now", at)


@pytest.mark.parametrize(
    ("at", "end"),
    [
        ("2026-11-24T23:10", "2026-11-25T07:00"),
        ("2026-11-24T06:59", "2026-11-24T07:00"),
        ("2026-11-24T07:00", "2026-11-24T07:00"),
        ("2026-11-24T22:00", "2026-11-25T07:00"),
        ("2026-03-28T23:00", "2026-03-29T07:00"),
        ("2026-10-24T23:00", "2026-10-25T07:00"),
    ],
)
def test_a_night_ends_by_the_clock_on_the_wall_also_when_that_is_changed(at: str, end: str) -> None:
    assert policy.quiet_until(Hours(BERLIN, NIGHT), at=local(at)) == local(end)


def test_quiet_hours_that_end_in_an_hour_which_the_clocks_skip_end_with_the_gap() -> None:
    hours = Hours(BERLIN, (time(22), time(2, 30)))
    assert policy.quiet_until(hours, at=local("2026-03-29T01:00")) == datetime(2026, 3, 29, 1, tzinfo=UTC)


@given(zone=zones, hour=some.integers(0, 23), at=moments)
def test_the_next_digest_is_after_now_and_within_two_days(zone: ZoneInfo, hour: int, at: datetime) -> None:
    slot = policy.next_digest(Hours(zone, digest_hour=hour), after=at)
    assert at < slot <= at + timedelta(hours=50)
    assert policy.next_digest(Hours(zone, digest_hour=hour), after=slot - timedelta(seconds=1)) == slot


def test_what_would_be_too_late_in_the_digest_comes_by_itself() -> None:
    hours, at = Hours(BERLIN, digest_hour=8), local("2026-11-24T12:00")
    soon, later = at + timedelta(hours=2), at + timedelta(days=2)
    assert policy.when_to_send(Urgency.ASK, hours, at=at, is_collected=True, due=soon).decision.outcome == "now"
    assert policy.when_to_send(Urgency.ASK, hours, at=at, is_collected=True, due=later).decision.outcome == "digest"


def test_a_page_has_a_way_whatever_was_chosen() -> None:
    usable = [PAGER_WAY, MAIL, SLACK]
    assert policy.ways_to(Urgency.PAGE, {}, usable) == [PAGER_WAY]
    assert policy.ways_to(Urgency.PAGE, {}, [MAIL]) == [MAIL]
    assert policy.ways_to(Urgency.PAGE, {"page": ["contact3", "email"]}, usable) == [MAIL, SLACK]
    assert policy.ways_to(Urgency.PAGE, {"page": []}, usable) == [MAIL]
    assert policy.ways_to(Urgency.ASK, {"ask": ["contact9"]}, usable) == [MAIL]


def test_news_can_be_turned_off_and_nothing_but_a_page_rings_the_pager() -> None:
    assert policy.ways_to(Urgency.NEWS, {"news": []}, [PAGER_WAY, MAIL]) == []
    assert policy.ways_to(Urgency.NEWS, {"news": ["pager", "email"]}, [PAGER_WAY, MAIL]) == [MAIL]
    assert policy.a_way_is_left({"page": [], "ask": ["email"]}).outcome == "refused"
    assert policy.a_way_is_left({"page": ["email"], "ask": ["email"], "news": []}).outcome == "allowed"


def test_a_digest_in_the_quiet_hours_is_refused() -> None:
    assert policy.digest_is_not_quiet(time(22), time(7), 6).outcome == "refused"
    assert policy.digest_is_not_quiet(time(22), time(7), 7).outcome == "allowed"
    assert policy.digest_is_not_quiet(time(12), time(14), 13).outcome == "refused"
    assert policy.digest_is_not_quiet(None, None, 3).outcome == "allowed"


def test_codes_are_sent_once_a_minute_and_six_times_an_hour() -> None:
    now = datetime(2026, 11, 24, 12, tzinfo=UTC)
    assert policy.code_wait([], now=now) == timedelta(0)
    assert policy.code_wait([now - timedelta(seconds=20)], now=now) == timedelta(seconds=40)
    sent = [now - timedelta(minutes=minutes) for minutes in (50, 40, 30, 20, 10, 5)]
    assert policy.code_wait(sent, now=now) == timedelta(minutes=10)
    assert policy.code_wait(sent[1:], now=now) == timedelta(0)


@pytest.mark.parametrize(
    ("said", "because"),
    [
        ({"is_active": False}, "The account is deactivated."),
        ({"has_come": False}, "They never signed in, so nobody knows that their e-mail arrives."),
        ({"mail_leaves": False}, "Pages would go by e-mail, and this installation sends none."),
    ],
)
def test_why_a_page_would_not_arrive_is_said(said: dict[str, bool], because: str) -> None:
    facts = {"is_active": True, "has_come": True, "mail_leaves": True, **said}
    assert policy.can_be_reached(pages=[MAIL], **facts).because == because


def test_somebody_with_a_verified_address_or_a_pager_is_reached() -> None:
    assert policy.can_be_reached(is_active=True, has_come=False, pages=[SLACK], mail_leaves=False).outcome == "allowed"
    assert (
        policy.can_be_reached(is_active=True, has_come=True, pages=[PAGER_WAY], mail_leaves=False).outcome == "allowed"
    )
