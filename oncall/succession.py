"""How a rotation changes so that nobody's next turns move: the old one ends at a handoff, the new one begins there.

Opsgenie and others count turns from the start of a rotation, so one more member moves everybody's shifts, past ones
included. Here what was is kept, and the new order begins with whoever would have been next. Pure.
"""

from collections.abc import Hashable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from oncall import rota

Turn = TypeVar("Turn", bound=Hashable)


def in_step(upcoming: Sequence[Turn], wanted: Sequence[Turn]) -> list[Turn]:
    """The cycle `wanted`, begun where it goes on as `upcoming` would have for as long as it can."""
    known = set(wanted)
    going = [turn for turn in upcoming if turn in known]
    places = [[*wanted[place:], *wanted[:place]] for place in range(len(wanted))]
    return max(places, key=lambda order: _agrees(order, going), default=[])


def _agrees(order: Sequence[Turn], going: Sequence[Turn]) -> int:
    count = 0
    for mine, theirs in zip(order, going, strict=False):
        if mine != theirs:
            break
        count += 1
    return count


def is_cycle_of(one: Sequence[Turn], other: Sequence[Turn]) -> bool:
    """Whether both are the same order, begun at different places."""
    if len(one) != len(other):
        return False
    return not one or any([*one[place:], *one[:place]] == list(other) for place in range(len(one)))


def upcoming(rotation: rota.Rotation, turns: Sequence[Turn], *, at: datetime, zone: ZoneInfo) -> list[Turn]:
    """The turns in the order in which they come from the moment `at` on, each place once."""
    number = rota.shift(rotation, zone, max(at, rotation.start)).number % len(turns)
    return [*turns[number:], *turns[:number]]


def next_handoff(rotation: rota.Rotation, zone: ZoneInfo, *, now: datetime) -> datetime:
    """When the rotation would next hand over after `now`; its start, if that is still to come."""
    return rotation.start if rotation.start > now else rota.shift(rotation, zone, now).end


def has_same_handoffs(one: rota.Rotation, other: rota.Rotation, zone: ZoneInfo) -> bool:
    """Whether both hand over at the same times and count at the same times, wherever they began."""
    rhythm = [replace(each, id=0, turns=(), start=one.start) for each in (one, other)]
    step = rota.STEPS[one.kind] * one.length
    apart = rota.wall_clock(one.start, zone) - rota.wall_clock(other.start, zone)
    return rhythm[0] == rhythm[1] and not apart % step
