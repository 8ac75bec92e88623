"""Services, environments and teams in the words of the API, which are those of an organisation file. Shape only."""

from datetime import datetime
from typing import Any

from django.conf import settings
from drf_spectacular.utils import OpenApiParameter, extend_schema
from pydantic import Field

from accounts.models import Team
from catalog.models import Environment, Service
from workflow.openapi import PAGING, Answer


class ServiceAnswer(Answer):
    """Something that is deployed and owned."""

    slug: str = Field(description="How pipelines name it.", examples=["checkout"])
    url: str = Field(description="Its web page.")
    name: str
    description: str
    team: str = Field(description="Slug of the team that owns it.")
    tier: int = Field(ge=0, le=3, description="0: everything falls with it. 3: it hurts nobody at night.")
    public: bool = Field(description="Whether the status page shows it.")
    depends_on: list[str] = Field(description="Slugs of the services that it needs.")
    created_at: datetime


class EnvironmentAnswer(Answer):
    """Where services run."""

    slug: str = Field(description="How pipelines name it.", examples=["production"])
    url: str = Field(description="Its web page.")
    name: str
    production: bool = Field(description="Whether customers feel what happens there.")


class TeamAnswer(Answer):
    """A group of people that owns services."""

    slug: str = Field(examples=["payments"])
    url: str = Field(description="Its web page.")
    name: str
    slack_channel: str
    leads: list[str] = Field(description="E-mails of those who lead it.")
    members: list[str] = Field(description="E-mails of the others.")
    created_at: datetime


class ServicePage(Answer):
    """One page of services, the one that was added last first."""

    results: list[ServiceAnswer]
    next: str | None
    previous: str | None


class EnvironmentPage(Answer):
    """One page of environments, the one that was added last first."""

    results: list[EnvironmentAnswer]
    next: str | None
    previous: str | None


class TeamPage(Answer):
    """One page of teams, the one that was added last first."""

    results: list[TeamAnswer]
    next: str | None
    previous: str | None


_TEAM = OpenApiParameter(
    "team",
    {"type": "string", "maxLength": 64, "pattern": "^[A-Za-z0-9_-]+$"},
    description="Only services of this team, by its slug. For example `payments`.",
)
LIST_SERVICES = extend_schema(
    operation_id="list_services", summary="List services", parameters=[_TEAM, *PAGING], responses=ServicePage
)
LIST_ENVIRONMENTS = extend_schema(
    operation_id="list_environments", summary="List environments", parameters=PAGING, responses=EnvironmentPage
)
LIST_TEAMS = extend_schema(operation_id="list_teams", summary="List teams", parameters=PAGING, responses=TeamPage)


def service_json(service: Service) -> dict[str, Any]:
    """A service; its team and what it depends on must be loaded."""
    return {
        "slug": service.slug,
        "url": f"{settings.BASE_URL}/settings/services/{service.slug}",
        "name": service.name,
        "description": service.description,
        "team": service.team.slug,
        "tier": service.tier,
        "public": service.is_public,
        "depends_on": sorted(needed.slug for needed in service.depends_on.all()),
        "created_at": service.created_at,
    }


def environment_json(environment: Environment) -> dict[str, Any]:
    """An environment."""
    return {
        "slug": environment.slug,
        "url": f"{settings.BASE_URL}/settings/environments/{environment.slug}",
        "name": environment.name,
        "production": environment.is_production,
    }


def team_json(team: Team) -> dict[str, Any]:
    """A team with the people who may sign in; its memberships must be loaded with their users."""
    active = sorted((member.user.email, member.is_lead) for member in team.memberships.all() if member.user.is_active)
    return {
        "slug": team.slug,
        "url": f"{settings.BASE_URL}/settings/teams/{team.slug}",
        "name": team.name,
        "slack_channel": team.slack_channel,
        "leads": [email for email, leads in active if leads],
        "members": [email for email, leads in active if not leads],
        "created_at": team.created_at,
    }
