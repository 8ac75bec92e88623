"""The door for whoever writes a pipeline: which services, environments and teams there are, and their slugs."""

from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import ApiView
from accounts.models import Team
from catalog import serializers
from catalog.models import Environment, Service
from workflow.lists import list_json, page_of, read_wanted


class Services(ApiView):
    """The services."""

    scopes: ClassVar[dict[str, str]] = {"GET": "read"}

    @serializers.LIST_SERVICES
    def get(self, request: Request) -> Response:
        """What can be deployed, with its owner, its tier and what it needs; the one that was added last first."""
        wanted = read_wanted(request.query_params, allowed=["team"])
        rows = Service.objects.select_related("team").prefetch_related("depends_on")
        if "team" in wanted.filters:
            rows = rows.filter(team__slug=wanted.filters["team"])
        page = page_of(rows, wanted)
        shown = [serializers.service_json(service) for service in page.rows]
        return Response(list_json(shown, page, query=request.query_params, path=request.path))


class Environments(ApiView):
    """The environments."""

    scopes: ClassVar[dict[str, str]] = {"GET": "read"}

    @serializers.LIST_ENVIRONMENTS
    def get(self, request: Request) -> Response:
        """Where it can be deployed to; the one that was added last first."""
        page = page_of(Environment.objects.all(), read_wanted(request.query_params))
        shown = [serializers.environment_json(environment) for environment in page.rows]
        return Response(list_json(shown, page, query=request.query_params, path=request.path))


class Teams(ApiView):
    """The teams."""

    scopes: ClassVar[dict[str, str]] = {"GET": "read"}

    @serializers.LIST_TEAMS
    def get(self, request: Request) -> Response:
        """Who owns services, with the people who lead and work there; the one that was added last first."""
        rows = Team.objects.prefetch_related("memberships__user")
        page = page_of(rows, read_wanted(request.query_params))
        shown = [serializers.team_json(team) for team in page.rows]
        return Response(list_json(shown, page, query=request.query_params, path=request.path))
