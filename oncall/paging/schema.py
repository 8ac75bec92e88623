"""The part of the API's document about pages and escalation policies."""

from datetime import datetime

from drf_spectacular.utils import OpenApiParameter, extend_schema
from pydantic import Field

from oncall.paging.serializers import SaidPage, SaidPolicy, SaidReason, SaidTarget
from workflow.openapi import PAGING, Answer

SLUG = OpenApiParameter(
    "slug",
    {"type": "string", "pattern": "^[-a-zA-Z0-9_]+$"},
    OpenApiParameter.PATH,
    description="The address of the policy.",
)
PAGE = OpenApiParameter(
    "page", {"type": "string", "format": "uuid"}, OpenApiParameter.PATH, description="The page's id."
)


class PageStepAnswer(Answer):
    """A step of a page: taken, or the one that comes next."""

    target: str
    at: datetime
    state: str = Field(description="sent, nobody (it reached nobody) or waiting.")
    people: list[str] = Field(description="Names of those who got it.")
    because: str = Field(description="Why it reached nobody.")


class PageAnswer(Answer):
    """A page."""

    id: str
    url: str
    state: str = Field(description="paging, acknowledged, exhausted or cancelled.")
    title: str
    message: str
    subject: str = Field(description="The reference of what it is about; may be empty.")
    target: SaidTarget
    steps: list[PageStepAnswer]
    acknowledged_by: str | None = Field(description="E-mail.")
    acknowledged_via: str = Field(description="link, page, api, opsgenie or empty.")
    created_at: datetime
    ended_at: datetime | None


class PagesAnswer(Answer):
    """One page of the list, the newest first."""

    results: list[PageAnswer]
    next: str | None
    previous: str | None


class StepAnswer(Answer):
    """A step of a policy."""

    schedule: str | None
    user: str | None
    team: str | None
    wait_minutes: int


class PolicyAnswer(Answer):
    """An escalation policy."""

    slug: str
    url: str
    name: str
    team: str
    services: list[str]
    repeat: int
    enabled: bool
    steps: list[StepAnswer]
    created_at: datetime
    updated_at: datetime


class PoliciesAnswer(Answer):
    """One page of the list, the newest first."""

    results: list[PolicyAnswer]
    next: str | None
    previous: str | None


LIST_PAGES = extend_schema(
    operation_id="list_pages",
    summary="List pages",
    description="Those about restricted incidents are in no list.",
    parameters=PAGING,
    responses=PagesAnswer,
)
START_PAGE = extend_schema(
    operation_id="start_page",
    summary="Page somebody",
    description="The first step is taken before the answer; the others follow until somebody acknowledges.",
    request=SaidPage,
    responses={202: PageAnswer},
)
READ_PAGE = extend_schema(operation_id="read_page", summary="Read a page", parameters=[PAGE], responses=PageAnswer)
ACKNOWLEDGE_PAGE = extend_schema(
    operation_id="acknowledge_page",
    summary="Acknowledge a page",
    description="Calls off every message that still waits. Twice is as good as once.",
    parameters=[PAGE],
    request=None,
    responses=PageAnswer,
)
CANCEL_PAGE = extend_schema(
    operation_id="cancel_page", summary="Cancel a page", parameters=[PAGE], request=SaidReason, responses=PageAnswer
)
LIST_POLICIES = extend_schema(
    operation_id="list_escalations",
    summary="List escalation policies",
    parameters=PAGING,
    responses=PoliciesAnswer,
)
ADD_POLICY = extend_schema(
    operation_id="add_escalation",
    summary="Begin an escalation policy",
    request=SaidPolicy,
    responses={201: PolicyAnswer},
)
READ_POLICY = extend_schema(
    operation_id="read_escalation", summary="Read an escalation policy", parameters=[SLUG], responses=PolicyAnswer
)
REPLACE_POLICY = extend_schema(
    operation_id="replace_escalation",
    summary="Replace an escalation policy",
    description="Pages that are under way go on as they began.",
    parameters=[SLUG],
    request=SaidPolicy,
    responses=PolicyAnswer,
)
