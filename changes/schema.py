"""The shapes of what the API answers about changes, and the filters of its lists, for the API's document only."""

from datetime import datetime
from typing import Any, Literal

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from pydantic import Field

from changes.filters import CHANGE_FILTERS, CHOICES
from changes.pipelines.intake.rest import Commit, Evidence
from changes.states import Authorization, Origin, Outcome, Risk, State, Type, Verdict
from workflow.openapi import PAGING, Answer

# --- Shapes ----------------------------------------------------------------------------------------------------------


class Check(Answer):
    """One thing that a pipeline must prove."""

    check: str = Field(description="Its name.", examples=["tests"])
    required: bool = Field(description="Whether this pipeline must pass it.")
    passed: bool | None = Field(description="null while the proof may still come.")
    detail: str = Field(description="What was found.", examples=["412 passed at 9fceb02"])


class VerdictInBrief(Answer):
    """Whether the evidence of a deploy stands in for a review, and which rule said so."""

    result: Verdict
    rule: str = Field(description="Explained at /policy/{rule}.", examples=["pipeline_deploy_exempt"])
    policy_version: int = Field(description="The rules as they were at the time.")


class VerdictInFull(VerdictInBrief):
    """The verdict with every check."""

    checks: list[Check]


class RiskInBrief(Answer):
    """How much could go wrong."""

    level: Risk


class ChangeInList(Answer):
    """A change as it stands in a list."""

    ref: str = Field(examples=["CHG-1042"])
    url: str = Field(description="Its web page.", json_schema_extra={"format": "uri"})
    type: Type
    origin: Origin
    authorization: Authorization
    state: State
    outcome: Outcome | None = Field(description="null until it has ended.")
    verdict: VerdictInBrief | None = Field(description="null for what no pipeline logged.")
    title: str
    service: str
    environment: str
    pipeline: str | None = Field(description="null, as run_id and attempt, for what no pipeline logged.")
    run_id: str | None
    attempt: int | None
    version: str
    sha: str
    customer_impacting: bool
    flags: list[str] = Field(
        description="`clock_skew`: the sender's clock is off by over 5 minutes, or the message came late. "
        "`start_too_early`: it says that it began over 7 days before its end. "
        "`terminal_conflict`: two different ends were reported.",
        examples=[["clock_skew"]],
    )
    risk: RiskInBrief | None = Field(description="null for a pipeline's deploy.")
    window_start: datetime | None = Field(description="When it is to begin; null for a pipeline's deploy.")
    window_end: datetime | None
    review_due_at: datetime | None = Field(description="Until when somebody else must look back at it.")
    started_at: datetime | None
    finished_at: datetime | None
    created_at: datetime
    updated_at: datetime


class RunInFull(Answer):
    """What the pipeline told about its deploy."""

    status: Literal["started", "succeeded", "failed", "rolled_back", "cancelled"]
    previous_sha: str
    artifact_digest: str
    run_url: str
    tickets: list[str]
    commits: list[Commit]
    evidence: Evidence
    received_at: datetime = Field(description="When the first message about it came in.")


class ChangeInFull(ChangeInList):
    """A change with everything that is known about it."""

    verdict: VerdictInFull | None = Field(description="null for what no pipeline logged.")
    team: str = Field(description="The team that owns the service.")
    requester: str | None = Field(description="The e-mail of who asked for it; null for a pipeline's deploy.")
    public_note: str = Field(description="What customers are told.")
    run: RunInFull | None = Field(description="null for what no pipeline logged.")


class ChangePage(Answer):
    """One page, newest first."""

    results: list[ChangeInList]
    next: str | None = Field(description="The address of older ones; null on the last page.")
    previous: str | None = Field(description="The address of newer ones; null on the first page.")


class Actor(Answer):
    """Who did it."""

    kind: Literal["user", "token", "system"] = Field(description="`system` is Decklog itself.")
    name: str | None = Field(description="null for somebody who is gone.", examples=["Ann Lee"])


