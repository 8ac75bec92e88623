"""What stands in whose way, and when there is room. Pure: no database, no clock.

Every interval is half-open: what begins at the moment at which another ends does not meet it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from heapq import heappop, heappush
from itertools import islice
from typing import NamedTuple

STEP = timedelta(minutes=15)
"""A slot that is offered begins at a quarter of an hour."""
AHEAD = timedelta(days=14)
"""How far ahead a slot is looked for."""
HOPS = 2
"""Over how many dependencies a change is felt."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Reason(StrEnum):
    """Why two changes cannot be made at the same time without a thought."""

    SAME_SERVICE = "same_service"
    DEPENDENCY = "dependency"
    SAME_IMPLEMENTER = "same_implementer"


class Span(NamedTuple):
    """A half-open interval [start, end)."""

    start: datetime
    end: datetime

    def meets(self, other: "Span") -> bool:
        """Whether the two share a moment."""
        return self.start < other.end and other.start < self.end


@dataclass(frozen=True, slots=True)
class Booking:
    """What a change takes up: services (ids) in one environment, somebody's hands, a span of time."""

    id: int
    span: Span
    services: frozenset[int]
    environment_id: int
    implementer_id: int | None


@dataclass(frozen=True, slots=True)
class Landscape:
    """What the services (ids) are to each other: `near` are those within two dependencies, upwards or downwards."""

    near: Mapping[int, frozenset[int]] = field(default_factory=dict)
    tier_0: frozenset[int] = frozenset()


class Touch(NamedTuple):
    """That two changes concern each other; `services` are one of each change, None when only a person is shared."""

    reason: Reason
    services: tuple[int, int] | None
    blocks: bool


class Collision(NamedTuple):
    """Two bookings that overlap, and everything by which they touch, the gravest first."""

    one: Booking
    other: Booking
    touches: tuple[Touch, ...]

    @property
    def blocks(self) -> bool:
        """Whether one of the two must move."""
        return self.touches[0].blocks


def within_hops(depends_on: Iterable[tuple[int, int]]) -> dict[int, frozenset[int]]:
    """For each service the others that it reaches over at most two dependencies, or that reach it.

    `depends_on` are pairs (service, what it depends on). Two that only share a dependency are not near.
    """
    below: dict[int, set[int]] = defaultdict(set)
    for service, other in depends_on:
        below[service].add(other)
    near: dict[int, set[int]] = defaultdict(set)
    for service in list(below):
        reached, edge = set(below[service]), set(below[service])
        for _ in range(HOPS - 1):
            edge = {further for other in edge for further in below.get(other, ())}
            reached |= edge
        for other in reached - {service}:
            near[service].add(other)
            near[other].add(service)
    return {service: frozenset(others) for service, others in near.items()}


def touches(one: Booking, other: Booking, landscape: Landscape) -> tuple[Touch, ...]:
    """By what two changes concern each other whatever their time, the gravest first; services by their environment."""
    found: list[Touch] = []
    if one.environment_id == other.environment_id:
        found += _by_services(one, other, landscape)
    if one.implementer_id is not None and one.implementer_id == other.implementer_id:
        found.append(Touch(Reason.SAME_IMPLEMENTER, None, blocks=False))
    return tuple(sorted(found, key=lambda touch: not touch.blocks))


def _by_services(one: Booking, other: Booking, landscape: Landscape) -> Iterable[Touch]:
    for service in sorted(one.services & other.services):
        yield Touch(Reason.SAME_SERVICE, (service, service), blocks=service in landscape.tier_0)
    for service in sorted(one.services):
        for neighbour in sorted(landscape.near.get(service, frozenset()) & other.services):
            yield Touch(
                Reason.DEPENDENCY, (service, neighbour), blocks=not landscape.tier_0.isdisjoint({service, neighbour})
            )


def collision(one: Booking, other: Booking, landscape: Landscape) -> Collision | None:
    """The collision of two changes: they overlap and touch. It blocks when a service by which they touch is tier 0."""
    if one.id == other.id or not one.span.meets(other.span):
        return None
    found = touches(one, other, landscape)
    return Collision(one, other, found) if found else None


def collisions_among(bookings: Iterable[Booking], landscape: Landscape, *, most: int) -> list[Collision]:
    """The first `most` collisions of all pairs, ordered by the time at which they begin.

    Only those that share a service or a person are compared, so thousands at one time cost no more than their number.
    """
    found: list[Collision] = []
    running: dict[_Part, dict[int, Booking]] = defaultdict(dict)
    ends: list[tuple[datetime, int, Booking]] = []
    for booking in sorted(bookings, key=_by_time):
        while ends and ends[0][0] <= booking.span.start:
            _, number, over = heappop(ends)
            for part in _parts(over):
                running[part].pop(number, None)
        touched = {other.id: other for part in _reached(booking, landscape) for other in running[part].values()}
        met = (collision(earlier, booking, landscape) for earlier in sorted(touched.values(), key=_by_time))
        found += islice((one for one in met if one is not None), most - len(found))
        if len(found) >= most:
            return found
        heappush(ends, (booking.span.end, booking.id, booking))
        for part in _parts(booking):
            running[part][booking.id] = booking
    return found


_Part = tuple[str, int | None, int | None]


def _by_time(booking: Booking) -> tuple[datetime, int]:
    return booking.span.start, booking.id


def _parts(booking: Booking) -> list[_Part]:
    """What a booking takes up, as keys: its services where they are, and somebody's hands."""
    hands: list[_Part] = [("hands", booking.implementer_id, None)] if booking.implementer_id is not None else []
    return [*hands, *(("service", service, booking.environment_id) for service in booking.services)]


def _reached(booking: Booking, landscape: Landscape) -> list[_Part]:
    near = {other for service in booking.services for other in landscape.near.get(service, frozenset())}
    return [*_parts(booking), *(("service", other, booking.environment_id) for other in near - booking.services)]


# --- Room ------------------------------------------------------------------------------------------------------------


def next_free_slot(length: timedelta, *, within: Span, busy: Iterable[Span]) -> Span | None:
    """The first span of this length inside `within` that begins at a quarter of an hour and meets nothing busy."""
    start = _quarter_from(within.start)
    for taken in sorted(busy):
        if taken.end <= taken.start or taken.end <= start:
            continue
        if taken.start >= start + length:
            break
        start = _quarter_from(taken.end)
    return Span(start, start + length) if start + length <= within.end else None


def _quarter_from(at: datetime) -> datetime:
    """The first quarter of an hour that is not before `at`. All zones in use differ from UTC by quarters."""
    return at + (_EPOCH - at) % STEP


# --- A day or a week on paper ----------------------------------------------------------------------------------------


def lanes(spans: Sequence[Span]) -> list[tuple[int, int]]:
    """For each of the spans, which are in order of their starts, its lane and how many lanes its group needs.

    Those of one group overlap in a chain; in a lane nothing overlaps.
    """
    placed: list[int] = []
    group: list[int] = []
    ends: list[datetime] = []
    widths: dict[int, int] = {}
    for place, span in enumerate(spans):
        if group and all(end <= span.start for end in ends):
            widths |= dict.fromkeys(group, len(ends))
            group, ends = [], []
        lane = next((number for number, end in enumerate(ends) if end <= span.start), len(ends))
        ends[lane : lane + 1] = [span.end]
        placed.append(lane)
        group.append(place)
    widths |= dict.fromkeys(group, len(ends))
    return [(lane, widths[place]) for place, lane in enumerate(placed)]
