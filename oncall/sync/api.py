"""The doors of the synchronisation: `/api/v1/opsgenie`."""

import uuid
from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import ApiView
from accounts.authentication import caller_of
from oncall.providers import from_settings
from oncall.sync import actions, planning, queries, schema, serializers
from workflow.idempotency import answers_once


class Plans(ApiView):
    """Plan."""

    scopes: ClassVar[dict[str, str]] = {"POST": "oncall"}

    @schema.MAKE_PLAN
    @answers_once
    def post(self, request: Request) -> Response:
        """Find out what would be done; 201."""
        intent = serializers.read_intent(request.data)
        plan = planning.make_plan(intent, remote=from_settings, by=caller_of(request))
        return Response(serializers.plan_json(plan), status=201)


class OnePlan(ApiView):
    """A plan."""

    scopes: ClassVar[dict[str, str]] = {"GET": "oncall"}

    @schema.READ_PLAN
    def get(self, request: Request, plan: str) -> Response:
        """How it stands."""
        return Response(serializers.plan_json(queries.plan_for(uuid.UUID(plan), by=caller_of(request))))


class PlanApplication(ApiView):
    """Apply a plan."""

    scopes: ClassVar[dict[str, str]] = {"POST": "oncall"}

    @schema.APPLY_PLAN
    @answers_once
    def post(self, request: Request, plan: str) -> Response:
        """Let a worker apply it; 202."""
        caller, typed = caller_of(request), serializers.read_confirmation(request.data)
        found = queries.plan_for(uuid.UUID(plan), by=caller)
        actions.ask_to_apply(found, by=caller, confirmation=typed)
        return Response(serializers.plan_json(found), status=202)
