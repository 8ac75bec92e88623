"""How Opsgenie shows that it is Opsgenie: it signs nothing, but sends a header that we chose."""

import hmac
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from rest_framework import authentication, exceptions
from rest_framework.request import Request

from accounts.callers import Caller
from workflow.ledger import SYSTEM

OPSGENIE = Caller(0, False, SYSTEM, "Opsgenie", scopes=frozenset({"oncall"}))  # noqa: FBT003 - is_admin
WRONG = "X-Decklog-Secret is none of those in OPSGENIE_WEBHOOK_SECRET. Correct it in Opsgenie's webhook integration."


class WebhookSecret(authentication.BaseAuthentication):
    """`X-Decklog-Secret`; any of the live secrets counts, so that they can be changed without a gap."""

    def authenticate(self, request: Request) -> tuple[Any, Caller] | None:
        """Opsgenie, or None without the header; raises AuthenticationFailed for a wrong one."""
        said = request.META.get("HTTP_X_DECKLOG_SECRET", "")
        if not said:
            return None
        # All are compared, so that the time tells nothing about any.
        matches = [hmac.compare_digest(said.encode(), secret.encode()) for secret in settings.OPSGENIE_WEBHOOK_SECRET]
        if not any(matches):
            raise exceptions.AuthenticationFailed(WRONG)
        return AnonymousUser(), OPSGENIE
