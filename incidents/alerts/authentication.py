"""How Alertmanager shows that it is ours: a token, or the header that webhooks send."""

from typing import Any

from rest_framework.request import Request

from accounts.callers import Caller
from oncall.alerting.authentication import WebhookSecret
from workflow.ledger import SYSTEM

ALERTMANAGER = Caller(0, False, SYSTEM, "Alertmanager", scopes=frozenset({"incidents"}))  # noqa: FBT003 - is_admin


class MonitoringSecret(WebhookSecret):
    """`X-Decklog-Secret`; whoever knows a live one may send alerts and nothing else."""

    def authenticate(self, request: Request) -> tuple[Any, Caller] | None:
        """Monitoring, or None without the header; raises AuthenticationFailed for a wrong one."""
        known = super().authenticate(request)
        return (known[0], ALERTMANAGER) if known else None
