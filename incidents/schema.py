"""The part of the API's document about incidents."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from pydantic import Field

from changes.schema import Entry as EntryKept
from incidents.filters import CHOICES
from incidents.shapes import (
    Advance,
    ChangeMark,
    IncidentEdit,
    IncidentPageWish,
    Invitation,
    LevelWord,
    LinkWord,
    MergeWish,
    Mitigation,
    NewImpact,
    NewIncident,
    NewNote,
    NewUpdate,
    NoteEdit,
    Reasoned,
    Reopening,
    ResolutionSaid,
    RoleGiven,
    ScopeWord,
    SeverityWord,
    SourceWord,
    StateWord,
    StatusWord,
)
from oncall.paging.schema import PageAnswer
from workflow.openapi import PAGING, Answer


class SourceOfTime(Answer):
    """Where a time is from."""

    source: str = Field(examples=["alert"])
    author: str | None
    evidence: str


class ImpactAnswer(Answer):
    """When a service was hurt, half-open."""

    id: int
    service: str
    level: LevelWord
    start: datetime
    end: datetime | None = Field(description="null while it still is.")


class LinkAnswer(Answer):
    """What somebody says about a change."""

    change: str = Field(examples=["CHG-9"])
    title: str
    service: str
    role: LinkWord
    note: str
    by: str | None = Field(description="E-mail.")
    at: datetime


class FiledAnswer(Answer):
    """A change that somebody filed with the incident's ref."""

    change: str
    title: str
    service: str
    type: Literal["standard", "emergent"]
    state: str
    outcome: str | None


class UpdateAnswer(Answer):
    """What customers are told."""

    id: int
    message: str
    status: StatusWord
    public: bool
    state: Literal["draft", "published"]
    next_by: datetime | None
    author: str | None = Field(description="E-mail.")
    created_at: datetime
    published_at: datetime | None


class IncidentTimes(Answer):
    """When what happened; null is unknown."""

    impact_started_at: datetime | None
    detected_at: datetime | None
    declared_at: datetime
    acknowledged_at: datetime | None
    first_public_post_at: datetime | None
    mitigated_at: datetime | None
    resolved_at: datetime | None
    closed_at: datetime | None


class IncidentInBrief(IncidentTimes):
    """An incident. The times are those of its first round; `reopenings` has the later ones."""

    ref: str = Field(examples=["INC-3"])
    url: str = Field(description="Its web page.")
    title: str
    summary: str
    severity: SeverityWord
    impact: LevelWord | None
    scope: ScopeWord | None
    state: StateWord
    customer_impacting: bool | None = Field(description="null until somebody has said.")
    restricted: bool
    merged_into: str | None
    services: list[str] = Field(description="Slugs.")
    times: IncidentTimes = Field(description="The same times once more, as PATCH takes them.")
    sources: dict[str, SourceOfTime] = Field(description="Where each known time is from.")
    detection_source: SourceWord | None
    commander: str | None = Field(description="E-mail.")
    comms: str | None = Field(description="E-mail.")
    scribe: str | None = Field(description="E-mail.")
    declared_by: str | None = Field(description="E-mail.")
    invited: list[str] = Field(description="E-mails.")
    impacts: list[ImpactAnswer]
    changes: list[LinkAnswer]
    updates: list[UpdateAnswer]
    reopenings: list[dict[str, Any]]
    on_call: list[dict[str, Any]] = Field(description="Who had the watch when it was declared.")
    allowed_actions: list[str] = Field(examples=[["acknowledge", "advance"]])
    warnings: list[str] = Field(description="What is odd about the times but may be true.")
    created_at: datetime
    updated_at: datetime


class IncidentInFull(IncidentInBrief):
    """An incident with what people filed for it."""

    filed_changes: list[FiledAnswer] = Field(description="Changes that were filed with its ref.")


class IncidentPage(Answer):
    """One page, the incident that was declared last first."""

    results: list[IncidentInBrief]
    next: str | None = Field(description="The address of older ones; null on the last page.")
    previous: str | None = Field(description="The address of newer ones; null on the first page.")


class RevisionAnswer(Answer):
    """What a note said before and after somebody revised it."""

    by: dict[str, Any]
    at: datetime
    before: str | None
    text: str | None
    reason: str | None


class RemovalAnswer(Answer):
    """Who removed a note, when and why."""

    by: dict[str, Any]
    at: datetime
    reason: str | None


class LineAnswer(EntryKept):
    """An entry of the timeline with what was said about it later."""

    kind: Literal["note", "system"] = Field(description="Notes can be revised and removed.")
    text: str | None = Field(description="What a note says now.")
    revisions: list[RevisionAnswer]
    removed: RemovalAnswer | None


class LinePage(Answer):
    """One page of the timeline, newest first by when things happened."""

    results: list[LineAnswer]
    next: str | None = Field(description="The address of older entries; null on the last page.")
    previous: str | None = Field(description="The address of newer entries; null on the first page.")


REF = OpenApiParameter(
    "incident",
    {"type": "string", "pattern": "^[Ii][Nn][Cc]-[1-9][0-9]{0,17}$"},
    OpenApiParameter.PATH,
    description="The reference of the incident.",
    examples=[OpenApiExample("For example", value="INC-900001")],
)


