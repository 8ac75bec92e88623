"""How long services were hurt, out of intervals that may overlap. Pure: no database, no clock.

At each instant only the worst of what hurts a service counts, never the sum: two incidents at once do not make an hour
longer. Intervals are half-open, [start, end).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from incidents.states import Level

RANK = {Level.DEGRADED.value: 1, Level.PARTIAL.value: 2, Level.DOWN.value: 3}
"""Which level is worse."""
WEIGHTS = {Level.DEGRADED.value: 0.0, Level.PARTIAL.value: 0.5, Level.DOWN.value: 1.0}
"""The part of a moment that counts as unavailable: policy 1. A degraded service still answers everybody."""
WEIGHTS_VERSION = 1
NOTHING = timedelta(0)


@dataclass(frozen=True, slots=True)
class Hurt:
    """That something was hurt at `level` over [start, end)."""

    start: datetime
    end: datetime
    level: str


def worst(levels: Iterable[str]) -> str:
    """The worst of these levels, empty if there are none."""
    return max(levels, key=lambda level: RANK[level], default="")


def pieces(hurts: Iterable[Hurt], start: datetime, end: datetime) -> list[Hurt]:
    """The same within [start, end) without overlaps: disjoint, in order, each with the worst level of its moments."""
    inside = [_clipped(one, start, end) for one in hurts if one.start < end and one.end > start]
    edges = sorted({edge for one in inside for edge in (one.start, one.end)})
    found: list[Hurt] = []
    for left, right in pairwise(edges):
        level = worst(one.level for one in inside if one.start <= left and one.end >= right)
        is_same = bool(level and found) and (found[-1].end, found[-1].level) == (left, level)
        if level:
            found.append(Hurt(found.pop().start if is_same else left, right, level))
    return found


def without(parts: Sequence[Hurt], excluded: Iterable[tuple[datetime, datetime]]) -> list[Hurt]:
    """`parts` outside of the excluded intervals, which are those of announced maintenance."""
    left = list(parts)
    for start, end in excluded:
        left = [piece for part in left for piece in _outside(part, start, end)]
    return left


def unavailable(parts: Iterable[Hurt]) -> timedelta:
    """The time that counts as unavailable in disjoint `parts`: each piece times the weight of its level."""
    return sum((WEIGHTS[part.level] * (part.end - part.start) for part in parts), NOTHING)


def available_share(lost: timedelta, period: timedelta) -> float | None:
    """1 − unavailable ÷ period, from 0 to 1; None for a period of no length."""
    return None if period <= NOTHING else max(0.0, 1 - lost / period)


def percent(share: float | None) -> str:
    """A share with up to three digits that say something; what is not whole is never rounded up to 100 %."""
    if share is None:
        return "–"
    if share >= 1:
        return "100 %"
    return f"{min(share * 100, 99.999):.3f}".rstrip("0").rstrip(".") + " %"


def _clipped(one: Hurt, start: datetime, end: datetime) -> Hurt:
    return Hurt(max(one.start, start), min(one.end, end), one.level)


def _outside(part: Hurt, start: datetime, end: datetime) -> list[Hurt]:
    if end <= part.start or start >= part.end or start >= end:
        return [part]
    sides = ((part.start, min(start, part.end)), (max(end, part.start), part.end))
    return [Hurt(left, right, part.level) for left, right in sides if left < right]
