"""The shapes of what the API answers about filed changes, for the API's document only."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal

from drf_spectacular.utils import extend_schema
from pydantic import Field

from changes.schema import REF, ChangeInFull, RiskInBrief
from changes.tickets.shapes import ChangeEdit, NewChange, TicketCommit, Word
from workflow.openapi import Answer


class Contribution(Answer):
    """One reason for the risk level."""

    code: str = Field(examples=["irreversible"])
    words: str
    points: int


class RiskInFull(RiskInBrief):
    """How much could go wrong, and why."""

    points: int = Field(description="The sum; 3 are medium, 6 are high.")
    contributions: list[Contribution]


class ApprovalGiven(Answer):
    """What somebody answered."""

    by: str = Field(description="E-mail.")
    answer: Literal["approved", "rejected"]
    roles: list[str] = Field(examples=[["lead:payments"]])
    digest: str = Field(description="The hash of what they read.")
    note: str
    at: datetime
    voided_at: datetime | None = Field(description="Since when it counts no longer, because the change was edited.")


class ReviewGiven(Answer):
    """What somebody else found when they looked back."""

    reviewer: str = Field(description="E-mail.")
    answers: dict[str, bool]
    note: str
    at: datetime


class DecisionInWords(Answer):
    """Where the question of approval stands."""

    rule: str
    outcome: str
    because: str = Field(examples=["Needs 1 more approval; Ann Lee or Bo Okafor can give it."])


class Collision(Answer):
    """Another change at the same time on what this one touches."""

    ref: str
    title: str
    window_start: datetime
    window_end: datetime
    reason: Literal["same_service", "dependency", "same_implementer"]
    detail: str
    blocks: bool = Field(description="A tier 0 service collides, so it cannot be submitted.")


class TicketInFull(ChangeInFull):
    """A change with who must agree, who did, and what the caller may do; the parts below `services` are of tickets."""

    review: ReviewGiven | None
    services: list[str]
    risk: RiskInFull | None = Field(description="null for a pipeline's deploy.")
    approvals: list[ApprovalGiven]
    required_approvals: int
    eligible_approvers: list[str] = Field(description="E-mails of who may approve it.")
    collisions: list[Collision]
    allowed_actions: list[str] = Field(description="What you may do now.", examples=[["approve", "reject"]])
    required_leads: list[str] | None = Field(None, description="Teams of which a lead must approve; slugs.")
    required_teams: list[str] | None = Field(None, description="Teams of which anybody must approve; slugs.")
    decision: DecisionInWords | None = None
    digest: str | None = Field(None, description="The hash that an approval binds to.")
    edition: str | None = Field(None, description="Changes with every edit; send it with one as `seen`.")
    description: str | None = None
    reason: str | None = None
    risk_answers: dict[str, bool] | None = None
    test_evidence: str | None = None
    rollback_plan: str | None = None
    rollback_minutes: int | None = None
    verification_plan: str | None = None
    next_free_slot: dict[str, datetime] | None = Field(None, description="`start` and `end`, where something collides.")
    implementer: str | None = Field(None, description="E-mail.")
    commits: list[TicketCommit] | None = None
    template: str | None = None
    incident: str | None = None
    is_break_glass: bool | None = None
    submitted_at: datetime | None = None
    approved_at: datetime | None = None
    warnings: list[str] | None = None


READ_CHANGE = extend_schema(
    operation_id="read_change", summary="Read a change", parameters=[REF], responses=TicketInFull
)
FILE_CHANGE = extend_schema(
    operation_id="file_change", summary="File a change", request=NewChange, responses={201: TicketInFull}
)
EDIT_CHANGE = extend_schema(
    operation_id="edit_change",
    summary="Edit a change",
    description="What is left out stays. After it was submitted, an edit makes the approvals count no longer.",
    parameters=[REF],
    request=ChangeEdit,
    responses=TicketInFull,
)


def verb(name: str, summary: str) -> Callable[[Any], Any]:
    """Describes the endpoint that does `name` with a change."""
    return extend_schema(
        operation_id=f"{name}_change",
        summary=summary,
        parameters=[REF],
        request=Word,
        responses=TicketInFull,
    )
