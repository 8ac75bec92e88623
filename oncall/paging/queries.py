"""Reads about pages: whom they reach, and how they stand."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import Prefetch, QuerySet

from accounts.contacts.queries import reachable
from accounts.models import Membership, Team, User
from catalog.models import Service
from oncall.models import EscalationPolicy, EscalationStep, Schedule
from oncall.paging.models import Page, PageStep
from oncall.paging.policy import USUAL_WAIT, Plan, Step
from oncall.watching import watches


def pages() -> QuerySet[Page]:
    """The pages that everybody who is signed in may see, with their steps."""
    return in_full().filter(is_private=False)


def in_full() -> QuerySet[Page]:
    """Every page with what is shown of it; who may see it is the caller's matter."""
    steps = Prefetch("steps", queryset=PageStep.objects.order_by("number"))
    return Page.objects.select_related("service", "asked_by", "acknowledged_by").prefetch_related(steps)


def pages_about(subject: str) -> list[Page]:
    """The pages about something, the newest first."""
    return list(in_full().filter(subject=subject).order_by("-created_at"))


def page_with(key: UUID) -> Page | None:
    """One page, private ones as well."""
    return in_full().filter(key=key).first()


def due(*, now: datetime, most: int) -> list[int]:
    """The pages whose next step is due, the one that waits longest first."""
    waiting = Page.objects.filter(next_run_at__lte=now).order_by("next_run_at")
    return list(waiting.values_list("pk", flat=True)[:most])


# --- Plans -----------------------------------------------------------------------------------------------------------


def plan_of_policy(row: EscalationPolicy) -> Plan:
    """A policy as it is now."""
    steps = row.steps.select_related("schedule", "user", "team").order_by("position")
    return Plan(row.slug, [step_of(step) for step in steps], row.repeat)


def step_of(row: EscalationStep) -> Step:
    """A step of a policy."""
    if row.schedule:
        return Step("schedule", row.schedule.pk, row.schedule.slug, row.wait_minutes)
    if row.user:
        return Step("user", row.user.pk, row.user.name, row.wait_minutes)
    assert row.team is not None
    return Step("team", row.team.pk, row.team.slug, row.wait_minutes)


def policy_for(service: Service) -> EscalationPolicy | None:
    """The policy that pages about a service follow: its own, else one of its team that names no service."""
    enabled = EscalationPolicy.objects.filter(is_enabled=True, steps__isnull=False).distinct()
    own = enabled.filter(services=service).order_by("slug").first()
    return own or enabled.filter(team=service.team_id, services__isnull=True).order_by("slug").first()


def plan_for_service(service: Service) -> Plan:
    """Whom a page about a service reaches in turn: by its policy, else the team's schedules, else the whole team."""
    row = policy_for(service)
    return plan_of_policy(row) if row else plan_for_team(service.team)


def plan_for_team(team: Team) -> Plan:
    """Whom a page to a team reaches: the people of its schedules in turn, then everybody in it."""
    schedules = Schedule.objects.filter(team=team, is_enabled=True).order_by("slug")
    steps = [Step("schedule", schedule.pk, schedule.slug, USUAL_WAIT) for schedule in schedules]
    return Plan(team.slug, [*steps, Step("team", team.pk, team.slug, USUAL_WAIT)])


# --- Whom a step reaches ---------------------------------------------------------------------------------------------


def people_of(step: Step, *, at: datetime) -> list[User]:
    """Whom a step is for at a moment, those who may sign in; nobody for what is no longer there."""
    if step.type == "schedule":
        found = watches(Schedule.objects.filter(pk=step.id, is_enabled=True), at, at)
        return found[0].on_call(at) if found else []
    if step.type == "user":
        return list(User.objects.filter(pk=step.id, is_active=True))
    members = Membership.objects.filter(team=step.id, user__is_active=True).select_related("user")
    return [membership.user for membership in members.order_by("user__name", "pk")]


def unreached(people: Sequence[User]) -> dict[int, str]:
    """For each of these people why a page does not reach them, empty when it does."""
    return reachable([person.pk for person in people]) if people else {}


def leads_to_tell(page: Page) -> list[User]:
    """Who must hear that a page reaches nobody: the leads of the team whose matter it is, and administrators.

    What is private is no matter of administrators.
    """
    leads = Membership.objects.filter(team=page.team_id, is_lead=True, user__is_active=True).select_related("user")
    admins = User.objects.filter(is_active=True, is_admin=True) if not page.is_private else User.objects.none()
    return sorted({*(one.user for one in leads), *admins}, key=lambda person: person.pk)
