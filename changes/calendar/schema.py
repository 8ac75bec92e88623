"""The shapes of what the API answers about the calendar, for the API's document only."""

from datetime import datetime
from typing import Literal

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from pydantic import Field

from changes.schema import filters
from changes.states import Authorization, Outcome, Risk, State
from workflow.openapi import Answer

_MOMENT = {"type": "string", "maxLength": 64}
_NARROWING = [
    one
    for one in filters(("service", "team", "environment", "customer_impacting"))
    if one.name in {"service", "team", "environment", "customer_impacting"}
]


class PlannedChange(Answer):
    """A filed change in its window; one without a window when it ran."""

    ref: str = Field(examples=["CHG-1042"])
    url: str = Field(description="Its web page.", json_schema_extra={"format": "uri"})
    title: str
    authorization: Authorization
    state: State
    outcome: Outcome | None = Field(description="null until it has ended.")
    risk: Risk | None
    customer_impacting: bool
    service: str
    environment: str
    start: datetime
    end: datetime


class FrozenTime(Answer):
    """One time of a freeze; a freeze that repeats has several."""

    id: int
    name: str
    reason: str
    covers: str = Field(description="In words.", examples=["checkout in production"])
    hard: bool = Field(description="A hard one forbids, a soft one warns.")
    start: datetime
    end: datetime


class PlannedCollision(Answer):
    """Two changes that want the same time."""

    changes: list[str] = Field(description="Their references.", examples=[["CHG-1192", "CHG-1195"]])
    reason: Literal["same_service", "dependency", "same_implementer"] = Field(description="The gravest one.")
    because: str = Field(description="Every reason as a sentence.")
    blocks: bool = Field(description="Whether one of them must move, because a service of tier 0 is touched.")
    start: datetime
    end: datetime


class CalendarSpan(Answer):
    """What is planned and what ran in a span of time, by time."""

    changes: list[PlannedChange] = Field(description="The first 2,000.")
    truncated: bool = Field(description="Whether there are more changes than these. Ask for a shorter time.")
    freezes: list[FrozenTime]
    collisions: list[PlannedCollision] = Field(description="The first 500, of changes that are not over.")


READ_CALENDAR = extend_schema(
    operation_id="read_calendar",
    summary="Read what is planned",
    tags=["changes"],
    parameters=[
        OpenApiParameter("from", _MOMENT, description="The beginning; now if left out. For example `2026-11-23`."),
        OpenApiParameter("to", _MOMENT, description="The end, at most 92 days later; 14 days later if left out."),
        *_NARROWING,
    ],
    responses=CalendarSpan,
)
READ_FEED = extend_schema(
    operation_id="read_calendar_feed",
    summary="Read what is planned as iCalendar",
    tags=["changes"],
    parameters=_NARROWING,
    responses={(200, "text/calendar"): OpenApiTypes.STR},
)