def _number(name: str, what: str) -> OpenApiParameter:
    return OpenApiParameter(
        name,
        {"type": "string", "pattern": "^[0-9]{1,18}$"},
        OpenApiParameter.PATH,
        description=f"The id of the {what}.",
        examples=[OpenApiExample("For example", value="900001")],
    )


ENTRY, UPDATE = _number("entry", "note"), _number("update", "update")
_MOMENT = {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}]}
_SLUG = {"type": "string", "maxLength": 64, "pattern": "^[A-Za-z0-9_-]+$"}
_FILTERS = [
    OpenApiParameter("state", {"type": "string", "enum": CHOICES["state"]}, description="`open` is all at work."),
    OpenApiParameter("severity", {"type": "string", "enum": CHOICES["severity"]}, description="How bad it is."),
    OpenApiParameter("service", _SLUG, description="A service that it hurts, by its slug."),
    OpenApiParameter("team", _SLUG, description="A team that owns such a service, by its slug."),
    OpenApiParameter("customer_impacting", {"type": "boolean"}, description="Whether customers notice."),
    OpenApiParameter("since", _MOMENT, description="Declared not before this moment."),
    OpenApiParameter("until", _MOMENT, description="Declared before this moment."),
    OpenApiParameter("q", {"type": "string", "maxLength": 200}, description="Words of ref, title, services, summary."),
]
AS_KNOWN_AT = OpenApiParameter(
    "as_known_at", _MOMENT, description="Only what Decklog had been told by this moment, as it was told then."
)
LATE: dict[str, Any] = {
    "title": "Card payments fail",
    "severity": "sev2",
    "services": ["checkout"],
    "customer_impacting": True,
    "detected_at": "2026-11-24T08:35:00Z",
}

LIST = extend_schema(
    operation_id="list_incidents", summary="List incidents", parameters=[*_FILTERS, *PAGING], responses=IncidentPage
)
DECLARE = extend_schema(
    operation_id="declare_incident",
    summary="Declare an incident",
    request=NewIncident,
    responses={201: IncidentInFull},
)
READ = extend_schema(
    operation_id="read_incident", summary="Read an incident", parameters=[REF], responses=IncidentInFull
)
EDIT = extend_schema(
    operation_id="edit_incident",
    summary="Correct an incident",
    parameters=[REF],
    request=IncidentEdit,
    responses=IncidentInFull,
)
BODIES: dict[str, Any] = {"advance": Advance, "mitigate": Mitigation, "resolve": ResolutionSaid, "reopen": Reopening}


def verb(name: str, summary: str) -> Callable[[Any], Any]:
    """Describes the endpoint that does `name` with an incident."""
    return extend_schema(
        operation_id=f"{name}_incident",
        summary=summary,
        parameters=[REF],
        request={**BODIES, "merge": MergeWish}.get(name, Reasoned),
        responses=IncidentInFull,
    )


READ_TIMELINE = extend_schema(
    operation_id="read_incident_timeline",
    summary="Read what happened in an incident",
    parameters=[REF, AS_KNOWN_AT, *PAGING],
    responses=LinePage,
)
ADD_NOTE = extend_schema(
    operation_id="add_note", summary="Add a note", parameters=[REF], request=NewNote, responses={201: LineAnswer}
)
REVISE_NOTE = extend_schema(
    operation_id="revise_note",
    summary="Revise a note",
    parameters=[REF, ENTRY],
    request=NoteEdit,
    responses=LineAnswer,
)
REMOVE_NOTE = extend_schema(
    operation_id="remove_note",
    summary="Remove a note",
    parameters=[
        REF,
        ENTRY,
        OpenApiParameter("reason", {"type": "string", "maxLength": 4000}, description="Why, or in the body."),
    ],
    request=None,
    responses={200: LineAnswer},
)
ADD_IMPACT = extend_schema(
    operation_id="add_impact",
    summary="Say what was hurt and when",
    parameters=[REF],
    request=NewImpact,
    responses={201: ImpactAnswer},
)
GIVE_ROLE = extend_schema(
    operation_id="give_role",
    summary="Give somebody a role",
    parameters=[REF],
    request=RoleGiven,
    responses=IncidentInFull,
)
INVITE = extend_schema(
    operation_id="invite_to_incident",
    summary="Let somebody see it",
    parameters=[REF],
    request=Invitation,
    responses=IncidentInFull,
)
MARK_CHANGE = extend_schema(
    operation_id="mark_change",
    summary="Say what a change did",
    parameters=[REF],
    request=ChangeMark,
    responses={201: LinkAnswer},
)
ADD_UPDATE = extend_schema(
    operation_id="publish_update",
    summary="Tell customers",
    parameters=[REF],
    request=NewUpdate,
    responses={201: UpdateAnswer},
)
PUBLISH_DRAFT = extend_schema(
    operation_id="publish_draft",
    summary="Publish a draft",
    parameters=[REF, UPDATE],
    request=None,
    responses=UpdateAnswer,
)
PAGE_SOMEONE = extend_schema(
    operation_id="page_about_incident",
    summary="Page somebody",
    parameters=[REF],
    request=IncidentPageWish,
    responses={202: PageAnswer},
)
