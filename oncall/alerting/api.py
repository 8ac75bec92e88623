"""The door of Opsgenie: `/api/v1/hooks/opsgenie`."""

from typing import ClassVar

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import ApiView
from accounts.authentication import BearerToken, BrowserSession
from oncall.alerting import actions, schema
from oncall.alerting.authentication import WebhookSecret
from oncall.alerting.serializers import read_notice
from workflow.idempotency import answers_once


class OpsgenieHook(ApiView):
    """What Opsgenie's webhook says. A token with the scope works too, to try it."""

    scopes: ClassVar[dict[str, str]] = {"POST": "oncall"}
    # The first says how a 401 asks for a credential.
    authentication_classes: ClassVar[list[type[BaseAuthentication]]] = [BearerToken, WebhookSecret, BrowserSession]  # type: ignore[misc]  # DRF declares it without ClassVar

    @schema.TAKE_OPSGENIE
    @answers_once
    def post(self, request: Request) -> Response:
        """Take it in; 202 at once, whatever it is about."""
        is_new = actions.take_notice(read_notice(request.data))
        return Response({"deduplicated": not is_new}, status=202)
