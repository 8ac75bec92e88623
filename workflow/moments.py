"""Times and durations in words, in the zone that is active for the reader. No database; the clock only where said."""

import re
from datetime import date, datetime, timedelta

from django.utils import timezone

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
MINUTE, HOUR, DAY = 60, 3600, 86_400


def duration(seconds: float | timedelta) -> str:
    """A length of time: `0.8 s`, `48 s`, `4 min 10 s`, `1 h 40 min`, `2 days 3 h`. Negative counts as its size."""
    total = abs(seconds.total_seconds() if isinstance(seconds, timedelta) else float(seconds))
    if total < 9.95:
        return f"{total:.1f}".removesuffix(".0") + " s"
    whole = round(total)
    if whole < HOUR:
        return _pair(whole, MINUTE, "min", (1, "s"))
    if whole < DAY:
        return _pair(whole, HOUR, "h", (MINUTE, "min"))
    return _pair(whole, DAY, "day", (HOUR, "h"))


def _pair(whole: int, unit: int, name: str, smaller: tuple[int, str]) -> str:
    large, rest = divmod(whole, unit)
    small = rest // smaller[0]
    words = [f"{large} {plural(name, large)}"] if large else []
    if small:
        words.append(f"{small} {smaller[1]}")
    return " ".join(words)


def plural(word: str, count: int) -> str:
    """`day` or `days`; the units `s`, `min` and `h` never change."""
    return word if count == 1 or word in {"s", "min", "h"} else f"{word}s"


def rough(seconds: float) -> str:
    """A length as people say it: `48 s`, `39 min`, `8 h 31 min`, `1 day 4 h`, `12 days`, `5 months`, `2 years`."""
    total = int(abs(seconds))
    if total < MINUTE:
        return f"{total} s"
    if total < 2 * DAY:
        return duration(total - total % MINUTE)
    days = total // DAY
    for size, name in ((365, "year"), (30, "month")):
        if days >= 2 * size:
            return f"{days // size} {name}s"
    return f"{days} days"


def distance(at: datetime) -> str:
    """How far `at` is from now: `in 1 h 40 min`, `22 min ago`, `just now`."""
    seconds = (at - timezone.now()).total_seconds()
    if abs(seconds) < 10:
        return "just now"
    return f"in {rough(seconds)}" if seconds > 0 else f"{rough(seconds)} ago"


def due(at: datetime, verb: str = "Due") -> str:
    """`Due in 8 h 31 min`, or `Overdue by 2 days` when `at` is past."""
    seconds = (at - timezone.now()).total_seconds()
    return f"{verb} in {rough(seconds)}" if seconds > 0 else f"Overdue by {rough(seconds)}"


def here(at: datetime) -> datetime:
    """The same instant on the reader's clock. The functions below do this themselves; for many of them, do it once."""
    reader = timezone.get_current_timezone()
    return at if at.tzinfo is reader else at.astimezone(reader)


def clock(at: datetime, *, seconds: bool = False) -> str:
    """The time of day: `16:30`, or `16:30:05`."""
    return _clock(here(at), seconds=seconds)


def _clock(local: datetime, *, seconds: bool = False) -> str:
    text = f"{local.hour:02}:{local.minute:02}"
    return f"{text}:{local.second:02}" if seconds else text


def stamp(at: datetime) -> str:
    """Day and time, the day only when it is not today: `16:30`, `tomorrow 10:00`, `Thu 26 Nov, 17:00`."""
    local = here(at)
    today = timezone.now().astimezone(local.tzinfo).date()
    days = (local.date() - today).days
    if days == 0:
        return _clock(local)
    if abs(days) == 1:
        return f"{'tomorrow' if days == 1 else 'yesterday'} {_clock(local)}"
    month = MONTHS[local.month - 1][:3]
    day = f"{local.day} {month} {local.year}" if abs(days) > 300 else f"{_weekday(local)} {local.day} {month}"
    return f"{day}, {_clock(local)}"


def dated(at: datetime) -> str:
    """Day, year and time, whenever that is: `4 Mar 2027, 16:30`."""
    local = here(at)
    return f"{local.day} {MONTHS[local.month - 1][:3]} {local.year}, {_clock(local)}"


def _weekday(local: datetime) -> str:
    return WEEKDAYS[local.weekday()][:3]


def interval(start: datetime, end: datetime | None) -> str:
    """From when to when, on a page that names the day: `16:30–17:00`; the end names its day when it is another."""
    first = here(start)
    if end is None or end == start:
        return _clock(first)
    last = end.astimezone(first.tzinfo)
    day = "" if first.date() == last.date() else f"{_weekday(last)} "
    return f"{_clock(first)}–{day}{_clock(last)}"


def long_day(at: datetime | date) -> str:
    """A heading for a day: `Today, Tuesday 24 November`, `Monday 23 November`, with the year when it is another."""
    local = here(at).date() if isinstance(at, datetime) else at
    today = timezone.localdate()
    text = f"{WEEKDAYS[local.weekday()]} {local.day} {MONTHS[local.month - 1]}"
    if local.year != today.year:
        text += f" {local.year}"
    near = {0: "Today, ", 1: "Tomorrow, ", -1: "Yesterday, "}.get((local - today).days, "")
    return near + text


def zone(at: datetime | None = None) -> str:
    """The short name of the reader's zone at that moment: `CET`, `UTC`, `UTC+3`."""
    name = here(at or timezone.now()).tzname() or "UTC"
    if not re.match(r"[+-]\d", name):
        return name
    hours, minutes = name[1:3], name[3:5]
    return f"UTC{name[0]}{int(hours)}" + (f":{minutes}" if minutes.strip("0") else "")


def place() -> str:
    """The city that the reader's zone is named after: `Berlin`, `New York`; empty for UTC and its kin."""
    name = timezone.get_current_timezone_name()
    area, _, city = name.rpartition("/")
    return city.replace("_", " ") if area and area != "Etc" else ""
