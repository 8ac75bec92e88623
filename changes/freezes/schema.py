"""The part of the API's document about freezes."""

from datetime import datetime
from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from pydantic import Field

from changes.freezes.serializers import (
    FreezeEdit,
    FreezeEnded,
    NewFreeze,
    OverrideConfirmed,
    OverrideRevoked,
    OverrideWish,
)
from workflow.openapi import PAGING, Answer


class FreezeOverrideAnswer(Answer):
    """Leave to change something in a freeze; it counts from its confirmation until it expires."""

    id: int
    reason: str
    services: list[str] = Field(description="Slugs; none means all that the freeze covers.")
    expires_at: datetime
    requested_by: str = Field(description="E-mail.")
    confirmed_by: str | None = Field(description="E-mail of the second person; null until somebody has confirmed it.")
    confirmed_at: datetime | None
    revoked_by: str | None = Field(description="E-mail; null for one that nobody revoked.")
    revoked_at: datetime | None = Field(description="From then on it counts no longer.")
    created_at: datetime


class FreezeTime(Answer):
    """One time of a freeze, half-open."""

    start: datetime
    end: datetime


class FreezeAnswer(Answer):
    """A time in which changes are not wanted; lists that are empty mean everything."""

    id: int
    ref: str = Field(examples=["FREEZE-3"])
    url: str = Field(description="Its web page.")
    name: str
    reason: str
    hard: bool = Field(description="A hard freeze forbids, a soft one warns.")
    services: list[str] = Field(description="Slugs.")
    teams: list[str] = Field(description="Slugs.")
    environments: list[str] = Field(description="Slugs.")
    start: datetime = Field(description="When it begins; the first time, if it repeats.")
    end: datetime = Field(description="When it is over; the first time, if it repeats.")
    rrule: str | None = Field(description="How it repeats, by RFC 5545.", examples=["FREQ=WEEKLY;BYDAY=FR"])
    time_zone: str = Field(description="The zone whose clocks it follows when it repeats; else it may be empty.")
    in_force: bool = Field(description="Whether it is in force now.")
    next: FreezeTime | None = Field(description="The present time, else the next one; null when it is over.")
    last_end: datetime | None = Field(description="When its last time is over; null when it repeats without end.")
    ended_at: datetime | None = Field(description="When somebody ended it early.")
    declared_by: str | None = Field(description="E-mail; null for one of an organisation file.")
    edition: str = Field(description="Changes with every edit; send it with one as `seen`.")
    overrides: list[FreezeOverrideAnswer] = Field(description="The latest first.")
    created_at: datetime
    updated_at: datetime


class FreezePage(Answer):
    """One page, the freeze that was declared last first."""

    results: list[FreezeAnswer]
    next: str | None = Field(description="The address of older ones; null on the last page.")
    previous: str | None = Field(description="The address of newer ones; null on the first page.")


ID = OpenApiParameter(
    "id",
    {"type": "string", "pattern": "^[0-9]{1,18}$"},
    OpenApiParameter.PATH,
    description="The number of the freeze.",
    examples=[OpenApiExample("For example", value="1")],
)
YEAR_END: dict[str, Any] = {
    "name": "Year end",
    "reason": "Half of the people are away.",
    "environments": ["production"],
    "hard": True,
    "start": "2030-12-20T00:00:00+01:00",
    "end": "2031-01-02T00:00:00+01:00",
}
WEEKENDS: dict[str, Any] = {
    **YEAR_END,
    "name": "Weekends",
    "reason": "Nobody is in the office.",
    "hard": False,
    "start": "2026-11-27T18:00:00+01:00",
    "end": "2026-11-30T08:00:00+01:00",
    "rrule": "FREQ=WEEKLY;BYDAY=FR",
    "time_zone": "Europe/Berlin",
}

LIST_FREEZES = extend_schema(
    operation_id="list_freezes", summary="List freezes", parameters=PAGING, responses=FreezePage
)
DECLARE_FREEZE = extend_schema(
    operation_id="declare_freeze",
    summary="Declare a freeze",
    description="For leads of a team that it covers, or that owns a service which it covers; one of everything is for "
    "the leads of all teams. Administrators may as well.",
    request=NewFreeze,
    responses={201: FreezeAnswer},
    examples=[
        OpenApiExample("Once", value=YEAR_END, request_only=True),
        OpenApiExample("Every weekend", value=WEEKENDS, request_only=True),
    ],
)
READ_FREEZE = extend_schema(
    operation_id="read_freeze", summary="Read a freeze", parameters=[ID], responses=FreezeAnswer
)
EDIT_FREEZE = extend_schema(
    operation_id="edit_freeze",
    summary="Edit a freeze",
    description="For those who may end it, until it is over. What is left out stays, and so does what is past: the "
    "start of one that has begun, and the times of one that has begun to repeat.",
    parameters=[ID],
    request=FreezeEdit,
    responses=FreezeAnswer,
)
ASK_OVERRIDE = extend_schema(
    operation_id="ask_override",
    summary="Ask to override a freeze",
    description="Leave to change something in a hard freeze, for seven days at most. It counts once another person has "
    "confirmed it.",
    parameters=[ID],
    request=OverrideWish,
    responses={201: FreezeOverrideAnswer},
)
CONFIRM_OVERRIDE = extend_schema(
    operation_id="confirm_override",
    summary="Confirm an override",
    description="The word of a second person, who must not be the one that asked. The leads of the affected teams are "
    "told.",
    parameters=[ID],
    request=OverrideConfirmed,
    responses=FreezeAnswer,
)
REVOKE_OVERRIDE = extend_schema(
    operation_id="revoke_override",
    summary="Revoke an override",
    description="For who asked for it and for those who may end the freeze. From then on it counts no longer.",
    parameters=[ID],
    request=OverrideRevoked,
    responses=FreezeAnswer,
)
END_FREEZE = extend_schema(
    operation_id="end_freeze",
    summary="End a freeze",
    parameters=[ID],
    request=FreezeEnded,
    responses=FreezeAnswer,
)
