"""Reads of who has the watch."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, cast
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet
from django.db.models.functions import Lower
from django.utils import timezone

from accounts.models import Membership, User
from catalog.models import Service
from oncall import restrictions, rota, succession
from oncall.declared import DeclaredRotation, DeclaredSchedule, Named
from oncall.models import Override, Participant, Rotation, Schedule
from oncall.paging.models import PageStep
from oncall.policy import Claim, Hand
from oncall.watching import Watch, pure_rotation, watch_of, watches

Coverage = Literal["reachable", "nobody", "unknown"]


def schedules() -> QuerySet[Schedule]:
    """All schedules with their teams; everybody who is signed in may see who has the watch."""
    return Schedule.objects.select_related("team").order_by("slug")


def schedule_named(slug: str) -> Schedule | None:
    """The schedule at this address."""
    return schedules().filter(slug=slug).first()


# --- What somebody wants, beside what there is -----------------------------------------------------------------------


def zone_of(schedule: Schedule) -> ZoneInfo:
    """The zone whose clocks a schedule follows."""
    return ZoneInfo(schedule.time_zone)


def people_named(emails: Iterable[str]) -> QuerySet[User]:
    """Who has one of these e-mails, which are in lower case."""
    return User.objects.annotate(address=Lower("email")).filter(address__in=emails)


def hand_of(user_id: int, is_admin: bool, *, team_id: int) -> Hand:  # noqa: FBT001 - as a caller has them
    """What somebody is to the team of a schedule."""
    membership = Membership.objects.filter(user=user_id, team=team_id).first()
    return Hand(is_admin, bool(membership and membership.is_lead), membership is not None)


def hand_among(crew: Iterable[tuple[User, bool]], person: User) -> Hand:
    """What somebody is to a team of these people, each with whether they lead it."""
    leads = next((leads for one, leads in crew if one.pk == person.pk), None)
    return Hand(person.is_admin, bool(leads), leads is not None)


def pages_received(schedule: Schedule, since: datetime) -> dict[int, int]:
    """How many pages reached each person because they had this watch, by id."""
    steps = PageStep.objects.filter(at__gte=since, target=f"schedule {schedule.slug}")
    found: dict[int, int] = {}
    for people in steps.values_list("people", flat=True):
        for one in people:
            found[one["id"]] = found.get(one["id"], 0) + 1
    return found


def turns_of(rotation: Rotation) -> list[Named]:
    """The turns of a rotation by kind and name."""
    return [_turn(turn) for turn in rotation.participants.select_related("user", "team").order_by("position")]


def _turn(turn: Participant) -> Named:
    return turn.kind, turn.user.email.lower() if turn.user else turn.team.slug if turn.team else ""


def bare(rotation: Rotation) -> rota.Rotation:
    """When a rotation hands over, without its people."""
    return pure_rotation(rotation, ())


def bare_wanted(wanted: DeclaredRotation) -> rota.Rotation:
    """The same of one that is declared."""
    return rota.Rotation(
        id=0,
        kind=cast("rota.Kind", wanted.type),
        start=wanted.start.replace(second=0, microsecond=0),
        turns=(),
        length=wanted.length,
        end=wanted.end,
        restrictions=restrictions.read(wanted.limits),
    )


def is_as_wanted(present: Rotation, wanted: DeclaredRotation, schedule: Schedule, *, follows: bool) -> bool:
    """Whether a rotation is so already.

    One that `follows` an earlier one began at a handoff with another person than the first that was declared; it is as
    wanted when it hands over at the same times to the same people in the same order.
    """
    old, new, turns = bare(present), bare_wanted(wanted), turns_of(present)
    asked = [(kind, name.lower() if kind == "user" else name) for kind, name in wanted.participants]
    if not succession.has_same_handoffs(old, new, zone_of(schedule)):
        return False
    if old.start == new.start and turns == asked:
        return True
    return follows and new.start <= old.start and succession.is_cycle_of(turns, asked)


def declared_of(schedule: Schedule) -> DeclaredSchedule:
    """A schedule as it would be declared: of each rotation what it is now, or will be; not those that are over."""
    latest: dict[str, Rotation] = {}
    for rotation in schedule.rotations.filter(removed_at__isnull=True).order_by("start", "pk"):
        latest[rotation.name] = rotation
    ordered = sorted(latest.values(), key=lambda one: (one.position, one.start))
    rotations = tuple(_declared(one) for one in ordered if one.end is None or one.end > timezone.now())
    return DeclaredSchedule(
        slug=schedule.slug,
        name=schedule.name,
        team=schedule.team.slug,
        time_zone=schedule.time_zone,
        rotations=rotations,
        description=schedule.description,
        truth=schedule.truth,
        is_enabled=schedule.is_enabled,
    )


def _declared(rotation: Rotation) -> DeclaredRotation:
    return DeclaredRotation(
        name=rotation.name,
        type=rotation.type,
        start=rotation.start,
        participants=tuple(turns_of(rotation)),
        length=rotation.length,
        end=rotation.end,
        limits=tuple(rotation.restrictions),
    )


def differing_rotations(schedule: Schedule, declared: DeclaredSchedule) -> list[str]:
    """The names of rotations that are not as declared, in no order: other, new, or declared no longer."""
    known: dict[str, list[Rotation]] = {}
    for rotation in schedule.rotations.filter(removed_at__isnull=True).order_by("start", "pk"):
        known.setdefault(rotation.name, []).append(rotation)
    wanted = {one.name: one for one in declared.rotations}
    differing = [
        name
        for name, one in wanted.items()
        if name not in known or not is_as_wanted(known[name][-1], one, schedule, follows=len(known[name]) > 1)
    ]
    now = timezone.now()
    left = [name for name, rows in known.items() if name not in wanted and (rows[-1].end is None or rows[-1].end > now)]
    return [*differing, *left]


@dataclass(frozen=True, slots=True)
class Preview:
    """What an edit would do: where other people would have the watch, and whose hours change by how much."""

    differences: list[rota.Difference]
    hours: list[tuple[User, timedelta]]
    people: dict[int, User]


def compared(before: Watch, after: Watch, start: datetime, end: datetime) -> Preview:
    """How the watch differs between two states of a schedule."""
    found = rota.differences(before.final(start, end), after.final(start, end))
    people = {**before.people, **after.people}
    changed = rota.hours_changed(found).items()
    hours = sorted(((people[pk], change) for pk, change in changed), key=lambda one: (one[1], one[0].name))
    return Preview(found, hours, people)


# --- Exceptions ------------------------------------------------------------------------------------------------------


def with_turns(hand: Hand, schedule: Schedule, *, user_id: int) -> Hand:
    """The same with whether the person has turns in the schedule, themselves or with a team."""
    mine = Q(user=user_id) | Q(team__memberships__user=user_id)
    turns = Participant.objects.filter(mine, rotation__schedule=schedule, rotation__removed_at__isnull=True)
    return replace(hand, has_turns=turns.exists())


def claims(schedule: Schedule, start: datetime, end: datetime) -> list[Claim]:
    """The overrides that reach into [start, end)."""
    found = schedule.overrides.filter(cancelled_at__isnull=True, start__lt=end, end__gt=start)
    return [
        Claim(one.start, one.end, [rotation.pk for rotation in one.rotations.all()], str(one.user))
        for one in found.select_related("user").prefetch_related("rotations")
    ]


def moved_by(override: Override) -> list[User]:
    """Whom an override gives the watch or takes it from."""
    start, end = override.start, override.end
    watch = watch_of(override.schedule, start, end)
    named = {rotation.pk for rotation in override.rotations.all()}
    bare_plan = replace(watch.plan, overrides=())
    lanes = [
        piece
        for rotation in watch.plan.rotations
        if not named or rotation.id in named
        for piece in rota.lane(bare_plan, rotation, start, end)
    ]
    people = {override.user_id, *(pk for piece in lanes for pk in piece.people)}
    return watch.named(people & set(watch.people))


def rotations_of_person(schedule: Schedule, user_id: int, start: datetime, end: datetime) -> list[Rotation]:
    """The rotations that give somebody the watch in [start, end)."""
    watch = watch_of(schedule, start, end)
    by_id = {rotation.pk: rotation for rotation in watch.rotations}
    return [
        by_id[rotation.id]
        for rotation in watch.plan.rotations
        if any(user_id in piece.people for piece in rota.lane(watch.plan, rotation, start, end))
    ]


# --- Services --------------------------------------------------------------------------------------------------------


def schedules_for(services: Iterable[Service]) -> QuerySet[Schedule]:
    """The schedules that watch these services: those of their escalation policies, and of the teams that own them."""
    ids, teams = [service.pk for service in services], {service.team_id for service in services}
    by_policy = Q(steps__policy__services__in=ids, steps__policy__is_enabled=True)
    return schedules().filter(by_policy | Q(team__in=teams), is_enabled=True).distinct()


def coverage(service_id: int, start: datetime, end: datetime) -> Coverage:
    """Whether somebody has the watch for the service in all of [start, end); `unknown` where no schedule says.

    Whoever may sign in counts as reachable here; whether a page would get through to them is shown on the pages of the
    watch, because a deploy must not wait for somebody's settings. A service is watched by its policies' schedules and
    its team's.
    """
    service = Service.objects.filter(pk=service_id).first()
    found = watches(schedules_for([service]), start, end) if service else []
    if not found:
        return "unknown"
    lanes = [piece for watch in found for piece in watch.final(start, end)]
    return "nobody" if rota.gaps(rota.together(lanes, start, end)) else "reachable"


@dataclass(frozen=True, slots=True)
class OnCall:
    """Who has the watch for all of some services: ids with the names of schedules; whether any schedule says."""

    people: dict[int, str]
    is_known: bool


def on_call_for(services: Sequence[Service], at: datetime) -> OnCall:
    """Who has the watch for each of these services at that moment."""
    found = [_on_call_for_one(service, at) for service in services]
    people = found[0].people if found else {}
    for one in found[1:]:
        people = {pk: name for pk, name in people.items() if pk in one.people}
    return OnCall(people, any(one.is_known for one in found))


def _on_call_for_one(service: Service, at: datetime) -> OnCall:
    known = watches(schedules_for([service]), at, at)
    people = {pk: watch.schedule.name for watch in known for pk in rota.on_call(watch.plan, at)}
    return OnCall(people, bool(known))


@dataclass(frozen=True, slots=True)
class Standing:
    """How a schedule stands at a moment: who has the watch until when, who then, and the gaps of the next two weeks.

    `pieces` are those two weeks whole.
    """

    watch: Watch
    pieces: Sequence[rota.Piece]
    now: list[User]
    until: datetime
    then: list[User]
    gaps: list[rota.Span]


LOOKS_AHEAD = timedelta(days=14)


def standings(rows: QuerySet[Schedule], at: datetime) -> list[Standing]:
    """How these schedules stand."""
    return [standing_of(watch, at) for watch in watches(rows, at, at + LOOKS_AHEAD)]


def standing_of(watch: Watch, at: datetime) -> Standing:
    """How a schedule stands, of which `watch` knows the next two weeks."""
    pieces = watch.final(at, at + LOOKS_AHEAD)
    then = watch.named(pieces[1].people) if len(pieces) > 1 else []
    return Standing(watch, pieces, watch.named(pieces[0].people), pieces[0].end, then, rota.gaps(pieces))
