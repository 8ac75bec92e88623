"""Every write about schedules, their rotations and escalation policies."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.callers import Caller
from accounts.models import Team, User
from accounts.zones import known_zones
from oncall import policy, queries, restrictions, succession, watching
from oncall.declared import DeclaredRotation, DeclaredSchedule, Named
from oncall.models import Participant, Rotation, Schedule
from oncall.restrictions import BadRestriction
from workflow.amendments import amend
from workflow.decisions import require
from workflow.errors import Conflict, Missing, Unprocessable
from workflow.ledger import Happening, record

RESERVED = {"new", "links", "swaps", "feeds"}
"""Addresses of pages beside those of schedules."""


@dataclass(frozen=True, slots=True)
class _Known:
    """People by e-mail in lower case, and teams by slug, that a declaration names."""

    people: dict[str, User] = field(default_factory=dict)
    teams: dict[str, Team] = field(default_factory=dict)


# --- Schedules -------------------------------------------------------------------------------------------------------


@transaction.atomic
def declare_schedule(declared: DeclaredSchedule, *, by: Caller) -> Schedule:
    """Begin a schedule. Raises Unprocessable, Conflict("slug_taken"), Forbidden("may_change_schedule")."""
    team = _team(declared.team)
    require(policy.may_change_schedule(queries.hand_of(by.user_id, by.is_admin, team_id=team.pk)))
    return put_down(declared, actor=by.actor)


@transaction.atomic
def put_down(declared: DeclaredSchedule, *, actor: str) -> Schedule:
    """Begin a schedule in the name of `actor`, who may. Raises Unprocessable, Conflict("slug_taken")."""
    judge(declared)
    known, now = _found(declared), timezone.now()
    columns = _columns(declared)
    try:
        with transaction.atomic():
            schedule = Schedule.objects.create(slug=declared.slug, created_at=now, **columns)
    except IntegrityError as error:
        because = "There is a schedule with this name or address already."
        raise Conflict("slug_taken", because, field="name") from error
    for position, rotation in enumerate(declared.rotations):
        _add_rotation(schedule, rotation, known, position=position)
    _note(schedule, "created", actor, {"rotations": [one.name for one in declared.rotations]})
    return schedule


@transaction.atomic
def replace_schedule(slug: str, declared: DeclaredSchedule, *, by: Caller) -> Schedule:
    """Make a schedule as declared, whole; what was is kept, and next turns stay where they were.

    Raises Missing, Unprocessable, Conflict("changed_in_opsgenie"), Forbidden("may_change_schedule").
    """
    schedule = locked(slug)
    for team_id in {schedule.team_id, _team(declared.team).pk}:
        require(policy.may_change_schedule(queries.hand_of(by.user_id, by.is_admin, team_id=team_id)))
    require(policy.changed_here(schedule.truth), Conflict)
    return change_schedule(schedule, declared, actor=by.actor)


@transaction.atomic
def change_schedule(schedule: Schedule, declared: DeclaredSchedule, *, actor: str) -> Schedule:
    """The same in the name of `actor`, who may. Raises Unprocessable, Conflict("name_taken")."""
    judge(declared)
    known, now = _found(declared), timezone.now().replace(second=0, microsecond=0)
    try:
        with transaction.atomic():
            changed = amend(schedule, **_columns(declared, updated_at=schedule.updated_at))
    except IntegrityError as error:
        raise Conflict("name_taken", "There is a schedule with this name already.", field="name") from error
    facts = [
        _put_rotation(schedule, wanted, known, position=position, now=now)
        for position, wanted in enumerate(declared.rotations)
    ]
    facts += _end_others(schedule, {one.name for one in declared.rotations}, now=now)
    told = [fact for fact in facts if fact]
    if changed or told:
        amend(schedule, updated_at=timezone.now())
        _note(schedule, "changed", actor, {"fields": sorted(changed), "rotations": told})
    return schedule


def preview_schedule(slug: str, declared: DeclaredSchedule, *, by: Caller, days: int) -> queries.Preview:
    """What `replace_schedule` would do to the watch in the next days; nothing is kept. Raises as it does."""
    now = timezone.now().replace(second=0, microsecond=0)
    until = now + timedelta(days=days)
    with transaction.atomic():
        schedule = locked(slug)
        before = watching.watch_of(schedule, now, until)
        replace_schedule(slug, declared, by=by)
        after = watching.watch_of(schedule, now, until)
        transaction.set_rollback(True)
    return queries.compared(before, after, now, until)


def locked(slug: str) -> Schedule:
    """The schedule, for this transaction alone; raises Missing."""
    schedule = Schedule.objects.select_for_update().filter(slug=slug).first()
    if schedule is None:
        raise Missing("not_found", f"There is no schedule {slug[:64]}.")
    return schedule


def _columns(declared: DeclaredSchedule, **others: Any) -> dict[str, Any]:
    return {
        "name": declared.name,
        "team": _team(declared.team),
        "time_zone": declared.time_zone,
        "description": declared.description,
        "truth": declared.truth,
        "is_enabled": declared.is_enabled,
        **others,
    }


# --- What was declared -----------------------------------------------------------------------------------------------


def judge(declared: DeclaredSchedule) -> None:
    """Raise Unprocessable with the field for what no schedule may be."""
    require(policy.name_fits(declared.name), Unprocessable, field="name")
    if declared.slug in RESERVED:
        because = f"The address “{declared.slug}” is taken by a page. Choose another name."
        raise Unprocessable("slug_reserved", because, field="name")
    if declared.time_zone not in known_zones():
        because = f"“{declared.time_zone[:64]}” is no time zone. Write one like Europe/Berlin."
        raise Unprocessable("unknown_time_zone", because, field="time_zone")
    names = [one.name for one in declared.rotations]
    if len(names) > policy.MOST_ROTATIONS:
        because = f"A schedule has {policy.MOST_ROTATIONS} rotations at most."
        raise Unprocessable("too_many_rotations", because, field="rotations")
    for place, one in enumerate(declared.rotations):
        where = f"rotations.{place}"
        if not one.name.strip() or len(one.name) > 100 or names.count(one.name) > 1:
            because = "Each rotation has a name of its own, of at most 100 characters."
            raise Unprocessable("rotation_name", because, field=f"{where}.name")
        sound = policy.rotation_is_sound(
            one.type, length=one.length, start=one.start, end=one.end, turns=len(one.participants)
        )
        require(sound, Unprocessable, field=where)
        try:
            restrictions.read(one.limits)
        except BadRestriction as bad:
            raise Unprocessable("restriction", str(bad), field=f"{where}.restrictions") from bad


def _team(slug: str) -> Team:
    team = Team.objects.filter(slug=slug).first() or Team.objects.filter(name=slug).first()
    if team is None:
        raise Unprocessable("unknown_team", f"There is no team “{slug[:64]}”.", field="team")
    return team


def _found(declared: DeclaredSchedule) -> _Known:
    named = {turn for rotation in declared.rotations for turn in rotation.participants}
    emails = {name.lower() for kind, name in named if kind == "user"}
    slugs = {name for kind, name in named if kind == "team"}
    people = {user.email.lower(): user for user in queries.people_named(emails)} if emails else {}
    teams = {team.slug: team for team in Team.objects.filter(slug__in=slugs)} if slugs else {}
    for noun, missing in (("person", emails - set(people)), ("team", slugs - set(teams))):
        if missing:
            because = f"There is no {noun} “{min(missing)[:254]}”."
            raise Unprocessable(f"unknown_{noun}", because, field="rotations.participants")
    return _Known(people, teams)


# --- Rotations -------------------------------------------------------------------------------------------------------


def _add_rotation(schedule: Schedule, wanted: DeclaredRotation, known: _Known, *, position: int) -> Rotation:
    rotation = Rotation.objects.create(
        schedule=schedule,
        name=wanted.name,
        type=wanted.type,
        length=wanted.length,
        start=_minute(wanted.start),
        end=_minute(wanted.end) if wanted.end else None,
        restrictions=restrictions.stored(restrictions.read(wanted.limits)),
        position=position,
    )
    _set_turns(rotation, wanted.participants, known)
    return rotation


def _minute(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(second=0, microsecond=0)


def _set_turns(rotation: Rotation, turns: Sequence[Named], known: _Known) -> None:
    rotation.participants.all().delete()
    Participant.objects.bulk_create(
        Participant(
            rotation=rotation,
            position=position,
            kind=kind,
            user=known.people[name.lower()] if kind == "user" else None,
            team=known.teams[name] if kind == "team" else None,
        )
        for position, (kind, name) in enumerate(turns)
    )


def _put_rotation(schedule: Schedule, wanted: DeclaredRotation, known: _Known, *, position: int, now: datetime) -> str:
    """Make the rotation with this name as wanted; what was done, in a few words, empty when it is so already."""
    rows = list(schedule.rotations.filter(name=wanted.name, removed_at__isnull=True).order_by("start", "pk"))
    if not rows:
        _add_rotation(schedule, wanted, known, position=position)
        return f"{wanted.name}: added"
    present = rows[-1]
    amend(present, position=position)
    if queries.is_as_wanted(present, wanted, schedule, follows=len(rows) > 1):
        return ""
    if present.start > now and len(rows) == 1:
        amend(present, **_terms(wanted), start=_minute(wanted.start))
        _set_turns(present, wanted.participants, known)
        return f"{wanted.name}: changed before it began"
    return _succeed(present, wanted, known, now=now)


def _terms(wanted: DeclaredRotation) -> dict[str, Any]:
    return {
        "type": wanted.type,
        "length": wanted.length,
        "end": _minute(wanted.end) if wanted.end else None,
        "restrictions": restrictions.stored(restrictions.read(wanted.limits)),
    }


def _succeed(present: Rotation, wanted: DeclaredRotation, known: _Known, *, now: datetime) -> str:
    """Let the wanted rotation take over from the present one at a handoff, with the people who would have come next."""
    zone = queries.zone_of(present.schedule)
    old, turns = queries.bare(present), queries.turns_of(present)
    new = queries.bare_wanted(wanted)
    at = _minute(wanted.start) if wanted.start > now else succession.next_handoff(new, zone, now=now)
    if old.start > now:
        at = max(at, old.start)
    order = list(wanted.participants)
    if wanted.start <= now:
        order = succession.in_step(succession.upcoming(old, turns, at=at, zone=zone), order)
    if at <= present.start:
        amend(present, **_terms(wanted))
        _set_turns(present, order, known)
        return f"{wanted.name}: changed from {at.isoformat()} on"
    if wanted.end is not None and wanted.end <= at:
        amend(present, end=max(_minute(wanted.end), present.start + timedelta(minutes=1)))
        return f"{wanted.name}: ends"
    if present.end is None or present.end > at:
        amend(present, end=at)
    successor = _add_rotation(present.schedule, wanted, known, position=present.position)
    amend(successor, start=at)
    _set_turns(successor, order, known)
    for override in present.overrides.filter(end__gt=at):
        override.rotations.add(successor)
    return f"{wanted.name}: changed from {at.isoformat()} on"


def _end_others(schedule: Schedule, names: set[str], *, now: datetime) -> list[str]:
    told = []
    for rotation in schedule.rotations.filter(removed_at__isnull=True).exclude(name__in=names):
        if rotation.start >= now:
            amend(rotation, removed_at=now)
        elif rotation.end is None or rotation.end > now:
            amend(rotation, end=now)
        else:
            continue
        told.append(f"{rotation.name}: ended")
    return told


def _note(schedule: Schedule, verb: str, actor: str, facts: dict[str, object]) -> None:
    now = timezone.now()
    record(schedule.ref, Happening(verb, actor, now, facts), at=now)
