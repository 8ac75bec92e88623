"""What comes in about incidents by JSON. Shape only."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, field_validator

from incidents.correcting import Edit
from incidents.declaring import Declaration
from incidents.models import TIMES
from incidents.moving import Resolution
from incidents.updates.actions import Words
from workflow.errors import InvalidFields
from workflow.shapes import Moment, Person, Shape, Slug, validated

Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Text = Annotated[str, StringConstraints(max_length=10_000)]
Reason = Annotated[str, StringConstraints(max_length=4000)]
Slugs = Annotated[list[Slug], Field(min_length=1, max_length=50)]
Yes = Annotated[bool, Field(strict=True)]
SeverityWord = Literal["sev1", "sev2", "sev3", "sev4"]
LevelWord = Literal["degraded", "partial", "down"]
ScopeWord = Literal["internal", "few", "many", "all"]
SourceWord = Literal["alert", "customer", "person"]
StateWord = Literal["triage", "investigating", "identified", "mitigated", "resolved", "closed", "cancelled", "merged"]
RoleWord = Literal["commander", "comms", "scribe"]
LinkWord = Literal["suspect", "caused", "contributed", "fixed", "cleared"]
StatusWord = Literal["investigating", "identified", "mitigated", "resolved"]


def moment(text: str | None) -> datetime | None:
    """The time in a body, None for none."""
    return datetime.fromisoformat(text) if text else None


class NewIncident(Shape):
    """What has happened. How bad it is is said by `severity`, or by `impact` and `scope`."""

    title: Title
    severity: SeverityWord | None = None
    impact: LevelWord | None = Field(None, description="How badly the services are hurt.")
    scope: ScopeWord | None = Field(None, description="Who is hurt.")
    services: Slugs = Field(description="Slugs of what it hurts.")
    customer_impacting: Yes | None = Field(None, description="Whether customers notice; left out, Sev 1 and 2 say yes.")
    detected_at: Moment | None = Field(None, description="When somebody or something noticed. Left out: unknown.")
    impact_started_at: Moment | None = Field(None, description="Since when it hurts. Left out: unknown.")
    summary: Text = ""
    restricted: Yes = Field(
        default=False, description="Only for who has a role in it, who is invited, and the leads of the teams."
    )


class Reasoned(Shape):
    """Why, where that is asked for."""

    reason: Reason = ""


class Advance(Reasoned):
    """Where it is now."""

    state: StateWord = Field(description="`investigating` or `identified`; every other state has its own verb.")


class Mitigation(Reasoned):
    """When it stopped hurting; left out: now."""

    mitigated_at: Moment | None = None


class ResolutionSaid(Reasoned):
    """What is known when it is over. Times that are left out stay as they are; what nobody knows stays unknown."""

    impact_started_at: Moment | None = None
    detected_at: Moment | None = None
    mitigated_at: Moment | None = None
    resolved_at: Moment | None = Field(None, description="Left out: now.")
    detection_source: SourceWord | None = Field(None, description="Who noticed first; may be left out if it is known.")
    customer_impacting: Yes | None = Field(None, description="Whether customers noticed.")


class Reopening(Reasoned):
    """What hurts again, and since when; left out: now."""

    impact_started_at: Moment | None = None


class MergeWish(Reasoned):
    """Which one goes on."""

    into: Annotated[str, StringConstraints(max_length=40)] = Field(examples=["INC-2"])


class IncidentEdit(Shape):
    """What shall be otherwise; what is left out stays."""

    times: dict[str, Moment | None] | None = Field(
        None, description=f"When things really happened, with a `reason`; null is unknown. Known: {', '.join(TIMES)}."
    )
    reason: Reason = ""
    evidence: Annotated[str, StringConstraints(max_length=2000)] = Field("", description="How you know the times.")
    title: Title | None = None
    summary: Text | None = None
    severity: SeverityWord | None = None
    customer_impacting: Yes | None = None
    services: Slugs | None = Field(None, description="All of them; those it has are kept.")

    @field_validator("times")
    @classmethod
    def few(cls, times: dict[str, Any] | None) -> dict[str, Any] | None:
        """No more names than there are times."""
        return dict(list(times.items())[:20]) if times else times


class NewNote(Shape):
    """What happened, and when; left out: now."""

    text: Text
    occurred_at: Moment | None = None


class NoteEdit(Reasoned):
    """What the note shall say instead, and why."""

    text: Text


class NewImpact(Shape):
    """When a service was hurt and how badly; without an end it still is."""

    service: Slug
    level: LevelWord
    start: Moment
    end: Moment | None = None


class RoleGiven(Shape):
    """Who does it; null: nobody."""

    role: RoleWord
    user: Person | None = Field(description="E-mail.")


class Invitation(Shape):
    """Who may see it as well."""

    user: Person = Field(description="E-mail.")


class ChangeMark(Shape):
    """What a change has to do with it; a second word about the same change replaces the first."""

    change: Annotated[str, StringConstraints(max_length=40)] = Field(examples=["CHG-9"])
    role: LinkWord
    note: Annotated[str, StringConstraints(max_length=300)] = ""


class NewUpdate(Shape):
    """What customers shall read."""

    message: Annotated[str, StringConstraints(max_length=4000)]
    status: StatusWord
    public: Yes = Field(default=True, description="False keeps it among ourselves.")
    draft: Yes = Field(default=False, description="Only keep it; it is published later.")
    next_by: Moment | None = Field(None, description="Until when the next one is promised.")


class PageTarget(Shape):
    """Whom to page: slugs, and the e-mail of a person."""

    type: Literal["policy", "schedule", "team", "user", "service"]
    id: Annotated[str, StringConstraints(min_length=1, max_length=254)]


class IncidentPageWish(Shape):
    """Whom to page about it, and what they must know."""

    target: PageTarget
    message: Annotated[str, StringConstraints(max_length=4000)] = ""


def read_declaration(body: Any) -> Declaration:
    """The declaration in a body; raises InvalidFields."""
    said = validated(NewIncident, body)
    return Declaration(
        title=said.title,
        services=said.services,
        severity=said.severity or "",
        impact=said.impact or "",
        scope=said.scope or "",
        customer_impacting=said.customer_impacting,
        summary=said.summary,
        restricted=said.restricted,
        detected_at=moment(said.detected_at),
        impact_started_at=moment(said.impact_started_at),
    )


def read_resolution(body: Any) -> Resolution:
    """What a body says about the end; raises InvalidFields."""
    said = validated(ResolutionSaid, body)
    return Resolution(
        detection_source=said.detection_source or "",
        customer_impacting=said.customer_impacting,
        impact_started_at=moment(said.impact_started_at),
        detected_at=moment(said.detected_at),
        mitigated_at=moment(said.mitigated_at),
        resolved_at=moment(said.resolved_at),
        reason=said.reason,
    )


def read_edit(body: Any) -> Edit:
    """The edit in a body; raises InvalidFields for one that is empty or names what cannot be edited."""
    said = validated(IncidentEdit, body)
    unknown = [(name[:40], "unknown_field", "This cannot be edited.") for name in body if name not in _EDITABLE]
    columns = said.model_dump(exclude_unset=True, exclude={"times", "reason", "evidence"})
    empty = [(name, "required", "This cannot be emptied.") for name, value in columns.items() if value is None]
    if unknown or empty:
        raise InvalidFields([*unknown, *empty])
    if not columns and not said.times:
        raise InvalidFields([("times", "required", "Say what shall be otherwise.")])
    times = {name: moment(text) for name, text in (said.times or {}).items()}
    return Edit(times, columns, said.reason, said.evidence)


_EDITABLE = frozenset(IncidentEdit.model_fields)


def read_words(said: NewUpdate) -> Words:
    """The words of an update."""
    return Words(said.message, said.status, public=said.public, next_by=moment(said.next_by))