class Entry(Answer):
    """One thing that happened, as the ledger keeps it: never changed, never deleted."""

    id: int
    verb: str = Field(description="What happened.", examples=["finished"])
    actor: Actor
    occurred_at: datetime = Field(description="When it happened out there.")
    recorded_at: datetime = Field(description="When Decklog learnt of it.")
    rule: str | None = Field(description="The rule that decided, if one did.")
    data: dict[str, Any] = Field(description="The facts, as the verb has them.")


class Timeline(Answer):
    """One page of what happened, newest first."""

    results: list[Entry]
    next: str | None = Field(description="The address of older entries; null on the last page.")
    previous: str | None = Field(description="The address of newer entries; null on the first page.")


# --- Filters ---------------------------------------------------------------------------------------------------------

_MOMENT = {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}]}
_SLUG = {"type": "string", "maxLength": 64, "pattern": "^[A-Za-z0-9_-]+$"}
_FILTERS: dict[str, tuple[dict[str, Any], str, str]] = {
    "type": ({}, "Standard is planned, emergent is urgent.", "standard"),
    "origin": ({}, "Who brought it.", "pipeline"),
    "authorization": ({}, "How it was allowed.", "auto_exempt"),
    "state": ({}, "Where it is on its way.", "closed"),
    "outcome": ({}, "How it ended.", "rolled_back"),
    "verdict": ({}, "What the evidence says.", "unproven"),
    "risk": ({}, "How much could go wrong.", "high"),
    "service": (_SLUG, "The service, by its slug; also a further service that a filed change names.", "checkout"),
    "environment": (_SLUG, "The environment, by its slug.", "production"),
    "team": (_SLUG, "The team that owns such a service, by its slug.", "payments"),
    "pipeline": (_SLUG, "The pipeline, by its slug.", "checkout-deploy"),
    "requester": ({"type": "string", "maxLength": 254}, "Who asked for it, by e-mail.", "ann@example.com"),
    "sha": (
        {"type": "string", "maxLength": 64},
        "The whole commit that was deployed.",
        "9fceb02d0ae598e95dc970b74767f19372d61af8",
    ),
    "customer_impacting": ({"type": "boolean"}, "Whether customers notice.", "true"),
    "since": (_MOMENT, "Not before this moment. A day alone begins at midnight UTC.", "2026-01-01"),
    "until": (_MOMENT, "Before this moment.", "2027-01-01T00:00:00Z"),
    "window_from": (_MOMENT, "Planned for a window that ends after this moment.", "2026-11-23"),
    "window_to": (_MOMENT, "Planned for a window that begins before this moment.", "2026-11-30"),
}
_SEARCH = OpenApiParameter(
    "q",
    {"type": "string", "maxLength": 200},
    description="Full-text search over title, service, pipeline, run, version, commit and tickets; the last word may "
    "be a beginning.",
)


def filters(names: tuple[str, ...]) -> list[OpenApiParameter]:
    """The parameters of a list that can be narrowed by these."""
    return [*(_filter(name) for name in names), _SEARCH, *PAGING]


def _filter(name: str) -> OpenApiParameter:
    schema, meaning, example = _FILTERS[name]
    given = {"type": "string", "enum": CHOICES[name]} if name in CHOICES else schema
    # An example of its own would be filled in by the page that tries requests, for every filter at once.
    return OpenApiParameter(name, given, description=f"{meaning} For example `{example}`.")


REF = OpenApiParameter(
    "ref",
    {"type": "string", "pattern": "^[Cc][Hh][Gg]-[1-9][0-9]{0,17}$"},
    OpenApiParameter.PATH,
    description="The reference of the change.",
    examples=[OpenApiExample("For example", value="CHG-1")],
)

# --- Operations ------------------------------------------------------------------------------------------------------

LIST_CHANGES = extend_schema(
    operation_id="list_changes", summary="List changes", parameters=filters(CHANGE_FILTERS), responses=ChangePage
)
READ_TIMELINE = extend_schema(
    operation_id="read_timeline", summary="Read what happened", parameters=[REF, *PAGING], responses=Timeline
)
