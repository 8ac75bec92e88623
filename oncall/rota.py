"""Who has the watch. Pure: no database, no clock.

Opsgenie's meaning: all rotations of a schedule count together, shifts are counted from a rotation's start on the wall
clock of the schedule's zone, and every interval is half-open. Where the clocks skip a time, it is the end of the gap;
where they show it twice, the first of both. A restriction hides a shift and never makes the next one come earlier.
`on_call` answers for one moment by itself; `final_schedule` walks along the time. Each proves the other in the tests.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from accounts import zones

People = frozenset[int]
"""Ids of people."""
NOBODY: People = frozenset()
STEPS = {"hourly": timedelta(hours=1), "daily": timedelta(days=1), "weekly": timedelta(weeks=1)}
Kind = Literal["hourly", "daily", "weekly"]
DAY, WEEK = timedelta(days=1), timedelta(weeks=1)
instant = lru_cache(maxsize=16_384)(zones.instant)
wall_clock = zones.wall_clock


@dataclass(frozen=True, slots=True)
class Restriction:
    """When a rotation counts, on the wall clock: [start, end) in minutes of the day, each day or from day to day.

    Days run from 0, Monday. An end that is not after the start is the next day's, or the next week's; so equal ends
    mean always.
    """

    start: int
    end: int
    start_day: int | None = None
    end_day: int | None = None


ALWAYS = (Restriction(0, 0),)


@dataclass(frozen=True, slots=True)
class Rotation:
    """People who take turns; `turns` are who has the watch in shift 0, 1, … and from the beginning again.

    Everybody of a team has a turn together; a turn of nobody is a gap on purpose.
    """

    id: int
    kind: Kind
    start: datetime
    turns: tuple[People, ...]
    length: int = 1
    end: datetime | None = None
    restrictions: tuple[Restriction, ...] = ()


@dataclass(frozen=True, slots=True)
class Override:
    """That `person` has the watch in [start, end) instead of whom these rotations name; none means all of them."""

    person: int
    start: datetime
    end: datetime
    rotations: frozenset[int] = frozenset()

    def replaces(self, rotation: int) -> bool:
        """Whether it takes the place of what this rotation says."""
        return not self.rotations or rotation in self.rotations


@dataclass(frozen=True, slots=True)
class Schedule:
    """A watch. Of overrides that overlap, which no action lets in, the later in the list counts."""

    zone: ZoneInfo
    rotations: tuple[Rotation, ...] = ()
    overrides: tuple[Override, ...] = ()
    is_enabled: bool = True


class Piece(NamedTuple):
    """Who has the watch in [start, end), in UTC."""

    start: datetime
    end: datetime
    people: People
    is_override: bool = False


class Span(NamedTuple):
    """A half-open interval in UTC."""

    start: datetime
    end: datetime


# --- One moment ------------------------------------------------------------------------------------------------------


def on_call(schedule: Schedule, at: datetime) -> People:
    """Everybody who has the watch at that moment."""
    if not schedule.is_enabled:
        return NOBODY
    found = [_named(schedule, rotation, at) for rotation in schedule.rotations]
    wide = [one.person for one in schedule.overrides if not one.rotations and one.start <= at < one.end]
    return NOBODY.union(*found, wide[-1:])


def _named(schedule: Schedule, rotation: Rotation, at: datetime) -> People:
    if at < rotation.start or (rotation.end is not None and at >= rotation.end):
        return NOBODY
    instead = [one.person for one in schedule.overrides if one.start <= at < one.end and one.replaces(rotation.id)]
    if instead:
        return frozenset(instead[-1:])
    if not rotation.turns or not _counts(rotation, schedule.zone, at):
        return NOBODY
    return rotation.turns[shift(rotation, schedule.zone, at).number % len(rotation.turns)]


def _counts(rotation: Rotation, zone: ZoneInfo, at: datetime) -> bool:
    if not rotation.restrictions:
        return True
    wall = wall_clock(at, zone)
    around = (span for one in rotation.restrictions for span in _spans(one, zone, wall, wall))
    return any(span.start <= at < span.end for span in around)


class Shift(NamedTuple):
    """Shift `number`, counted from 0, over [start, end)."""

    number: int
    start: datetime
    end: datetime


def shift(rotation: Rotation, zone: ZoneInfo, at: datetime) -> Shift:
    """The shift in which `at` lies, which must not be before the rotation's start."""
    first, step = wall_clock(rotation.start, zone), STEPS[rotation.kind] * rotation.length
    number = max(0, (wall_clock(at, zone) - first) // step)
    while number and instant(first + number * step, zone) > at:
        number -= 1
    while instant(first + (number + 1) * step, zone) <= at:
        number += 1
    begin = max(instant(first + number * step, zone), rotation.start.astimezone(UTC))
    return Shift(number, begin, instant(first + (number + 1) * step, zone))


# --- A stretch of time -----------------------------------------------------------------------------------------------


def final_schedule(schedule: Schedule, start: datetime, end: datetime) -> list[Piece]:
    """Who has the watch from `start` to `end`: disjoint pieces in order that cover it, no two neighbours alike."""
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    if end <= start:
        return []
    lanes = [lane(schedule, rotation, start, end) for rotation in schedule.rotations] if schedule.is_enabled else []
    if schedule.is_enabled:
        lanes.append(_wide(schedule, start, end))
    return together([piece for pieces in lanes for piece in pieces], start, end)


def lane(schedule: Schedule, rotation: Rotation, start: datetime, end: datetime) -> list[Piece]:
    """What one rotation says in [start, end), overrides included, in order; what it leaves out it hides or lacks."""
    low = max(start, rotation.start).astimezone(UTC)
    high = (end if rotation.end is None else min(end, rotation.end)).astimezone(UTC)
    if high <= low:
        return []
    pieces = _visible(rotation, schedule.zone, low, high) if rotation.turns else []
    for override in schedule.overrides:
        if override.replaces(rotation.id) and override.start < high and override.end > low:
            pieces = _replaced(pieces, override, Span(low, high))
    return pieces


def _visible(rotation: Rotation, zone: ZoneInfo, low: datetime, high: datetime) -> list[Piece]:
    spans = iter(open_spans(rotation.restrictions or ALWAYS, zone, low, high))
    span, pieces = next(spans, None), []
    for number, begin, until in _shifts(rotation, zone, low, high):
        people = rotation.turns[number % len(rotation.turns)]
        while span is not None and span.start < until:
            left, right = max(begin, span.start, low), min(until, span.end, high)
            if left < right and people:
                pieces.append(Piece(left, right, people))
            if span.end > until:
                break
            span = next(spans, None)
    return pieces


def _shifts(rotation: Rotation, zone: ZoneInfo, low: datetime, high: datetime) -> Iterator[Shift]:
    first, step = wall_clock(rotation.start, zone), STEPS[rotation.kind] * rotation.length
    found = shift(rotation, zone, low)
    while found.start < high:
        yield found
        number = found.number + 1
        found = Shift(number, found.end, instant(first + (number + 1) * step, zone))


def open_spans(restrictions: Iterable[Restriction], zone: ZoneInfo, low: datetime, high: datetime) -> list[Span]:
    """When any of these lets a rotation count, in order, disjoint, merged where they meet; they may jut out."""
    if any(one.start == one.end and one.start_day == one.end_day for one in restrictions):
        return [Span(low, high)]
    walls = wall_clock(low, zone), wall_clock(high, zone)
    found = sorted(span for one in restrictions for span in _spans(one, zone, *walls) if span.start < span.end)
    merged: list[Span] = []
    for span in found:
        if merged and span.start <= merged[-1].end:
            merged[-1] = Span(merged[-1].start, max(merged[-1].end, span.end))
        elif span.end > low and span.start < high:
            merged.append(span)
    return merged


def _spans(restriction: Restriction, zone: ZoneInfo, low: datetime, high: datetime) -> Iterator[Span]:
    """Its times from the one before the wall clock `low` to the one after `high`."""
    midnight = datetime.combine(low.date(), time.min)
    if restriction.start_day is None or restriction.end_day is None:
        period, opens, closes = DAY, timedelta(minutes=restriction.start), timedelta(minutes=restriction.end)
    else:
        period, midnight = WEEK, midnight - timedelta(days=low.weekday())
        opens = timedelta(days=restriction.start_day, minutes=restriction.start)
        closes = timedelta(days=restriction.end_day, minutes=restriction.end)
    if closes <= opens:
        closes += period
    anchor = midnight - period
    while anchor <= high + period:
        yield Span(instant(anchor + opens, zone), instant(anchor + closes, zone))
        anchor += period


def _replaced(pieces: Sequence[Piece], override: Override, within: Span) -> list[Piece]:
    """The pieces with the override in the place of what was in its time."""
    left, right = max(override.start, within.start), min(override.end, within.end)
    own = Piece(left.astimezone(UTC), right.astimezone(UTC), frozenset({override.person}), is_override=True)
    kept = [own]
    for piece in pieces:
        if piece.start < own.start:
            kept.append(piece._replace(end=min(piece.end, own.start)))
        if piece.end > own.end:
            kept.append(piece._replace(start=max(piece.start, own.end)))
    return sorted(kept, key=lambda piece: piece.start)


def _wide(schedule: Schedule, start: datetime, end: datetime) -> list[Piece]:
    pieces: list[Piece] = []
    for override in schedule.overrides:
        if not override.rotations and override.start < end and override.end > start:
            pieces = _replaced(pieces, override, Span(start, end))
    return pieces


def together(pieces: Iterable[Piece], start: datetime, end: datetime) -> list[Piece]:
    """The union over the window, from end to end: a walk along all edges that counts who is in."""
    edges: list[tuple[datetime, int, Piece]] = []
    for piece in pieces:
        edges += [(piece.start, 1, piece), (piece.end, -1, piece)]
    edges.sort(key=lambda edge: (edge[0], edge[1]))
    inside: dict[int, int] = {}
    since, whole = start, list[Piece]()
    for at, way, piece in edges:
        if at > since:
            _append(whole, Piece(since, at, frozenset(inside)))
            since = at
        for person in piece.people:
            inside[person] = inside.get(person, 0) + way
            if not inside[person]:
                del inside[person]
    if since < end:
        _append(whole, Piece(since, end, NOBODY))
    return whole


def _append(whole: list[Piece], piece: Piece) -> None:
    if whole and whole[-1].people == piece.people:
        whole[-1] = whole[-1]._replace(end=piece.end)
    else:
        whole.append(piece)


# --- What it comes to ------------------------------------------------------------------------------------------------


def gaps(pieces: Iterable[Piece], *, reachable: People | None = None) -> list[Span]:
    """When nobody has the watch, or nobody among `reachable`; those that meet are one."""
    found: list[Span] = []
    for piece in pieces:
        if piece.people if reachable is None else piece.people & reachable:
            continue
        if found and found[-1].end == piece.start:
            found[-1] = Span(found[-1].start, piece.end)
        else:
            found.append(Span(piece.start, piece.end))
    return found


class Load(NamedTuple):
    """How long somebody has the watch, and how much of it at night (22:00–06:00) and on Saturdays and Sundays."""

    whole: timedelta = timedelta()
    nights: timedelta = timedelta()
    weekends: timedelta = timedelta()


NIGHTS = (Restriction(22 * 60, 6 * 60),)
WEEKENDS = (Restriction(0, 0, 5, 0),)


def loads(pieces: Sequence[Piece], zone: ZoneInfo) -> dict[int, Load]:
    """How long everybody in these pieces has the watch, by the clocks of the zone."""
    if not pieces:
        return {}
    window = pieces[0].start, pieces[-1].end
    nights, weekends = open_spans(NIGHTS, zone, *window), open_spans(WEEKENDS, zone, *window)
    found: dict[int, Load] = {}
    for piece in pieces:
        lasts = Load(piece.end - piece.start, _shared(piece, nights), _shared(piece, weekends))
        for person in piece.people:
            known = found.get(person, Load())
            found[person] = Load(*(mine + more for mine, more in zip(known, lasts, strict=True)))
    return found


def _shared(piece: Piece, spans: Iterable[Span]) -> timedelta:
    both = (min(piece.end, span.end) - max(piece.start, span.start) for span in spans)
    return sum((shared for shared in both if shared > timedelta()), timedelta())


class Difference(NamedTuple):
    """That in [start, end) other people have the watch than before."""

    start: datetime
    end: datetime
    before: People
    after: People


def differences(before: Sequence[Piece], after: Sequence[Piece]) -> list[Difference]:
    """Where two final schedules of the same window differ, in order, equal neighbours merged."""
    found: list[Difference] = []
    left, right = iter(before), iter(after)
    old, new = next(left, None), next(right, None)
    while old is not None and new is not None:
        start, end = max(old.start, new.start), min(old.end, new.end)
        if start < end and old.people != new.people:
            _append_difference(found, Difference(start, end, old.people, new.people))
        old, new = next(left, None) if old.end == end else old, next(right, None) if new.end == end else new
    return found


def _append_difference(found: list[Difference], one: Difference) -> None:
    last = found[-1] if found else None
    if last is not None and (last.end, last.before, last.after) == (one.start, one.before, one.after):
        found[-1] = last._replace(end=one.end)
    else:
        found.append(one)


def hours_changed(found: Iterable[Difference]) -> Mapping[int, timedelta]:
    """How much longer, or shorter, everybody has the watch; only people for whom it is not the same."""
    total: dict[int, timedelta] = {}
    for one in found:
        for person in one.before ^ one.after:
            lasts = one.end - one.start
            total[person] = total.get(person, timedelta()) + (lasts if person in one.after else -lasts)
    return {person: change for person, change in total.items() if change}
