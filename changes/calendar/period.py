"""The weeks and months of the calendar, in the reader's zone. Pure: no database, no clock."""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from accounts.zones import instant
from changes.calendar.policy import Span
from workflow import moments

WEEK, MONTH = "week", "month"
_WEEK = re.compile(r"(\d{4})-W(\d\d)\Z", re.ASCII)
_MONTH = re.compile(r"(\d{4})-(\d\d)\Z", re.ASCII)
YEARS = range(2000, 2100)
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Period:
    """A week from Monday on, or a month with the days that fill up its first and last week.

    `first` is the Monday of the week, or the first of the month.
    """

    kind: str
    first: date
    zone: ZoneInfo

    @property
    def last(self) -> date:
        """Its last day."""
        if self.kind == WEEK:
            return self.first + timedelta(days=6)
        return (self.first + timedelta(days=32)).replace(day=1) - ONE_DAY

    @cached_property
    def days(self) -> list[date]:
        """The days that are shown: whole weeks."""
        start = self.first - timedelta(days=self.first.weekday())
        end = self.last + timedelta(days=6 - self.last.weekday())
        return [start + timedelta(days=number) for number in range((end - start).days + 1)]

    def span_of(self, day: date) -> Span:
        """From midnight to midnight where the reader lives."""
        return Span(self._midnight(day), self._midnight(day + ONE_DAY))

    @cached_property
    def span(self) -> Span:
        """All days that are shown."""
        return Span(self._midnight(self.days[0]), self._midnight(self.days[-1] + ONE_DAY))

    def _midnight(self, day: date) -> datetime:
        # Some zones skip midnight once a year; the day begins when the gap is over.
        return instant(datetime.combine(day, time()), self.zone)

    @property
    def value(self) -> str:
        """As it stands in an address: `2026-W48`, `2026-11`."""
        if self.kind == MONTH:
            return f"{self.first:%Y-%m}"
        year, week, _ = self.first.isocalendar()
        return f"{year}-W{week:02}"

    @property
    def title(self) -> str:
        """“Week 48, 23–29 November”, “November 2026”."""
        first, last = self.first, self.last
        month = moments.MONTHS[last.month - 1]
        if self.kind == MONTH:
            return f"{month} {last.year}"
        before = "" if first.month == last.month else f" {moments.MONTHS[first.month - 1]}"
        before += "" if first.year == last.year else f" {first.year}"
        return f"Week {first.isocalendar().week}, {first.day}{before}–{last.day} {month} {last.year}"

    def beside(self, step: int) -> "Period":
        """The one before (-1) or after (1)."""
        if self.kind == WEEK:
            return Period(WEEK, self.first + timedelta(days=7 * step), self.zone)
        near = self.first - ONE_DAY if step < 0 else self.last + ONE_DAY
        return Period(MONTH, near.replace(day=1), self.zone)

    @property
    def is_known(self) -> bool:
        """Whether the calendar reaches there."""
        return self.first.year in YEARS

    def contains(self, day: date) -> bool:
        """Whether a day is of this week or month itself."""
        return self.first <= day <= self.last


def week_of(day: date, zone: ZoneInfo) -> Period:
    """The week of a day."""
    return Period(WEEK, day - timedelta(days=day.weekday()), zone)


def month_of(day: date, zone: ZoneInfo) -> Period:
    """The month of a day."""
    return Period(MONTH, day.replace(day=1), zone)


def read_period(kind: str, text: str, zone: ZoneInfo) -> Period | None:
    """The week called `2026-W48` or the month called `2026-11`; None for anything else."""
    match = (_WEEK if kind == WEEK else _MONTH).match(text)
    if match is None or int(match[1]) not in YEARS:
        return None
    try:
        if kind == WEEK:
            return Period(WEEK, date.fromisocalendar(int(match[1]), int(match[2]), 1), zone)
        return Period(MONTH, date(int(match[1]), int(match[2]), 1), zone)
    except ValueError:
        return None
