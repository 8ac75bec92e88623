"""Who has the watch now, for the Now page: a few schedules, the reader's own first, in one statement."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, cast
from zoneinfo import ZoneInfo

from django.db.models import BigIntegerField, Case, Exists, JSONField, OuterRef, QuerySet, Value, When
from django.db.models.functions import Cast, Coalesce

from accounts.models import Membership, User
from oncall import rota
from oncall.models import Override, Schedule
from oncall.restrictions import read_stored

MOST = 8
"""How many schedules the panel shows; the page of the watch has all of them."""
AHEAD, GAPS = timedelta(days=8), timedelta(hours=24)
"""How far it looks for the end of somebody's watch, and for gaps."""


class OnWatch(NamedTuple):
    """A line of the panel: who has the watch until when (None: for longer than a week), and the next gap in a day."""

    slug: str
    name: str
    team: str
    people: list[User]
    until: datetime | None
    gap: rota.Span | None


def on_watch(me: User, *, now: datetime) -> list[OnWatch]:
    """The schedules of the reader's teams, then others, by team; as many as MOST."""
    shown = _shown(me)
    rows = _turns(shown).union(_overrides(shown, now), all=True)
    found: dict[int, list[_Row]] = defaultdict(list)
    for values in rows:
        row = _Row(*values)
        found[row.schedule].append(row)
    return sorted((_line(known, now) for known in found.values()), key=lambda line: (line.team, line.slug))


def _shown(me: User) -> QuerySet[Schedule, Any]:
    mine = Exists(Membership.objects.filter(team=OuterRef("team"), user=me))
    order = Case(When(mine, then=Value(0)), default=Value(1))
    return Schedule.objects.filter(is_enabled=True).order_by(order, "slug").values("pk")[:MOST]


class _Row(NamedTuple):
    """A person of a turn, or an override with one of the rotations that it replaces, as the database answers it.

    `place` is the turn's in its rotation, and the id of an override, for which [begins, ends) is its own time.
    """

    is_turn: int
    schedule: int
    slug: str
    name: str
    zone: str
    team: str
    rotation: int | None
    kind: str
    length: int
    begins: datetime
    ends: datetime | None
    limits: list[dict[str, Any]]
    place: int | None
    person: int | None
    person_name: str | None
    is_active: bool | None


def _turns(shown: QuerySet[Schedule, Any]) -> QuerySet[Any, Any]:
    """A row for each person of each turn; a schedule in which nobody takes turns has one without anybody."""
    turn = "rotations__participants__"
    member = f"{turn}team__memberships__"
    return (
        Schedule.objects.filter(rotations__removed_at__isnull=True, pk__in=shown)
        .order_by()
        .values_list(
            Value(1),
            *("pk", "slug", "name", "time_zone", "team__name", "rotations", "rotations__type"),
            Cast("rotations__length", BigIntegerField()),
            *("rotations__start", "rotations__end", "rotations__restrictions"),
            Cast(f"{turn}position", BigIntegerField()),
            Coalesce(f"{turn}user", f"{member}user"),
            Coalesce(f"{turn}user__name", f"{member}user__name"),
            Coalesce(f"{turn}user__is_active", f"{member}user__is_active"),
        )
    )


def _overrides(shown: QuerySet[Schedule, Any], now: datetime) -> QuerySet[Any, Any]:
    """A row for each rotation that an override replaces; one without for an override of all of them."""
    counting = Override.objects.filter(schedule__in=shown, cancelled_at__isnull=True)
    return (
        counting.filter(end__gt=now, start__lt=now + AHEAD)
        .order_by()
        .values_list(
            Value(0),
            *(
                "schedule",
                "schedule__slug",
                "schedule__name",
                "schedule__time_zone",
                "schedule__team__name",
                "rotations",
            ),
            Value(""),
            Value(0, BigIntegerField()),
            *("start", "end"),
            Value([], JSONField()),
            Cast("pk", BigIntegerField()),
            *("user", "user__name", "user__is_active"),
        )
    )


def _line(rows: Sequence[_Row], now: datetime) -> OnWatch:
    first = rows[0]
    pieces = rota.final_schedule(_plan(rows), now, now + AHEAD)
    names = {row.person: row.person_name or "" for row in rows if row.person}
    people = sorted((User(pk=pk, name=names[pk]) for pk in pieces[0].people), key=str)
    near = (gap for gap in rota.gaps(pieces) if gap.start < now + GAPS)
    until = pieces[0].end if len(pieces) > 1 else None
    return OnWatch(first.slug, first.name, first.team, people, until, next(near, None))


def _plan(rows: Sequence[_Row]) -> rota.Schedule:
    turns: dict[int, dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))
    head: dict[int, _Row] = {}
    replaced: dict[int, set[int]] = defaultdict(set)
    over: dict[int, _Row] = {}
    for row in rows:
        if not row.is_turn and row.is_active and row.place is not None:
            over[row.place] = row
            replaced[row.place] |= {row.rotation} if row.rotation else set()
        elif row.is_turn and row.rotation and row.place is not None:
            head[row.rotation] = row
            turns[row.rotation][row.place] |= {row.person} if row.person and row.is_active else set()
    rotations = tuple(_rotation(row, turns[pk]) for pk, row in sorted(head.items()))
    overrides = (
        rota.Override(row.person or 0, row.begins, row.ends or row.begins, frozenset(replaced[pk]))
        for pk, row in sorted(over.items())
    )
    return rota.Schedule(ZoneInfo(rows[0].zone), rotations, tuple(overrides))


def _rotation(row: _Row, turns: Mapping[int, set[int]]) -> rota.Rotation:
    return rota.Rotation(
        id=row.rotation or 0,
        kind=cast("rota.Kind", row.kind),
        start=row.begins,
        turns=tuple(frozenset(turns[place]) for place in sorted(turns)),
        length=row.length,
        end=row.ends,
        restrictions=read_stored(row.limits),
    )
