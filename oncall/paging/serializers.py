"""Pages and escalation policies in the words of the API. Shape only."""

from typing import Annotated, Any, Literal

from django.conf import settings
from pydantic import Field, StringConstraints

from oncall.escalations.actions import DeclaredPolicy, DeclaredStep
from oncall.models import EscalationPolicy
from oncall.paging import policy
from oncall.paging.actions import Target, Wanted
from oncall.paging.models import Page
from oncall.paging.states import State
from workflow.errors import InvalidFields
from workflow.shapes import Person, Shape, Short, Slug, validated

Text = Annotated[str, StringConstraints(max_length=4000)]


class SaidTarget(Shape):
    """Whom to page: a policy, schedule, team or service by its slug, or a person by e-mail."""

    type: Literal["policy", "schedule", "team", "user", "service"]
    id: Annotated[str, StringConstraints(min_length=1, max_length=254)]


class SaidPage(Shape):
    """A page."""

    target: SaidTarget
    message: Annotated[str, StringConstraints(min_length=1, max_length=4000, strip_whitespace=True)]
    title: Short = Field("", description="One line; the beginning of the message if left out.")


class SaidReason(Shape):
    """Why."""

    reason: Short = ""


class SaidStep(Shape):
    """One target, exactly one of the three, and the minutes until the next step begins."""

    schedule: Slug | None = None
    user: Person | None = None
    team: Slug | None = None
    wait_minutes: Annotated[int, Field(ge=policy.SHORTEST_WAIT, le=policy.LONGEST_WAIT, strict=True)] = 5


class SaidPolicy(Shape):
    """An escalation policy, whole. Without services it is for all services of its team that have none of their own."""

    slug: Slug | None = None
    name: Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]
    team: Slug
    services: Annotated[list[Slug], Field(max_length=200, default_factory=list)]
    repeat: Annotated[int, Field(ge=0, le=policy.MOST_REPEATS, strict=True)] = 0
    enabled: bool = True
    steps: Annotated[list[SaidStep], Field(min_length=1, max_length=policy.MOST_STEPS)]


def read_page(body: Any) -> Wanted:
    """The page that a body asks for; raises InvalidFields."""
    said = validated(SaidPage, body)
    return Wanted(Target(said.target.type, said.target.id), said.title or said.message, said.message)


def read_policy(body: Any, *, slug: str = "") -> DeclaredPolicy:
    """The policy that a body describes, under `slug` if it is one that exists; raises InvalidFields."""
    said = validated(SaidPolicy, body)
    address = slug or said.slug
    if not address:
        raise InvalidFields([("slug", "required", "Give it an address, as in checkout.")])
    for number, step in enumerate(said.steps):
        if sum(target is not None for target in (step.schedule, step.user, step.team)) != 1:
            sentence = "A step has exactly one of schedule, user and team."
            raise InvalidFields([(f"steps.{number}", "one_target", sentence)])
    steps = [DeclaredStep(step.schedule, step.user, step.team, step.wait_minutes) for step in said.steps]
    return DeclaredPolicy(address, said.name, said.team, said.services, said.repeat, said.enabled, steps)


def page_json(page: Page) -> dict[str, Any]:
    """A page with what its steps did and when the next one begins."""
    steps = [
        {
            "target": step.target,
            "at": step.at,
            "state": step.state,
            "people": [person["name"] for person in step.people],
            "because": step.because,
        }
        for step in page.steps.all()
    ]
    plan = policy.plan_of(page.plan)
    coming = plan.step(page.step) if page.state == State.PAGING else None
    if coming:
        target = f"{coming.type} {coming.name}"
        steps.append({"target": target, "at": page.next_run_at, "state": "waiting", "people": [], "because": ""})
    return {
        "id": str(page.key),
        "url": f"{settings.BASE_URL}/pages/{page.key}",
        "state": page.state,
        "title": page.title,
        "message": page.message,
        "subject": page.subject,
        "target": {"type": page.target_type, "id": page.target},
        "steps": steps,
        "acknowledged_by": page.acknowledged_by.email if page.acknowledged_by else None,
        "acknowledged_via": page.acknowledged_via,
        "created_at": page.created_at,
        "ended_at": page.ended_at,
    }


def policy_json(row: EscalationPolicy) -> dict[str, Any]:
    """A policy that was read with its team, services and steps."""
    return {
        "slug": row.slug,
        "url": f"{settings.BASE_URL}/escalations/{row.slug}",
        "name": row.name,
        "team": row.team.slug,
        "services": sorted(service.slug for service in row.services.all()),
        "repeat": row.repeat,
        "enabled": row.is_enabled,
        "steps": [
            {
                "schedule": step.schedule.slug if step.schedule else None,
                "user": step.user.email if step.user else None,
                "team": step.team.slug if step.team else None,
                "wait_minutes": step.wait_minutes,
            }
            for step in row.steps.all()
        ],
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }
