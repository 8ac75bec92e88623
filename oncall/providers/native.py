"""Decklog's own schedules behind the interface of all providers; whoever calls it has asked whether one may."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.text import slugify

from accounts.models import Team, User
from accounts.teams.actions import add_team, put_member
from oncall import queries, watching
from oncall.models import Override, Participant, Rotation, Schedule
from oncall.providers.protocol import Crew, Declined, Stretch
from oncall.sync.shapes import Form, State, override_form, rotation_form
from workflow.amendments import amend
from workflow.errors import RuleViolation
from workflow.ledger import SYSTEM, Happening, record


@dataclass(frozen=True, slots=True)
class Native:
    """The schedules of this installation, written in the name of `actor`. What it makes is kept in Opsgenie.

    A rotation that took over from one of the same name is known as “week from 2026-11-30”.
    """

    actor: str = SYSTEM

    # --- Reading -----------------------------------------------------------------------------------------------------

    def check(self) -> None:
        """It is here."""

    def schedules(self) -> State:
        """All schedules."""
        return {one.name: _form(one) for one in _whole(Schedule.objects.all())}

    def schedule(self, name: str) -> Form | None:
        """One of them."""
        found = _whole(Schedule.objects.filter(name=name))
        return _form(found[0]) if found else None

    def people(self) -> dict[str, str]:
        """Who may sign in."""
        return {email.lower(): name for email, name in User.objects.filter(is_active=True).values_list("email", "name")}

    def crews(self) -> list[Crew]:
        """The teams."""
        teams = Team.objects.prefetch_related("people")
        return [
            Crew(team.name, frozenset(one.email.lower() for one in team.people.all() if one.is_active))
            for team in teams
        ]

    def timeline(self, schedule: str, start: datetime, weeks: int) -> list[Stretch]:
        """By the rota."""
        end = start + timedelta(weeks=weeks)
        watch = watching.watch_of(_schedule(schedule), start, end)
        found = ((piece, watch.named(piece.people)) for piece in watch.final(start, end))
        return [
            Stretch(piece.start, piece.end, frozenset(one.email.lower() for one in people))
            for piece, people in found
            if people
        ]

    # --- Writing -----------------------------------------------------------------------------------------------------

    @transaction.atomic
    def put_schedule(self, name: str, form: Form) -> None:
        """Make a schedule, or change what is its own."""
        team = _team(form["team"])
        columns = {"time_zone": form["time_zone"], "is_enabled": form["is_enabled"], "team": team}
        known = Schedule.objects.filter(name=name).first()
        if known is None:
            slug = slugify(name)[:64] or "schedule"
            if Schedule.objects.filter(slug=slug).exists():
                raise Declined(f"Another schedule has the address {slug} already. Rename one of them.")
            known = Schedule.objects.create(name=name, slug=slug, truth=Schedule.Truth.REMOTE, **columns)
            self._note(known, "imported", {"name": name})
        elif amend(known, **columns):
            self._note(known, "changed", {"name": name})

    @transaction.atomic
    def remove_schedule(self, name: str) -> None:
        """Put a schedule out of force; nothing is deleted here."""
        known = Schedule.objects.filter(name=name).first()
        if known is None:
            return
        now = timezone.now()
        known.rotations.filter(removed_at__isnull=True).update(removed_at=now)
        known.overrides.filter(cancelled_at__isnull=True).update(cancelled_at=now)
        if amend(known, is_enabled=False):
            self._note(known, "removed", {"name": name})

    @transaction.atomic
    def put_rotation(self, schedule: str, name: str, form: Form) -> None:
        """Make or change a rotation, exactly as it is said."""
        row = _schedule(schedule)
        columns: dict[str, Any] = {
            "type": form["type"],
            "length": form["length"],
            "start": datetime.fromisoformat(form["start"]),
            "end": datetime.fromisoformat(form["end"]) if form["end"] else None,
            "restrictions": form["restrictions"],
        }
        people, teams = _people(form["turns"]), _teams(form["turns"])
        rotation = _rotations(row).get(name)
        if rotation is None:
            rotation = Rotation.objects.create(schedule=row, name=name, position=row.rotations.count(), **columns)
        else:
            amend(rotation, **columns)
        rotation.participants.all().delete()
        Participant.objects.bulk_create(
            Participant(rotation=rotation, position=place, kind=kind, user=people.get(who), team=teams.get(who))
            if kind != "none"
            else Participant(rotation=rotation, position=place, kind=kind)
            for place, (kind, who) in enumerate(form["turns"])
        )
        self._note(row, "changed", {"rotations": [name]})

    @transaction.atomic
    def remove_rotation(self, schedule: str, name: str) -> None:
        """Let it count no more."""
        row = _schedule(schedule)
        rotation = _rotations(row).get(name)
        if rotation is not None and amend(rotation, removed_at=timezone.now()):
            self._note(row, "changed", {"rotations": [name]})

    @transaction.atomic
    def put_override(self, schedule: str, alias: str, form: Form) -> None:
        """Make or change an override."""
        row = _schedule(schedule)
        rotations = _rotations(row)
        missing = [name for name in form["rotations"] if name not in rotations]
        if missing:
            raise Declined(f"There is no rotation “{missing[0]}” here.")
        columns = {
            "user": _people([["user", form["person"]]])[form["person"]],
            "start": datetime.fromisoformat(form["start"]),
            "end": datetime.fromisoformat(form["end"]),
            "cancelled_at": None,
        }
        override = Override.objects.update_or_create(schedule=row, alias=alias, defaults=columns)[0]
        override.rotations.set(rotations[name] for name in form["rotations"])
        self._note(row, "override_imported", {"alias": alias})

    @transaction.atomic
    def remove_override(self, schedule: str, alias: str) -> None:
        """Take it back."""
        row = _schedule(schedule)
        override = row.overrides.filter(alias=alias, cancelled_at__isnull=True).first()
        if override is not None and amend(override, cancelled_at=timezone.now()):
            self._note(row, "override_removed", {"alias": alias})

    def put_person(self, email: str, name: str) -> None:
        """Nobody is made here by a plan: administrators invite people, because an account is a way in."""
        if not queries.people_named([email]).exists():
            raise Declined(f"Nobody here has the e-mail {email}. Invite {name or 'them'} first.")

    def put_team(self, crew: Crew) -> None:
        """Make a team that is not there, with those of its people who are; others are left as they are."""
        if Team.objects.filter(Q(name__iexact=crew.name)).exists():
            return
        try:
            team = add_team(slugify(crew.name)[:64] or "team", name=crew.name, by=None)
        except RuleViolation as refusal:
            raise Declined(refusal.message) from None
        for person in queries.people_named(crew.people):
            put_member(team, person, is_lead=False, by=None)

    def _note(self, schedule: Schedule, verb: str, facts: dict[str, object]) -> None:
        now = timezone.now()
        record(schedule.ref, Happening(verb, self.actor, now, facts, "opsgenie_import"), at=now)


def _whole(rows: QuerySet[Schedule]) -> list[Schedule]:
    return list(
        rows.select_related("team").prefetch_related(
            "rotations__participants__user", "rotations__participants__team", "overrides__user", "overrides__rotations"
        )
    )


def _schedule(name: str) -> Schedule:
    found = Schedule.objects.filter(name=name).first()
    if found is None:
        raise Declined(f"There is no schedule “{name}” here.")
    return found


def _form(row: Schedule) -> Form:
    rotations = _named(row.rotations.all())
    names = {rotation.pk: name for name, rotation in rotations.items()}
    return {
        "name": row.name,
        "time_zone": row.time_zone,
        "team": row.team.name.lower(),
        "is_enabled": row.is_enabled,
        "rotations": {name: _rotation_form(rotation) for name, rotation in rotations.items()},
        "overrides": {
            one.alias: override_form(
                person=one.user.email,
                start=one.start,
                end=one.end,
                rotations=[names[each.pk] for each in one.rotations.all() if each.pk in names],
            )
            for one in row.overrides.all()
            if one.cancelled_at is None
        },
    }


def _rotations(row: Schedule) -> dict[str, Rotation]:
    return _named(row.rotations.all())


def _named(rows: Iterable[Rotation]) -> dict[str, Rotation]:
    """Those that count, each by a name of its own."""
    found: dict[str, Rotation] = {}
    for one in sorted(rows, key=lambda row: (row.start, row.pk)):
        if one.removed_at is None:
            name = one.name if one.name not in found else f"{one.name} from {one.start:%Y-%m-%d}"
            found[name if name not in found else f"{name} {one.pk}"] = one
    return found


def _rotation_form(row: Rotation) -> Form:
    turns = [
        (one.kind, one.user.email if one.user else one.team.name if one.team else "")
        for one in sorted(row.participants.all(), key=lambda turn: turn.position)
    ]
    return rotation_form(
        type=row.type,
        length=row.length,
        start=row.start,
        end=row.end,
        turns=turns,
        restrictions=queries.bare(row).restrictions,
    )


def _people(turns: Iterable[list[str]]) -> dict[str, User]:
    wanted = {name for kind, name in turns if kind == "user"}
    found = {person.email.lower(): person for person in queries.people_named(wanted)}
    if wanted - set(found):
        raise Declined(f"Nobody here has the e-mail {min(wanted - set(found))}. Invite them, then import again.")
    return found


def _teams(turns: Iterable[list[str]]) -> dict[str, Team]:
    return {name: _team(name) for kind, name in turns if kind == "team"}


def _team(name: str) -> Team:
    team = Team.objects.filter(name__iexact=name).first() if name else None
    if team is None:
        raise Declined(f"There is no team “{name}” here." if name else "This schedule has no team. Give it one there.")
    return team
