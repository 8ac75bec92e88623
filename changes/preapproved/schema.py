"""The templates part of the API's document: what to send, with examples that work, and what comes back."""

from datetime import datetime
from typing import Any, Literal

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from pydantic import Field

from changes.preapproved.shapes import Approval, NewTemplate, Retirement, TemplateEdit
from workflow.openapi import PAGING, Answer

STATES = ("proposed", "approved", "demoted", "retired")


class TemplateInList(Answer):
    """A change that is done often, and whether changes may be made from it now."""

    ref: str = Field(examples=["TEMPLATE-3"])
    url: str = Field(description="Its web page.")
    slug: str = Field(description="What a new change names as `template`.", examples=["rotate-keys"])
    name: str
    state: Literal["proposed", "approved", "demoted", "retired"]
    usable: bool = Field(description="Whether a change made from it needs no approval now.")
    because: str = Field(description="Why, in a sentence.")
    title: str
    services: list[str] = Field(description="Slugs.")
    environment: str
    author: str = Field(description="E-mail of who wrote it last.")
    approved_until: datetime | None = Field(description="null until two people have approved it.")
    digest: str = Field(description="Names what it says; an approval sends it back as `seen`.")
    edition: str = Field(description="Changes with every edit, a new name as well; send it with one as `seen`.")
    created_at: datetime
    updated_at: datetime


class TemplateApprovalGiven(Answer):
    """That somebody approved it."""

    by: str = Field(description="E-mail.")
    digest: str = Field(description="What they read.")
    note: str
    at: datetime
    voided_at: datetime | None = Field(description="Since when it counts no longer.")


class TemplateDecision(Answer):
    """Where the question of approval stands."""

    rule: str
    outcome: str
    because: str = Field(examples=["Needs 1 more approval. Ann Lee or Bo Okafor can give it."])


class TemplateInFull(TemplateInList):
    """A template with everything it says, who approved it, how its changes went, and what you may do."""

    description: str
    reason: str
    customer_impacting: bool
    public_note: str
    risk_answers: dict[str, bool]
    test_evidence: str
    rollback_plan: str
    rollback_minutes: int | None
    verification_plan: str
    approvals: list[TemplateApprovalGiven]
    decision: TemplateDecision
    eligible_approvers: list[str] = Field(description="E-mails of who may approve it now and has not yet.")
    used: dict[str, int] = Field(description="How many changes made from it ended how.", examples=[{"succeeded": 12}])
    allowed_actions: list[str] = Field(description="What you may do now.", examples=[["approve", "change", "retire"]])


class TemplatePage(Answer):
    """One page, newest first."""

    results: list[TemplateInList]
    next: str | None = Field(description="The address of older ones; null on the last page.")
    previous: str | None = Field(description="The address of newer ones; null on the first page.")


SLUG = OpenApiParameter(
    "slug",
    {"type": "string", "maxLength": 64, "pattern": "^[A-Za-z0-9_-]+$"},
    OpenApiParameter.PATH,
    description="The slug of the template.",
    examples=[OpenApiExample("For example", value="rotate-keys")],
)
NEW: dict[str, Any] = {
    "slug": "raise-the-pool",
    "name": "Raise the pool",
    "title": "Raise the pool of connections",
    "services": ["checkout"],
    "environment": "production",
    "reason": "More customers, more connections.",
    "risk_answers": {
        "irreversible": False,
        "customer_downtime": False,
        "first_time": False,
        "no_automated_rollback": False,
        "data_migration": False,
    },
    "test_evidence": "A day on UAT with the new number.",
    "rollback_plan": "Set the old number.",
    "rollback_minutes": 5,
    "verification_plan": "Watch the waiting time for ten minutes.",
}

LIST_TEMPLATES = extend_schema(
    operation_id="list_templates",
    summary="List templates",
    parameters=[
        OpenApiParameter("state", {"type": "string", "enum": list(STATES)}, description="Only those in this state."),
        OpenApiParameter("service", {"type": "string", "maxLength": 64}, description="Only those for this service."),
        *PAGING,
    ],
    responses=TemplatePage,
)
PROPOSE_TEMPLATE = extend_schema(
    operation_id="propose_template",
    summary="Propose a template",
    description="It waits for two people: a lead of each team that owns one of its services, and one more member at "
    "least, none of whom wrote a part of it. If too few people could approve it, it is refused with "
    "`quorum_unsatisfiable`, and the detail names them.",
    request=NewTemplate,
    responses={201: TemplateInFull},
    examples=[OpenApiExample("A change of one number", value=NEW, request_only=True)],
)
READ_TEMPLATE = extend_schema(
    operation_id="read_template", summary="Read a template", parameters=[SLUG], responses=TemplateInFull
)
CHANGE_TEMPLATE = extend_schema(
    operation_id="change_template",
    summary="Change a template",
    description="What is left out stays. Whatever changes but the name, two people must approve it again. An empty "
    "change proposes a template again that was demoted, was retired or has expired.",
    parameters=[SLUG],
    request=TemplateEdit,
    responses=TemplateInFull,
)
APPROVE_TEMPLATE = extend_schema(
    operation_id="approve_template",
    summary="Approve a template",
    description="The second approval makes it usable for 180 days. `seen` is the `digest` of what was read; if the "
    "template has changed since, the approval is refused with `stale_approval`.",
    parameters=[SLUG],
    request=Approval,
    responses=TemplateInFull,
)
RETIRE_TEMPLATE = extend_schema(
    operation_id="retire_template",
    summary="Retire a template",
    description="No change can be made from it any more, until it is proposed and approved again.",
    parameters=[SLUG],
    request=Retirement,
    responses=TemplateInFull,
)
