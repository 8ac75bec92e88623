"""The door of the gate: `/api/v1/gate`."""

from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import ApiView
from accounts.authentication import caller_of
from changes.models import GateDecision
from changes.pipelines import gate_schema
from changes.pipelines.gate import ask_gate
from changes.pipelines.gate_schema import read_question
from workflow.idempotency import answers_once


def decision_json(decision: GateDecision) -> dict[str, Any]:
    """A decision in the words of the API."""
    return {
        "decision": decision.decision,
        "rule": decision.rule,
        "reasons": decision.reasons,
        "decision_id": decision.ref,
        "expires_at": decision.expires_at,
        "change": decision.change.ref if decision.change else None,
    }


class Gate(ApiView):
    """Whether to deploy now."""

    scopes: ClassVar[dict[str, str]] = {"POST": "deploy"}

    @gate_schema.ASK_GATE
    @answers_once
    def post(self, request: Request) -> Response:
        """Decide and keep the decision: 200, whatever it is."""
        return Response(decision_json(ask_gate(read_question(request.data), by=caller_of(request))))
