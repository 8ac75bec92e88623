"""Reads of who has the watch."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, cast
from zoneinfo import ZoneInfo

from django.db.models import Prefetch, Q, QuerySet

from accounts.models import Membership, User
from catalog.models import Service
from oncall import restrictions, rota
from oncall.models import Override, Participant, Rotation, Schedule

Coverage = Literal["reachable", "nobody", "unknown"]


@dataclass(frozen=True, slots=True)
class Watch:
    """A schedule with all that decides who has the watch; `people` are those it can name, by id."""

    schedule: Schedule
    plan: rota.Schedule
    rotations: Sequence[Rotation]
    overrides: Sequence[Override]
    people: dict[int, User]

    def on_call(self, at: datetime) -> list[User]:
        """Who has the watch at that moment, by name."""
        return self.named(rota.on_call(self.plan, at))

    def final(self, start: datetime, end: datetime) -> list[rota.Piece]:
        """Who has it from `start` to `end`."""
        return rota.final_schedule(self.plan, start, end)

    def named(self, ids: Iterable[int]) -> list[User]:
        """These people, by name."""
        return sorted((self.people[pk] for pk in ids), key=lambda person: (person.name, person.email))


def schedules() -> QuerySet[Schedule]:
    """All schedules with their teams; everybody who is signed in may see who has the watch."""
    return Schedule.objects.select_related("team").order_by("slug")


def schedule_named(slug: str) -> Schedule | None:
    """The schedule at this address."""
    return schedules().filter(slug=slug).first()


def watches(rows: QuerySet[Schedule], start: datetime, end: datetime) -> list[Watch]:
    """These schedules with what decides about [start, end], in at most six statements.

    Who was deactivated keeps the turn and does not have the watch.
    """
    turns = Prefetch("participants", Participant.objects.select_related("user").order_by("position"))
    present = Rotation.objects.filter(removed_at__isnull=True).prefetch_related(turns)
    over = Override.objects.filter(cancelled_at__isnull=True, end__gt=start, start__lte=end)
    ordered = over.select_related("user").prefetch_related(Prefetch("rotations", Rotation.objects.only("id")))
    found = list(
        rows.prefetch_related(
            Prefetch("rotations", present, to_attr="present_rotations"),
            Prefetch("overrides", ordered.order_by("pk"), to_attr="known_overrides"),
        )
    )
    teams = {
        turn.team_id
        for schedule in found
        for rotation in schedule.present_rotations
        for turn in rotation.participants.all()
        if turn.team_id
    }
    crews: dict[int, list[User]] = {}
    for one in Membership.objects.filter(team__in=teams).select_related("user") if teams else ():
        crews.setdefault(one.team_id, []).append(one.user)
    return [_watch(schedule, crews) for schedule in found]


def watch_of(schedule: Schedule, start: datetime, end: datetime) -> Watch:
    """The same for one schedule."""
    return watches(Schedule.objects.filter(pk=schedule.pk).select_related("team"), start, end)[0]


def _watch(schedule: Schedule, crews: dict[int, list[User]]) -> Watch:
    rotations: list[Rotation] = schedule.present_rotations  # type: ignore[attr-defined]  # prefetched by watches
    overrides: list[Override] = schedule.known_overrides  # type: ignore[attr-defined]  # prefetched by watches
    people = {override.user.pk: override.user for override in overrides}
    for rotation in rotations:
        for turn in rotation.participants.all():
            people |= {person.pk: person for person in _crew(turn, crews)}
    active = {pk: person for pk, person in people.items() if person.is_active}
    pure = rota.Schedule(
        ZoneInfo(schedule.time_zone),
        tuple(_rotation(rotation, crews) for rotation in rotations),
        tuple(_override(override) for override in overrides if override.user.is_active),
        schedule.is_enabled,
    )
    return Watch(schedule, pure, rotations, overrides, active)


def _crew(turn: Participant, crews: dict[int, list[User]]) -> list[User]:
    if turn.user is not None:
        return [turn.user]
    return crews.get(turn.team_id or 0, [])


def _rotation(rotation: Rotation, crews: dict[int, list[User]]) -> rota.Rotation:
    turns = tuple(
        frozenset(person.pk for person in _crew(turn, crews) if person.is_active)
        for turn in rotation.participants.all()
    )
    return pure_rotation(rotation, turns)


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


def _override(override: Override) -> rota.Override:
    named = frozenset(rotation.pk for rotation in override.rotations.all())
    return rota.Override(override.user_id, override.start, override.end, named)


# --- Services --------------------------------------------------------------------------------------------------------


def schedules_for(services: Iterable[Service]) -> QuerySet[Schedule]:
    """The schedules that watch these services: those of their escalation policies, and of the teams that own them."""
    ids, teams = [service.pk for service in services], {service.team_id for service in services}
    by_policy = Q(steps__policy__services__in=ids, steps__policy__is_enabled=True)
    return schedules().filter(by_policy | Q(team__in=teams), is_enabled=True).distinct()


def coverage(service_id: int, start: datetime, end: datetime) -> Coverage:
    """Whether somebody has the watch for the service in all of [start, end); `unknown` where no schedule says.

    Whoever has an active account counts as reachable. A service is watched by its policies' and its team's schedules.
    """
    service = Service.objects.filter(pk=service_id).first()
    found = watches(schedules_for([service]), start, end) if service else []
    if not found:
        return "unknown"
    lanes = [piece for watch in found for piece in watch.final(start, end)]
    return "nobody" if rota.gaps(rota.together(lanes, start, end)) else "reachable"


@dataclass(frozen=True, slots=True)
class OnCall:
    """Who has the watch for some services: ids of people with the name of their schedule; whether any schedule says."""

    people: dict[int, str]
    is_known: bool


def on_call_for(services: Sequence[Service], at: datetime) -> OnCall:
    """Who has the watch for any of these services at that moment."""
    found = watches(schedules_for(services), at, at)
    people = {pk: watch.schedule.name for watch in found for pk in rota.on_call(watch.plan, at)}
    return OnCall(people, bool(found))


@dataclass(frozen=True, slots=True)
class Standing:
    """How a schedule stands at a moment: who has the watch until when, who then, and the gaps of the next two weeks."""

    watch: Watch
    now: list[User]
    until: datetime
    then: list[User]
    gaps: list[rota.Span]


LOOKS_AHEAD = timedelta(days=14)


def standings(rows: QuerySet[Schedule], at: datetime) -> list[Standing]:
    """How these schedules stand."""
    return [_standing(watch, at) for watch in watches(rows, at, at + LOOKS_AHEAD)]


def _standing(watch: Watch, at: datetime) -> Standing:
    pieces = watch.final(at, at + LOOKS_AHEAD)
    then = watch.named(pieces[1].people) if len(pieces) > 1 else []
    return Standing(watch, watch.named(pieces[0].people), pieces[0].end, then, rota.gaps(pieces))
