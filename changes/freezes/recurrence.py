"""When a freeze is in force. Pure: no database, no clock.

A freeze that repeats begins each time at the same wall-clock time in its zone and lasts as long on the wall clock.
Where the clocks skip that time, it begins (or ends) when the gap is over; where they show it twice, the first time.

dateutil goes on to the year 9999 in search of a day that a rule may never have. So no rule is expanded whose first time
does not fit it: what fits once comes again, or is out of the calendar after few steps.
"""

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from dateutil import rrule as rules

from accounts.zones import instant, wall_clock

LONGEST = timedelta(days=92)
"""How long each time of a freeze that repeats may last."""
MOST = 500
"""How often a freeze with COUNT may repeat."""
LOOKS_AHEAD = timedelta(days=366 * 12)
"""Until when a freeze must have repeated at least once; a 29 February may be eight years away."""
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
"""No window is looked for beyond this."""
_DAY = timedelta(days=1)
Frequency = Literal[0, 1, 2, 3]
"""As dateutil counts them, from YEARLY to DAILY."""
_FREQUENCIES: dict[str, Frequency] = {"YEARLY": 0, "MONTHLY": 1, "WEEKLY": 2, "DAILY": 3}
_NUMBERS = {"BYMONTHDAY": 31, "BYSETPOS": 366, "BYMONTH": 12}
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_WEEKDAY = re.compile(rf"([+-]?[1-9][0-9]?)?({'|'.join(_WEEKDAYS)})\Z", re.ASCII)
_UNTIL = re.compile(r"([0-9]{8})(T[0-9]{6}Z?)?\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Terms:
    """The first time [start, end) in aware datetimes, how it repeats, in which zone, and when somebody ended it."""

    start: datetime
    end: datetime
    rrule: str = ""
    time_zone: str = ""
    ended_at: datetime | None = None


class Window(NamedTuple):
    """A half-open interval [start, end) in UTC."""

    start: datetime
    end: datetime


class BadRule(ValueError):
    """A recurrence that is none, or that no freeze may have; the text is a sentence for a person."""


# --- The rule --------------------------------------------------------------------------------------------------------


class Rule(NamedTuple):
    """A recurrence that was read: its frequency and interval, dateutil's arguments, and where it stops."""

    frequency: Frequency
    interval: int
    parts: tuple[tuple[str, Any], ...]
    times: int | None
    until: datetime | None


@lru_cache(maxsize=512)
def read_rule(text: str, time_zone: str) -> Rule:
    """The RRULE of RFC 5545 in `text`, with its UNTIL on the wall clock of `time_zone`; raises BadRule."""
    parts = _split(text)
    frequency = parts.pop("FREQ", "")
    if frequency not in _FREQUENCIES:
        raise BadRule("A freeze repeats daily, weekly, monthly or yearly. Write FREQ=DAILY, WEEKLY, MONTHLY or YEARLY.")
    if "COUNT" in parts and "UNTIL" in parts:
        raise BadRule("Write COUNT or UNTIL, not both.")
    interval = _number("INTERVAL", parts.pop("INTERVAL", "1"), most=1000)
    times = _number("COUNT", parts.pop("COUNT"), most=MOST) if "COUNT" in parts else None
    until = _until(parts.pop("UNTIL"), time_zone) if "UNTIL" in parts else None
    arguments = tuple((_ARGUMENTS[name], _read_part(name, value)) for name, value in sorted(parts.items()))
    if frequency in {"DAILY", "WEEKLY"}:
        _require_no_counting(dict(arguments))
    _require_days_that_exist(frequency, dict(arguments))
    if "BYSETPOS" in parts and not {"BYDAY", "BYMONTHDAY"} & set(parts):
        raise BadRule("BYSETPOS needs days to choose from. Write BYDAY or BYMONTHDAY as well.")
    return Rule(_FREQUENCIES[frequency], interval, arguments, times, until)


def _require_no_counting(arguments: dict[str, Any]) -> None:
    if "bysetpos" in arguments or any(day.n for day in arguments.get("byweekday", ())):
        raise BadRule("Days are counted, as in 1FR or BYSETPOS=1, within a month or a year only. Write FREQ=MONTHLY.")


def _require_days_that_exist(frequency: str, arguments: dict[str, Any]) -> None:
    """No sixth Friday of a month, on which dateutil fails, and no “1FR,MO”, which it takes for Fridays on a Monday."""
    most, span = (53, "a year") if frequency == "YEARLY" and "bymonth" not in arguments else (5, "a month")
    counts = [day.n or 0 for day in arguments.get("byweekday", ())]
    if any(abs(count) > most for count in counts):
        raise BadRule(f"BYDAY counts too far: no weekday comes more than {most} times in {span}.")
    if any(counts) and not all(counts):
        raise BadRule("In BYDAY count every day, as in 1FR,1MO, or none. Declare two freezes to have both.")


_ARGUMENTS = {name: name.lower() for name in _NUMBERS} | {"BYDAY": "byweekday", "WKST": "wkst"}


def _split(text: str) -> dict[str, str]:
    parts: dict[str, str] = {}
    for piece in text.strip().removeprefix("RRULE:").rstrip(";").split(";"):
        name, equals, value = piece.strip().upper().partition("=")
        if not equals or not value:
            raise BadRule(f"“{piece[:40]}” is no part of a rule. Write it like FREQ=WEEKLY;BYDAY=FR.")
        if name in parts:
            raise BadRule(f"{name[:40]} is there twice.")
        if name in {"BYHOUR", "BYMINUTE", "BYSECOND"}:
            raise BadRule(f"Leave {name} out: each time begins at the time of day of the first.")
        if name not in _ARGUMENTS and name not in {"FREQ", "INTERVAL", "COUNT", "UNTIL"}:
            raise BadRule(f"“{name[:40]}” is no part of a rule that freezes know.")
        parts[name] = value
    return parts


def _read_part(name: str, value: str) -> Any:
    if name == "WKST":
        if value not in _WEEKDAYS:
            raise BadRule("WKST is one of MO, TU, WE, TH, FR, SA, SU.")
        return _WEEKDAYS.index(value)
    if name == "BYDAY":
        return tuple(_weekday(piece) for piece in value.split(","))
    return tuple(_number(name, piece, most=_NUMBERS[name], is_signed=name != "BYMONTH") for piece in value.split(","))


def _weekday(text: str) -> Any:
    match = _WEEKDAY.match(text)
    if match is None:
        raise BadRule(f"“{text[:20]}” is no day. Write MO, TU, WE, TH, FR, SA or SU, or 1FR for the first Friday.")
    day = rules.weekday(_WEEKDAYS.index(match[2]))
    return day(int(match[1])) if match[1] else day


def _number(name: str, text: str, *, most: int, is_signed: bool = False) -> int:
    digits = text[1:] if is_signed and text[:1] in {"-", "+"} else text
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 6 or not 1 <= int(digits) <= most:
        raise BadRule(f"{name} is “{text[:20]}”. Write a number from 1 to {most}.")
    return int(text)


def _until(text: str, time_zone: str) -> datetime:
    match = _UNTIL.match(text)
    if match is None:
        raise BadRule(f"UNTIL is “{text[:20]}”. Write it like 20270131 or 20270131T170000Z.")
    try:
        # A day alone is meant whole.
        whole = text if match[2] else f"{text}T235959"
        moment = datetime.strptime(whole.rstrip("Z"), "%Y%m%dT%H%M%S")  # noqa: DTZ007 - a wall clock
        if moment.year >= LATEST.year:
            raise BadRule(f"UNTIL is in {moment.year}. Choose a year before {LATEST.year}, or leave it out.")
        return wall_clock(moment.replace(tzinfo=UTC), ZoneInfo(time_zone)) if text.endswith("Z") else moment
    except BadRule:
        raise
    except (ValueError, OverflowError) as error:
        raise BadRule(f"UNTIL is “{text[:20]}”, which is no day.") from error


def check(terms: Terms) -> None:
    """Raise BadRule for a recurrence that no freeze may have: not readable, endless to compute, or that never repeats.

    The first time must fit the rule, because it is the one that everybody reads.
    """
    rule, first = read_rule(terms.rrule, terms.time_zone), wall_clock(terms.start, ZoneInfo(terms.time_zone))
    if terms.end - terms.start > LONGEST:
        raise BadRule(f"Each time of a freeze that repeats may last {LONGEST.days} days at most.")
    if not _fits(rule, first.date()) or (rule.until and rule.until < first):
        raise BadRule(
            f"The first time does not fit the rule: {first:%A} {first.day} {first:%B %Y} is not among its days."
        )
    found = list(zip(range(2), _starts(rule, first, low=first, high=first + LOOKS_AHEAD), strict=False))
    if len(found) < 2 and rule.times != 1:
        raise BadRule("By this rule it never comes again within twelve years. Write it as a freeze that happens once.")
    if rule.times and len(_counted(rule, first)) < rule.times:
        raise BadRule(f"COUNT={rule.times} would go on for longer than twelve years. Write a smaller one, or UNTIL.")


def _fits(rule: Rule, day: date) -> bool:
    parts = dict(rule.parts)
    positions = parts.pop("bysetpos", None)
    if not _fits_alone(rule, day, parts):
        return False
    if positions is None:
        return True
    begin = day.replace(day=1) if rule.frequency == rules.MONTHLY else day.replace(month=1, day=1)
    length = monthrange(day.year, day.month)[1] if rule.frequency == rules.MONTHLY else 366
    period = [begin + timedelta(days=number) for number in range(length)]
    chosen = [one for one in period if one.year == day.year and _fits_alone(rule, one, parts)]
    place = chosen.index(day)
    return place + 1 in positions or place - len(chosen) in positions


def _fits_alone(rule: Rule, day: date, parts: dict[str, Any]) -> bool:
    last = monthrange(day.year, day.month)[1]
    if "bymonth" in parts and day.month not in parts["bymonth"]:
        return False
    if "bymonthday" in parts and not {day.day, day.day - last - 1} & set(parts["bymonthday"]):
        return False
    if "byweekday" not in parts:
        return True
    if rule.frequency == rules.YEARLY and "bymonth" not in parts:
        left = (date(day.year, 12, 31) - day).days
        number = day.timetuple().tm_yday
    else:
        left, number = last - day.day, day.day
    counted = {None, (number - 1) // 7 + 1, -(left // 7 + 1)}
    return any(wanted.weekday == day.weekday() and wanted.n in counted for wanted in parts["byweekday"])


# --- The windows -----------------------------------------------------------------------------------------------------


def windows(terms: Terms, start: datetime, end: datetime) -> list[Window]:
    """The times of a freeze that touch [start, end), in order and disjoint: those that overlap or meet are one.

    They are whole, so the first may begin before `start`, except that nothing lasts beyond `ended_at`.
    """
    merged: list[Window] = []
    end = min(end, LATEST)
    for found in _occurrences(terms, start, end):
        until = min(found.end, terms.ended_at) if terms.ended_at else found.end
        if until <= found.start or until <= start or found.start >= end:
            continue
        if merged and found.start <= merged[-1].end:
            merged[-1] = Window(merged[-1].start, max(merged[-1].end, until))
        else:
            merged.append(Window(found.start, until))
    return merged


def next_windows(terms: Terms, after: datetime, *, most: int) -> list[Window]:
    """The first `most` windows that end after `after`, looking as far ahead as a rule must repeat."""
    found: list[Window] = []
    reach = timedelta(days=62)
    while len(found) < most and reach < 4 * LOOKS_AHEAD:
        found = windows(terms, after, max(after, terms.start) + reach)
        reach *= 4
    return found[:most]


def last_end(terms: Terms) -> datetime | None:
    """When the last time is over; None for a freeze that repeats without end."""
    if terms.ended_at:
        return terms.ended_at
    if not terms.rrule:
        return terms.end
    zone = ZoneInfo(terms.time_zone)
    rule, first = read_rule(terms.rrule, terms.time_zone), wall_clock(terms.start, zone)
    if rule.times:
        starts = _counted(rule, first)
    elif rule.until:
        low = max(first, rule.until - LOOKS_AHEAD)
        starts = tuple(_starts(rule, first, low=low, high=rule.until))
    else:
        return None
    times = [_window_at(terms, at, zone) for at in starts[-2:]]
    return max([terms.end, *(window.end for window in times)])


def _occurrences(terms: Terms, start: datetime, end: datetime) -> Iterator[Window]:
    yield Window(terms.start.astimezone(UTC), terms.end.astimezone(UTC))
    if not terms.rrule or end <= terms.start:
        return
    zone = ZoneInfo(terms.time_zone)
    first = wall_clock(terms.start, zone)
    # A day more on both sides: clocks differ by less, and what does not touch is left out afterwards.
    low = max(wall_clock(max(start, terms.start), zone) - _lasts(terms, zone) - _DAY, first)
    rule = read_rule(terms.rrule, terms.time_zone)
    for at in _starts(rule, first, low=low, high=wall_clock(end, zone) + _DAY):
        if at > first:
            yield _window_at(terms, at, zone)


def _window_at(terms: Terms, at: datetime, zone: ZoneInfo) -> Window:
    return Window(instant(at, zone), instant(at + _lasts(terms, zone), zone))


def _lasts(terms: Terms, zone: ZoneInfo) -> timedelta:
    """How long it lasts on the wall clock; in the rare hour that is there twice, as long as it really lasts."""
    on_the_wall = wall_clock(terms.end, zone) - wall_clock(terms.start, zone)
    return on_the_wall if on_the_wall > timedelta() else terms.end - terms.start


def _starts(rule: Rule, first: datetime, *, low: datetime, high: datetime) -> Iterator[datetime]:
    """The wall-clock times in [low, high] at which the rule lets a freeze that began at `first` begin."""
    if rule.times:
        yield from (at for at in _counted(rule, first) if low <= at <= high)
        return
    stop = min(high, rule.until) if rule.until else high
    if low <= stop:
        yield from (at for at in _expand(rule, first, near=low, until=stop) if at >= low)


@lru_cache(maxsize=256)
def _counted(rule: Rule, first: datetime) -> tuple[datetime, ...]:
    found = _expand(rule, first, near=first, until=first + LOOKS_AHEAD)
    return tuple(at for _, at in zip(range(rule.times or 0), found, strict=False))


def _expand(rule: Rule, first: datetime, *, near: datetime, until: datetime) -> Iterator[datetime]:
    """The times from shortly before `near`, which is not before `first`, to `until`.

    It counts from a period near by instead of from the first one, so a freeze that is years old costs no more. What the
    first day would have said by itself is therefore written out.
    """
    parts = dict(rule.parts)
    if not {"byweekday", "bymonthday"} & set(parts):
        parts |= _said_by_first_day(rule.frequency, first, parts)
    anchor = _anchor(rule, first, near)
    expanded = rules.rrule(rule.frequency, dtstart=anchor, interval=rule.interval, until=until, cache=False, **parts)
    return (at for at in expanded if at >= first)


def _said_by_first_day(frequency: int, first: datetime, parts: dict[str, Any]) -> dict[str, Any]:
    if frequency == rules.WEEKLY:
        return {"byweekday": (first.weekday(),)}
    if frequency == rules.MONTHLY:
        return {"bymonthday": (first.day,)}
    if frequency == rules.YEARLY:
        return {"bymonthday": (first.day,), "bymonth": parts.get("bymonth", (first.month,))}
    return {}


def _anchor(rule: Rule, first: datetime, near: datetime) -> datetime:
    """The beginning of the rule's period that holds `near` or is the last before it, at the first's time of day."""
    if rule.frequency in {rules.DAILY, rules.WEEKLY}:
        length = timedelta(days=rule.interval * (7 if rule.frequency == rules.WEEKLY else 1))
        return first + (near - first) // length * length
    months = rule.interval * (12 if rule.frequency == rules.YEARLY else 1)
    passed = (near.year - first.year) * 12 + near.month - first.month
    month = first.month - 1 + passed // months * months if rule.frequency == rules.MONTHLY else 0
    if rule.frequency == rules.YEARLY:
        month = (near.year - first.year) // rule.interval * months
    return first.replace(year=first.year + month // 12, month=month % 12 + 1, day=1)
