"""The part of the API's document about the watch."""

from datetime import datetime
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from pydantic import Field

from oncall.serializers import SaidOverride, SaidSchedule
from workflow.openapi import PAGING, Answer

_MOMENT = {"type": "string", "maxLength": 64}
AT = OpenApiParameter("at", _MOMENT, description="A time with its offset; now if left out.")
SLUG = OpenApiParameter(
    "slug",
    {"type": "string", "pattern": "^[-a-zA-Z0-9_]+$"},
    OpenApiParameter.PATH,
    description="The address of the schedule.",
)
ID = OpenApiParameter(
    "id",
    {"type": "string", "pattern": "^[0-9]{1,18}$"},
    OpenApiParameter.PATH,
    description="The number of the override.",
)
SPAN = [
    SLUG,
    OpenApiParameter("from", _MOMENT, description="The beginning; now if left out."),
    OpenApiParameter("to", _MOMENT, description="The end, at most 400 days later; 14 days later if left out."),
]


class OnCallOf(Answer):
    """Who has the watch of a schedule at a moment."""

    slug: str
    name: str
    team: str
    at: datetime
    on_call: list[str] = Field(description="E-mails; none is a gap.")
    until: datetime = Field(description="When others take over, within 14 days.")
    next: list[str] = Field(description="Who has it then.")


class OnCallEverywhere(Answer):
    """Who has which watch."""

    at: datetime
    schedules: list[OnCallOf]
    as_of: datetime


class ScheduleLine(Answer):
    """A schedule without its rotations."""

    slug: str
    url: str
    name: str
    description: str
    team: str
    time_zone: str
    truth: str
    enabled: bool


class SchedulePage(Answer):
    """One page, the newest first."""

    results: list[ScheduleLine]
    next: str | None
    previous: str | None


class FinalPiece(Answer):
    """Who has the watch in [start, end)."""

    start: datetime
    end: datetime
    on_call: list[str] = Field(description="E-mails; none is a gap.")


class Gap(Answer):
    """When nobody has the watch."""

    start: datetime
    end: datetime


class RotationAnswer(Answer):
    """A rotation in the shape of Opsgenie."""

    id: int
    name: str
    type: str
    length: int
    startDate: datetime  # noqa: N815 - Opsgenie's name
    endDate: datetime | None  # noqa: N815 - Opsgenie's name
    participants: list[dict[str, str]]
    timeRestriction: dict[str, Any] | None  # noqa: N815 - Opsgenie's name


class OverrideAnswer(Answer):
    """An override."""

    id: int
    alias: str
    user: str = Field(description="E-mail.")
    start: datetime
    end: datetime
    rotations: list[str] = Field(description="Names; none means all.")
    reason: str


class ScheduleAnswer(ScheduleLine):
    """A schedule, and who has the watch in a span of time: pieces that are disjoint and cover it."""

    from_: datetime = Field(alias="from")
    to: datetime
    final: list[FinalPiece]
    gaps: list[Gap]
    rotations: list[RotationAnswer]
    overrides: list[OverrideAnswer]
    as_of: datetime


READ_ONCALL = extend_schema(
    operation_id="read_oncall", summary="Who has the watch", parameters=[AT], responses=OnCallEverywhere
)
READ_ONCALL_OF = extend_schema(
    operation_id="read_schedule_oncall", summary="Who has one watch", parameters=[SLUG, AT], responses=OnCallOf
)
LIST_SCHEDULES = extend_schema(
    operation_id="list_schedules", summary="List schedules", parameters=PAGING, responses=SchedulePage
)
ADD_SCHEDULE = extend_schema(
    operation_id="add_schedule", summary="Begin a schedule", request=SaidSchedule, responses={201: ScheduleAnswer}
)
READ_SCHEDULE = extend_schema(
    operation_id="read_schedule", summary="Read a schedule", parameters=SPAN, responses=ScheduleAnswer
)
REPLACE_SCHEDULE = extend_schema(
    operation_id="replace_schedule",
    summary="Replace a schedule",
    description="Rotations are known by their names; one that is left out ends now. One that changes ends at its next "
    "handoff, and goes on there with whoever would have been next.",
    parameters=[SLUG],
    request=SaidSchedule,
    responses=ScheduleAnswer,
)
ADD_OVERRIDE = extend_schema(
    operation_id="add_override",
    summary="Override a watch",
    parameters=[SLUG],
    request=SaidOverride,
    responses={201: OverrideAnswer},
)
CANCEL_OVERRIDE = extend_schema(
    operation_id="cancel_override", summary="Take an override back", parameters=[SLUG, ID], responses={204: None}
)
READ_SCHEDULE_FEED = extend_schema(
    operation_id="read_schedule_feed",
    summary="Read a schedule as iCalendar",
    parameters=[SLUG],
    responses={(200, "text/calendar"): OpenApiTypes.STR},
)
