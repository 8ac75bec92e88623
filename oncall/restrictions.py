"""When a rotation counts, as it is written, stored and read. Pure.

Written `{"start": "22:00", "end": "06:00"}`, with `start_day` and `end_day` (`monday` …) for days of the week. All
restrictions of a rotation are of one kind, at most fifteen, which is what Opsgenie takes.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from oncall.rota import Restriction
from workflow.moments import WEEKDAYS

MOST = 15
DAYS = tuple(day.lower() for day in WEEKDAYS)
_CLOCK = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])\Z", re.ASCII)


class BadRestriction(ValueError):
    """A restriction that is none; the text is a sentence for a person."""


def read(written: Iterable[Mapping[str, Any]]) -> tuple[Restriction, ...]:
    """The restrictions, each once and in a fixed order; raises BadRestriction."""
    found = tuple(sorted({_read(one) for one in written}, key=_order))
    if len(found) > MOST:
        raise BadRestriction(f"A rotation has {MOST} restrictions at most. Join some of them.")
    if len({one.start_day is None for one in found}) > 1:
        raise BadRestriction("Give all restrictions days of the week, or none of them.")
    if len(found) > 1 and found[0].start_day is None:
        raise BadRestriction("A rotation has one time of day. Write days of the week to have more.")
    return found


def _order(one: Restriction) -> tuple[int, int, int, int]:
    return one.start_day or 0, one.start, one.end_day or 0, one.end


def _read(one: Mapping[str, Any]) -> Restriction:
    days = [_day(one[name]) if one.get(name) else None for name in ("start_day", "end_day")]
    if (days[0] is None) != (days[1] is None):
        raise BadRestriction("A restriction names both days, the first and the last, or none.")
    return Restriction(_minutes(one.get("start")), _minutes(one.get("end")), days[0], days[1])


def _day(text: object) -> int:
    if str(text).lower() not in DAYS:
        raise BadRestriction(f"“{str(text)[:20]}” is no day. Write monday, tuesday and so on.")
    return DAYS.index(str(text).lower())


def _minutes(text: object) -> int:
    match = _CLOCK.match(str(text))
    if match is None:
        raise BadRestriction(f"“{str(text)[:20]}” is no time of day. Write it like 22:00.")
    return int(match[1]) * 60 + int(match[2])


def stored(found: Iterable[Restriction]) -> list[dict[str, str]]:
    """The restrictions as they are written."""
    return [_stored(one) for one in found]


def _stored(one: Restriction) -> dict[str, str]:
    clocks = {"start": clock(one.start), "end": clock(one.end)}
    if one.start_day is None or one.end_day is None:
        return clocks
    return {
        "start_day": DAYS[one.start_day],
        "start": clocks["start"],
        "end_day": DAYS[one.end_day],
        "end": clocks["end"],
    }


def read_stored(written: Iterable[Mapping[str, Any]]) -> tuple[Restriction, ...]:
    """The same as `read`, for what was judged when it was stored."""
    return tuple(_read(one) for one in written)


def clock(minutes: int) -> str:
    """`22:00`."""
    return f"{minutes // 60:02}:{minutes % 60:02}"


def in_words(found: Iterable[Restriction]) -> str:
    """“22:00 to 06:00”, “Monday 08:00 to Friday 18:00”, several joined by semicolons; empty for none."""
    return "; ".join(
        f"{clock(one.start)} to {clock(one.end)}"
        if one.start_day is None or one.end_day is None
        else f"{WEEKDAYS[one.start_day]} {clock(one.start)} to {WEEKDAYS[one.end_day]} {clock(one.end)}"
        for one in found
    )
