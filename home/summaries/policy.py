"""When a summary is due. Pure: no database, no clock.

A summary belongs to one local day of its channel. It is due from the channel's hour on until that day is over, so a
clock that stood still in the morning makes up for it later the same day, and never for a day that is past. That it is
sent once for each day is held by its key, whoever asks however often.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from accounts.zones import instant, wall_clock
from workflow.decisions import REFUSED, Decision

DUE, NOT_DUE, ALLOWED = "due", "not_due", "allowed"
ONE_DAY = timedelta(days=1)


class Kind(StrEnum):
    """What there is to send."""

    DAILY = "daily"
    WEEKLY = "weekly"


@dataclass(frozen=True, slots=True)
class Morning:
    """From which hour of which clock on a channel reads its summary. `hour` is 0 to 23."""

    zone: ZoneInfo
    hour: int

    def day_at(self, now: datetime) -> date:
        """The local day at that moment."""
        return wall_clock(now, self.zone).date()

    def begins(self, day: date) -> datetime:
        """When the morning of this day begins; an hour that the clocks skip begins with the end of the gap."""
        return instant(datetime.combine(day, time(self.hour)), self.zone)

    def midnight(self, day: date) -> datetime:
        """When the day itself begins."""
        return instant(datetime.combine(day, time()), self.zone)


def falls_on(kind: Kind, day: date) -> bool:
    """Whether there is a summary of this kind on that day: the weekly one is Monday's."""
    return kind == Kind.DAILY or day.weekday() == 0


def summary_is_due(kind: Kind, morning: Morning, *, now: datetime) -> Decision:
    """A summary is due from the channel's hour on, by its own clock, until its day is over."""
    rule, day = "summary_is_due", morning.day_at(now)
    if not falls_on(kind, day):
        return Decision(rule, NOT_DUE, "What is coming is told on Mondays.")
    if now < morning.begins(day):
        return Decision(rule, NOT_DUE, f"It is told from {morning.hour:02}:00 on.")
    return Decision(rule, DUE, "The morning has begun.")


def next_time(kind: Kind, morning: Morning, *, now: datetime, is_sent: bool) -> datetime:
    """When the next one is due, which may be already; `is_sent` says whether that of this very day is under way."""
    today = morning.day_at(now)
    days = (today + number * ONE_DAY for number in range(1 if is_sent else 0, 9))
    return next(morning.begins(day) for day in days if falls_on(kind, day))


def may_test_in_channel(*, is_admin: bool, leads_team: bool) -> Decision:
    """A test that a whole channel reads is sent by an administrator, or by a lead of one of its teams."""
    if is_admin or leads_team:
        return Decision("may_test_in_channel", ALLOWED, "They answer for this channel.")
    because = "Only an administrator or a lead of the team sends a test to its channel. Send it to yourself instead."
    return Decision("may_test_in_channel", REFUSED, because)
