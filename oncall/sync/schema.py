"""The part of the API's document about Opsgenie."""

from datetime import datetime
from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema

from oncall.sync.serializers import SaidConfirmation, SaidPlan
from workflow.openapi import Answer


class PlannedOperation(Answer):
    """One step: what is on its side before and after; null is nothing."""

    kind: str
    object: str
    schedule: str
    name: str
    side: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    state: str
    because: str


class PlanConflict(Answer):
    """What is left to a person."""

    object: str
    schedule: str
    name: str
    because: str


class UnmatchedPerson(Answer):
    """Somebody whom only one side knows; `missing` is here or opsgenie."""

    email: str
    name: str
    missing: str


class PlanAnswer(Answer):
    """A plan, and how far its application is."""

    id: str
    state: str
    direction: str
    invites: bool
    because: str
    remote_hash: str
    operations: list[PlannedOperation]
    conflicts: list[PlanConflict]
    hours_changed: int
    unmatched_people: list[UnmatchedPerson]
    created_at: datetime
    finished_at: datetime | None


EXAMPLE = "0a6f3c1e-5d6b-4f0e-9a51-7f2f7b1f0c11"
PLAN_ID = OpenApiParameter(
    "plan",
    {"type": "string", "format": "uuid"},
    OpenApiParameter.PATH,
    description="The id of the plan.",
    examples=[OpenApiExample("For example", value=EXAMPLE)],
)

MAKE_PLAN = extend_schema(
    operation_id="plan_opsgenie",
    summary="Plan how to bring Opsgenie and Decklog together",
    request=SaidPlan,
    responses={201: PlanAnswer},
)
READ_PLAN = extend_schema(
    operation_id="read_opsgenie_plan", summary="Read a plan", parameters=[PLAN_ID], responses=PlanAnswer
)
APPLY_PLAN = extend_schema(
    operation_id="apply_opsgenie_plan",
    summary="Apply a plan, or resume it",
    parameters=[PLAN_ID],
    description="Taking away more than one object and a tenth of them needs `confirm`, as in “remove 4”.",
    request=SaidConfirmation,
    responses={202: PlanAnswer},
)
