"""The part of the API's document about analyses and promises."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from pydantic import Field

from incidents.rca.serializers import (
    SaidDone,
    SaidDrop,
    SaidEvidence,
    SaidNote,
    SaidPromise,
    SaidProof,
    SaidReason,
    SaidTexts,
    SaidWhy,
)
from workflow.openapi import PAGING, Answer

RCA = OpenApiParameter("rca", OpenApiTypes.STR, OpenApiParameter.PATH, description="The analysis, as in RCA-3.")
ACTION = OpenApiParameter("action", OpenApiTypes.STR, OpenApiParameter.PATH, description="The action, as in ACT-9.")
WHY = OpenApiParameter(
    "why", {"type": "string", "pattern": "^[0-9]{1,18}$"}, OpenApiParameter.PATH, description="The number of the why."
)


class WhyAnswer(Answer):
    """A why as it stands in one analysis."""

    id: int
    parents: list[int]
    question: str
    claim: str
    path: str
    state: str
    category: str | None
    stop_reason: str | None
    evidence: list[SaidEvidence]
    accepted_risk: str
    is_root_cause: bool
    hurt: int = Field(description="In how many analyses it stands.")
    author: str | None
    actions: list[str]


class FaultAnswer(Answer):
    """What must be mended before review."""

    rule: str
    why: int | None
    because: str


class ActionAnswer(Answer):
    """A corrective action."""

    ref: str
    url: str
    rca: str
    incident: str
    why: int | None
    title: str
    type: str
    effect: str
    owner: str
    due: date
    state: str
    note: str
    evidence: str
    method: str
    reason: str
    verified_by: str | None
    approver: str | None
    tracker_key: str
    reopened: int = Field(description="How often its cause hurt again.")
    done_at: datetime | None
    verified_at: datetime | None
    created_at: datetime
    updated_at: datetime


class RcaLine(Answer):
    """An analysis without its whys."""

    ref: str
    url: str
    incident: str
    state: str
    summary: str
    went_well: str
    lucky: str
    author: str | None
    due_at: datetime
    reviewed_by: str | None
    published_at: datetime | None
    waived_by: str | None
    waived_because: str
    created_at: datetime
    updated_at: datetime


class RcaAnswer(RcaLine):
    """An analysis, whole."""

    whys: list[WhyAnswer]
    actions: list[ActionAnswer]
    before_review: list[FaultAnswer]


class RcasAnswer(Answer):
    """One page of the list, the newest first."""

    results: list[RcaLine]
    next: str | None
    previous: str | None


class ActionsAnswer(Answer):
    """One page of the list, the newest first."""

    results: list[ActionAnswer]
    next: str | None
    previous: str | None


def _rca(operation: str, summary: str, request: Any = None) -> Callable[[Any], Any]:
    return extend_schema(
        operation_id=operation, summary=summary, parameters=[RCA], request=request, responses=RcaAnswer
    )


def _action(operation: str, summary: str, request: Any = None) -> Callable[[Any], Any]:
    return extend_schema(
        operation_id=operation, summary=summary, parameters=[ACTION], request=request, responses=ActionAnswer
    )


LIST_RCAS = extend_schema(
    operation_id="list_rcas", summary="List root cause analyses", parameters=PAGING, responses=RcasAnswer
)
READ_RCA = _rca("read_rca", "Read a root cause analysis")
EDIT_RCA = _rca("edit_rca", "Write what an analysis says", SaidTexts)
READ_RCA_TEXT = extend_schema(
    operation_id="read_rca_markdown",
    summary="Read an analysis as Markdown",
    description="Names of people are replaced by their roles.",
    parameters=[RCA],
    responses={(200, "text/markdown"): OpenApiTypes.STR},
)
ADD_WHY = extend_schema(
    operation_id="add_why",
    summary="Ask a why",
    description="Or share one of another analysis: then its cause has hurt again, and kept promises against it are "
    "broken.",
    parameters=[RCA],
    request=SaidWhy,
    responses={201: RcaAnswer},
)
EDIT_WHY = extend_schema(
    operation_id="edit_why", summary="Change a why", parameters=[RCA, WHY], request=SaidWhy, responses=RcaAnswer
)
REMOVE_WHY = extend_schema(
    operation_id="remove_why", summary="Take a why out", parameters=[RCA, WHY], responses={204: None}
)
SUBMIT_RCA = _rca("submit_rca", "Ask for a review", SaidNote)
REVIEW_RCA = _rca("review_rca", "Review an analysis", SaidNote)
PUBLISH_RCA = _rca("publish_rca", "Publish an analysis", SaidNote)
WAIVE_RCA = _rca("waive_rca", "Decide that no analysis is needed", SaidReason)
LIST_ACTIONS = extend_schema(
    operation_id="list_actions", summary="List corrective actions", parameters=PAGING, responses=ActionsAnswer
)
ADD_ACTION = extend_schema(
    operation_id="add_action",
    summary="Promise a corrective action",
    request=SaidPromise,
    responses={201: ActionAnswer},
)
READ_ACTION = _action("read_action", "Read a corrective action")
START_ACTION = _action("start_action", "Begin a corrective action", SaidNote)
DONE_ACTION = _action("finish_action", "Say that an action is done", SaidDone)
VERIFY_ACTION = _action("verify_action", "Prove that an action works", SaidProof)
FAIL_ACTION = _action("fail_action", "Say that an action does not work", SaidReason)
DROP_ACTION = _action("drop_action", "Drop an action", SaidDrop)
