"""Reading everything that decides who has the watch, for any number of schedules in five statements."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple, cast
from zoneinfo import ZoneInfo

from django.db.models import F, Q, QuerySet

from accounts.models import User
from oncall import restrictions, rota
from oncall.models import Override, Participant, Rotation, Schedule


class Turn(NamedTuple):
    """A turn of a rotation: a person, everybody of a team (with its slug and name), or nobody on purpose."""

    user: User | None
    team_id: int | None
    team_slug: str
    team_name: str

    def __str__(self) -> str:
        return str(self.user or self.team_name or "nobody")


@dataclass(frozen=True, slots=True)
class Watch:
    """A schedule with all that decides who has the watch.

    `people` are those it can name who may sign in, by id; `turns` are by the id of their rotation, `replaces` the ids
    of the rotations that an override names, by its id.
    """

    schedule: Schedule
    plan: rota.Schedule
    rotations: Sequence[Rotation]
    overrides: Sequence[Override]
    people: dict[int, User]
    turns: Mapping[int, Sequence[Turn]]
    replaces: Mapping[int, frozenset[int]]
    crew: Sequence[tuple[User, bool]] = ()

    def has_turns(self, user_id: int) -> bool:
        """Whether somebody takes turns, themselves or with a team."""
        return any(user_id in people for rotation in self.plan.rotations for people in rotation.turns)

    def on_call(self, at: datetime) -> list[User]:
        """Who has the watch at that moment, by name."""
        return self.named(rota.on_call(self.plan, at))

    def final(self, start: datetime, end: datetime) -> list[rota.Piece]:
        """Who has it from `start` to `end`."""
        return rota.final_schedule(self.plan, start, end)

    def named(self, ids: Iterable[int]) -> list[User]:
        """These people, by name."""
        return sorted((self.people[pk] for pk in ids), key=lambda person: (person.name, person.email))


_Row = tuple[int | None, int | None, str, str]
"""A turn as it is stored: the ids of its person and of its team, the team's slug and name."""


class _Known(NamedTuple):
    """What was read: people by id, crews by team, and the rows by what they belong to."""

    people: Mapping[int, User]
    crews: Mapping[int, Sequence[int]]
    rotations: Mapping[int, Sequence[Rotation]]
    turns: Mapping[int, Sequence[_Row]]
    overrides: Mapping[int, Sequence[Override]]
    replaces: Mapping[int, frozenset[int]]
    leads: frozenset[tuple[int, int]]
    """(team, person) of those who lead."""


def watches(rows: QuerySet[Schedule], start: datetime, end: datetime) -> list[Watch]:
    """These schedules with what decides about [start, end], in five statements however many they are.

    Who was deactivated keeps the turn and does not have the watch.
    """
    found = list(rows)
    if not found:
        return []
    known = _read([schedule.pk for schedule in found], start, end)
    return [_watch(schedule, known) for schedule in found]


def watch_of(schedule: Schedule, start: datetime, end: datetime) -> Watch:
    """The same for one schedule, in four, with its crew."""
    team = schedule.team_id
    known = _read([schedule.pk], start, end, owner=team)
    crew = [(known.people[pk], (team, pk) in known.leads) for pk in known.crews.get(team, ())]
    return replace(_watch(schedule, known), crew=crew)


def _read(schedules: Collection[int], start: datetime, end: datetime, *, owner: int | None = None) -> _Known:
    rotations: dict[int, list[Rotation]] = defaultdict(list)
    of = Rotation.objects.filter(schedule__in=schedules, removed_at__isnull=True)
    for rotation in of.order_by("position", "start", "pk"):
        rotations[rotation.schedule_id].append(rotation)
    turns: dict[int, list[_Row]] = defaultdict(list)
    parts = Participant.objects.filter(rotation__schedule__in=schedules, rotation__removed_at__isnull=True)
    columns = parts.order_by("rotation", "position").values_list(
        "rotation_id", "user_id", "team_id", "team__slug", "team__name"
    )
    for rotation_id, user_id, team_id, slug, name in columns:
        turns[rotation_id].append((user_id, team_id, slug or "", name or ""))
    overrides, replaces = _overrides(schedules, start, end)
    teams = {turn[1] for rows in turns.values() for turn in rows if turn[1] is not None}
    teams |= {owner} if owner is not None else set()
    named = {turn[0] for rows in turns.values() for turn in rows if turn[0] is not None}
    named |= {one.user_id for rows in overrides.values() for one in rows}
    people, crews, leads = _people(named, teams)
    return _Known(people, crews, rotations, turns, overrides, replaces, leads)


