"""The periods of the delivery metrics: those that a query string asks for, and the weeks and months of a page. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from accounts.zones import instant
from changes.insights.history import Window
from workflow import moments
from workflow.errors import InvalidFields

LONGEST = timedelta(days=400)
USUAL = timedelta(days=90)
ONE_DAY = timedelta(days=1)
SLUG = re.compile(r"[-a-zA-Z0-9_]{1,64}\Z", re.ASCII)
DATE = re.compile(r"\d{4}-\d\d-\d\d\Z", re.ASCII)
MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[-+ ]\d\d:\d\d)\Z", re.ASCII)
YEARS = range(1900, 2201)
PERIODS = (30, 90, 365)
"""The periods of the page, in days."""
WEEKS_UP_TO = timedelta(days=120)
"""A longer period is drawn by months."""
SLUGS = ("service", "team", "after")
KNOWN = (*SLUGS, "from", "to")
Problem = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Asked:
    """Which services, and the period; `after` is the slug after which a list goes on."""

    window: Window
    service: str = ""
    team: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class Bucket:
    """A week or month, or as much of it as lies in the period; `first` and `last` are its days."""

    first: date
    last: date
    window: Window
    is_month: bool
    is_running: bool

    @property
    def label(self) -> str:
        """“16 Nov”, “Nov 2026”."""
        month = moments.MONTHS[self.first.month - 1][:3]
        return f"{month} {self.first.year}" if self.is_month else f"{self.first.day} {month}"


# --- The API ---------------------------------------------------------------------------------------------------------


def read_asked(query: Mapping[str, str], *, now: datetime, zone: ZoneInfo) -> Asked:
    """What the query string of the API asks for; raises InvalidFields (400).

    A day alone begins at midnight in `zone`. Without `to` the period ends now, without `from` it lasts 90 days.
    """
    problems: list[Problem] = [
        (name, "unknown_parameter", f"“{name[:40]}” is no parameter here. Known: {', '.join(KNOWN)}.")
        for name in query
        if name not in KNOWN
    ]
    problems += [
        (name, "invalid", f"{name} is a slug: letters, digits, hyphens and underscores, at most 64.")
        for name in SLUGS
        if query.get(name) and not SLUG.match(query[name])
    ]
    start, end = (_read(name, query.get(name, ""), zone, problems) for name in ("from", "to"))
    if problems:
        raise InvalidFields(problems, status=400)
    end = end or now
    start = start or end - USUAL
    if not timedelta() < end - start <= LONGEST:
        sentence = f"The period must end after it begins and span {LONGEST.days} days at most."
        raise InvalidFields([("from", "invalid_period", sentence)], status=400)
    return Asked(Window(start, end, now, zone, zone), *(query.get(name, "") for name in SLUGS))


def _read(name: str, text: str, zone: ZoneInfo, problems: list[Problem]) -> datetime | None:
    if not text:
        return None
    try:
        if DATE.match(text):
            found = midnight(date.fromisoformat(text), zone)
        elif MOMENT.match(text):
            # A plus sign in an address arrives as a space.
            found = datetime.fromisoformat(text.upper().replace(" ", "+"))
        else:
            raise ValueError
        if found.year not in YEARS:
            raise ValueError
    except ValueError:
        sentence = f"“{text[:40]}” is no time. Write it as 2026-11-24 or 2026-11-24T09:00:00Z."
        problems.append((name, "invalid", sentence))
        return None
    return found


# --- The page --------------------------------------------------------------------------------------------------------


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """When a day begins there; some zones skip midnight once a year."""
    return instant(datetime.combine(day, time()), zone)


def days_until(today: date, days: int, window: Window) -> Window:
    """The period of so many days of which `today` is the last, with the clock and the zones of `window`."""
    start = midnight(today + ONE_DAY - timedelta(days=days), window.zone)
    return replace(window, start=start, end=midnight(today + ONE_DAY, window.zone))


def buckets_of(window: Window) -> list[Bucket]:
    """The weeks of a short period, the months of a long one, oldest first."""
    is_month = window.end - window.start > WEEKS_UP_TO
    first = window.start.astimezone(window.zone).date()
    last = (window.end - timedelta(microseconds=1)).astimezone(window.zone).date()
    found = []
    while first <= last:
        end = _end_of_month(first) if is_month else first + timedelta(days=6 - first.weekday())
        day = min(end, last)
        inside = replace(window, start=midnight(first, window.zone), end=midnight(day + ONE_DAY, window.zone))
        found.append(Bucket(first, day, inside, is_month, inside.holds(window.now)))
        first = day + ONE_DAY
    return found


def _end_of_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1) - ONE_DAY
