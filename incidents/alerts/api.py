"""The door of monitoring: `/api/v1/alerts` and `/api/v1/hooks/alertmanager`."""

from typing import Any, ClassVar

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import ApiView
from accounts.authentication import BearerToken, BrowserSession, caller_of
from accounts.callers import Caller
from incidents.alerts import actions, schema, shapes
from incidents.alerts.actions import Taken
from incidents.alerts.authentication import MonitoringSecret
from workflow.errors import RuleViolation
from workflow.idempotency import answers_once


class Alerts(ApiView):
    """Alerts of any monitoring."""

    scopes: ClassVar[dict[str, str]] = {"POST": "incidents"}

    @schema.TAKE_ALERT
    @answers_once
    def post(self, request: Request) -> Response:
        """Declare an incident, or join the open one that the same key has opened; 202 whatever came before."""
        by = caller_of(request)
        taken = actions.take_signal(shapes.read_alert(request.data), by=by)
        said = {"incident": actions.ref_for(taken.incident, by=by), "deduplicated": taken.deduplicated}
        return Response(said, status=202)


class ManagedAlerts(ApiView):
    """Alerts of Alertmanager, which shows a token or `X-Decklog-Secret`."""

    scopes: ClassVar[dict[str, str]] = {"POST": "incidents"}
    # The first says how a 401 asks for a credential.
    authentication_classes: ClassVar[list[type[BaseAuthentication]]] = [BearerToken, MonitoringSecret, BrowserSession]  # type: ignore[misc]  # DRF declares it without ClassVar

    @schema.TAKE_MANAGED
    @answers_once
    def post(self, request: Request) -> Response:
        """Take each of them, by its fingerprint; its label `service` names a service by its slug."""
        by = caller_of(request)
        results = actions.take_signals(shapes.read_managed(request.data), by=by)
        return Response({"results": [_said(number, one, by) for number, one in enumerate(results)]}, status=202)


def _said(index: int, result: Taken | RuleViolation, by: Caller) -> dict[str, Any]:
    if isinstance(result, RuleViolation):
        return {"index": index, "incident": None, "deduplicated": False, "error": result.message}
    ref = actions.ref_for(result.incident, by=by)
    return {"index": index, "incident": ref, "deduplicated": result.deduplicated, "error": None}