def _overrides(
    schedules: Collection[int], start: datetime, end: datetime
) -> tuple[dict[int, list[Override]], dict[int, frozenset[int]]]:
    """Those that reach into the time, by schedule, and which rotations each replaces."""
    over = Override.objects.filter(schedule__in=schedules, cancelled_at__isnull=True, end__gt=start, start__lte=end)
    found: dict[int, dict[int, Override]] = defaultdict(dict)
    replaces: dict[int, frozenset[int]] = {}
    for one in over.annotate(rotation_id=F("rotations")).order_by("pk"):
        found[one.schedule_id].setdefault(one.pk, one)
        one_more = frozenset({one.rotation_id} if one.rotation_id else ())
        replaces[one.pk] = replaces.get(one.pk, frozenset()) | one_more
    return {schedule: list(rows.values()) for schedule, rows in found.items()}, replaces


def _people(
    ids: Collection[int], teams: Collection[int]
) -> tuple[dict[int, User], dict[int, list[int]], frozenset[tuple[int, int]]]:
    """These people and everybody of these teams, by id; who is in which of the teams; and who leads which."""
    if not teams:
        return User.objects.in_bulk(ids), {}, frozenset()
    of_team = User.objects.annotate(of_team=F("memberships__team"), leads=F("memberships__is_lead"))
    people: dict[int, User] = {}
    crews: dict[int, list[int]] = defaultdict(list)
    leads = set()
    for person in of_team.filter(Q(pk__in=ids) | Q(of_team__in=teams)):
        people.setdefault(person.pk, person)
        if person.of_team in teams:
            crews[person.of_team].append(person.pk)
            leads |= {(person.of_team, person.pk)} if person.leads else set()
    return people, crews, frozenset(leads)


def _watch(schedule: Schedule, known: _Known) -> Watch:
    rotations, overrides = known.rotations.get(schedule.pk, ()), known.overrides.get(schedule.pk, ())
    people: dict[int, User] = {}
    for override in overrides:
        override.user = known.people[override.user_id]
        people[override.user_id] = override.user
    turns: dict[int, Sequence[Turn]] = {}
    pure = []
    for rotation in rotations:
        rows = known.turns.get(rotation.pk, ())
        ids = [((pk,) if pk is not None else known.crews.get(team or 0, ())) for pk, team, *_ in rows]
        people.update({pk: known.people[pk] for each in ids for pk in each})
        turns[rotation.pk] = [Turn(known.people.get(pk or 0), team, slug, name) for pk, team, slug, name in rows]
        active = tuple(frozenset(pk for pk in each if known.people[pk].is_active) for each in ids)
        pure.append(pure_rotation(rotation, active))
    counting = tuple(
        rota.Override(one.user_id, one.start, one.end, known.replaces[one.pk])
        for one in overrides
        if one.user.is_active
    )
    plan = rota.Schedule(ZoneInfo(schedule.time_zone), tuple(pure), counting, schedule.is_enabled)
    replaces = {one.pk: known.replaces[one.pk] for one in overrides}
    active_people = {pk: person for pk, person in people.items() if person.is_active}
    return Watch(schedule, plan, rotations, overrides, active_people, turns, replaces)


def pure_rotation(rotation: Rotation, turns: tuple[rota.People, ...]) -> rota.Rotation:
    """A rotation with these turns as the rota reads it."""
    return rota.Rotation(
        id=rotation.pk,
        kind=cast("rota.Kind", rotation.type),
        start=rotation.start,
        turns=turns,
        length=rotation.length,
        end=rotation.end,
        restrictions=restrictions.read_stored(rotation.restrictions),
    )
