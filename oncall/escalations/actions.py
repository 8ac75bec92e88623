"""Every write about escalation policies; pages are another matter."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from accounts.callers import Caller
from accounts.models import Team, User
from catalog.models import Service
from oncall import policy
from oncall.models import EscalationPolicy, EscalationStep, Schedule
from oncall.paging.policy import escalation_is_sound
from oncall.queries import hand_of
from workflow.decisions import require
from workflow.errors import Conflict, Missing, Unprocessable
from workflow.ledger import Happening, record


@dataclass(frozen=True, slots=True)
class DeclaredStep:
    """One target, exactly one of the three (slug, e-mail, slug), and the minutes until the next."""

    schedule: str | None
    user: str | None
    team: str | None
    wait_minutes: int


@dataclass(frozen=True, slots=True)
class DeclaredPolicy:
    """An escalation policy as somebody wants it; `services` are slugs in order."""

    slug: str
    name: str
    team: str
    services: Sequence[str]
    repeat: int
    is_enabled: bool
    steps: Sequence[DeclaredStep]


def as_declared(row: EscalationPolicy) -> DeclaredPolicy:
    """The policy as it would be declared."""
    steps = row.steps.select_related("schedule", "user", "team")
    return DeclaredPolicy(
        slug=row.slug,
        name=row.name,
        team=row.team.slug,
        services=tuple(row.services.order_by("slug").values_list("slug", flat=True)),
        repeat=row.repeat,
        is_enabled=row.is_enabled,
        steps=tuple(
            DeclaredStep(
                step.schedule.slug if step.schedule else None,
                step.user.email.lower() if step.user else None,
                step.team.slug if step.team else None,
                step.wait_minutes,
            )
            for step in steps
        ),
    )


@transaction.atomic
def add_policy(declared: DeclaredPolicy, *, by: Caller) -> EscalationPolicy:
    """Begin a policy; raises Forbidden("may_change_escalation"), Conflict("slug_taken"), Unprocessable."""
    _require_hand(declared.team, by=by)
    if EscalationPolicy.objects.filter(slug=declared.slug).exists():
        raise Conflict("slug_taken", "There is an escalation policy with this address already.", field="slug")
    return put_policy(declared, actor=by.actor)


@transaction.atomic
def replace_policy(declared: DeclaredPolicy, *, by: Caller) -> EscalationPolicy:
    """Make a policy as declared; pages that are under way go on as they began.

    Raises Missing, Forbidden("may_change_escalation"), Unprocessable.
    """
    present = EscalationPolicy.objects.select_for_update().filter(slug=declared.slug).first()
    if present is None:
        raise Missing("not_found", f"There is no escalation policy {declared.slug[:64]}.")
    _require_hand(present.team.slug, by=by)
    _require_hand(declared.team, by=by)
    return put_policy(declared, actor=by.actor)


def _require_hand(team: str, *, by: Caller) -> None:
    row = _team(team)
    require(policy.may_change_escalation(hand_of(by.user_id, by.is_admin, team_id=row.pk)))


@transaction.atomic
def put_policy(declared: DeclaredPolicy, *, actor: str) -> EscalationPolicy:
    """Make a policy as declared, in the name of `actor`, who may. Raises Unprocessable for what does not exist."""
    now = timezone.now()
    sound = escalation_is_sound([step.wait_minutes for step in declared.steps], repeat=declared.repeat)
    require(sound, Unprocessable, field="steps")
    columns = {"name": declared.name, "team": _team(declared.team), "repeat": declared.repeat}
    columns |= {"is_enabled": declared.is_enabled, "updated_at": now}
    row, is_new = EscalationPolicy.objects.update_or_create(slug=declared.slug, defaults=columns)
    services = list(Service.objects.filter(slug__in=declared.services))
    missing = set(declared.services) - {service.slug for service in services}
    if missing:
        raise Unprocessable("unknown_service", f"There is no service “{min(missing)[:64]}”.", field="services")
    row.services.set(services)
    row.steps.all().delete()
    EscalationStep.objects.bulk_create(
        EscalationStep(
            policy=row,
            position=position,
            schedule=_schedule(step.schedule),
            user=_user(step.user),
            team=_team(step.team) if step.team else None,
            wait_minutes=step.wait_minutes,
        )
        for position, step in enumerate(declared.steps)
    )
    facts: dict[str, object] = {"steps": len(declared.steps), "services": list(declared.services)}
    record(row.ref, Happening("created" if is_new else "changed", actor, now, facts), at=now)
    return row


def _team(slug: str) -> Team:
    team = Team.objects.filter(slug=slug).first()
    if team is None:
        raise Unprocessable("unknown_team", f"There is no team “{slug[:64]}”.", field="team")
    return team


def _schedule(slug: str | None) -> Schedule | None:
    schedule = Schedule.objects.filter(slug=slug).first() if slug else None
    if slug and schedule is None:
        raise Unprocessable("unknown_schedule", f"There is no schedule “{slug[:64]}”.", field="steps")
    return schedule


def _user(email: str | None) -> User | None:
    user = User.objects.filter(email__iexact=email).first() if email else None
    if email and user is None:
        raise Unprocessable("unknown_person", f"There is no person “{email[:254]}”.", field="steps")
    return user
