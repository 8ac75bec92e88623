"""The shape of `POST /api/v1/deployments`. Only shape: what a deploy means is decided in `changes.policy`.

The models are compiled by pydantic because this is the hottest door of Decklog; they also feed the OpenAPI document.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from changes.pipelines.order import Event
from workflow.errors import Unprocessable
from workflow.shapes import Count, Moment, Person, Sha, Shape, Short, Slug, Url, validated


class Commit(Shape):
    """One commit of a deploy, with who wrote and who reviewed it."""

    sha: Annotated[Sha, StringConstraints(min_length=1)]
    authored_at: Moment | None = None
    author: Person = Field("", description="E-mail.")
    reviewed_by: list[Person] = Field(default_factory=list, max_length=50, description="E-mails.")
    title: Short = ""


class TestReport(Shape):
    """What the tests said, and at which commit."""

    __test__ = False
    passed: Count = 0
    failed: Count = 0
    sha: Sha = Field("", description="Tests of another commit than the deployed one prove nothing.")
    url: Url = ""


class SmokeTest(Shape):
    """Whether it worked after the deploy."""

    status: Literal["passed", "failed"]
    at: Moment | None = None
    url: Url = ""


class Rollback(Shape):
    """The way back."""

    ready: Annotated[bool, Field(strict=True)]
    plan: Short = ""
    target: Short = ""


class Evidence(Shape):
    """What the pipeline brings to prove that the deploy needs no review."""

    tests: TestReport | None = None
    smoke_test: SmokeTest | None = None
    rollback: Rollback | None = None


class Deployment(Shape):
    """One message about one deploy: all at once, or first `started` and later a terminal status with the same key."""

    service: Slug = Field(description="Slug of the service that is deployed.")
    environment: Slug = Field(description="Slug of the environment.")
    pipeline: Slug = Field(description="Slug of the pipeline. One that nobody registered is taken too, as unproven.")
    run_id: Annotated[str, StringConstraints(min_length=1, max_length=200)] = Field(
        description="The pipeline's own id of the run. With service, environment, pipeline and attempt it is the key."
    )
    attempt: Annotated[int, Field(ge=1, le=2**31 - 1, strict=True)] = Field(1, description="Counts repeated runs.")
    status: Literal["started", "succeeded", "failed", "rolled_back", "cancelled"]
    sequence: Annotated[int, Field(ge=0, le=2**53, strict=True)] | None = Field(
        None, description="Of two messages about a run the one with the higher number is the later."
    )
    version: Annotated[str, StringConstraints(max_length=100)] = ""
    sha: Sha = Field("", description="The commit that is deployed.")
    previous_sha: Sha = Field("", description="The commit that ran before.")
    artifact_digest: Annotated[str, StringConstraints(max_length=140)] = Field("", description="`sha256:` and the hex.")
    started_at: Moment | None = Field(None, description="Send this, finished_at, or both.")
    finished_at: Moment | None = None
    title: Short = Field("", description="What changes, in a few words. Left out, it is service, version, environment.")
    run_url: Url = Field("", description="Where the run can be read.")
    customer_impacting: Annotated[bool, Field(strict=True)] = Field(
        default=False, description="Whether customers notice."
    )
    public_note: Annotated[str, StringConstraints(max_length=4000)] = Field("", description="What customers are told.")
    tickets: list[Annotated[str, StringConstraints(max_length=100)]] = Field(
        default_factory=list, max_length=50, description="Keys or addresses of tickets."
    )
    commits: list[Commit] = Field(default_factory=list, max_length=500, description="What the deploy brings.")
    evidence: Evidence | None = None

    @model_validator(mode="after")
    def _has_a_time(self) -> "Deployment":
        if self.started_at is None and self.finished_at is None:
            raise PydanticCustomError("time_required", "Send started_at or finished_at, or both.")
        both = self.started_at and self.finished_at
        if both and datetime.fromisoformat(self.finished_at or "") < datetime.fromisoformat(self.started_at or ""):
            raise PydanticCustomError(
                "finished_before_started", "The finish is before the start: finished_at must be later than started_at."
            )
        return self


class Bulk(Shape):
    """Up to 100 deployments at once; `backfill` sends no messages. Each item is read by itself later."""

    deployments: Annotated[list[Any], Field(min_length=1, max_length=100)]
    backfill: Annotated[bool, Field(strict=True)] = False


KEY_FIELDS = ("service", "environment", "pipeline", "run_id", "attempt")
KEY_ORDER = ("pipeline", "service", "environment", "run_id", "attempt")
"""The pipeline is first, because a new one is written before its runs are."""
_KNOWN = frozenset(Deployment.model_fields)


def read_deployment(body: Any) -> Deployment:
    """The deployment in a parsed body; raises InvalidFields that lists every field that is wrong."""
    return validated(Deployment, body)


def read_bulk(body: Any) -> Bulk:
    """The frame of a bulk request; raises InvalidFields when there are no deployments or more than 100."""
    return validated(Bulk, body)


def read_evidence(body: Any) -> Event:
    """The event in a body of late evidence; accepts the evidence itself or wrapped in `evidence`."""
    wrapped = body.get("evidence", body) if isinstance(body, dict) else body
    evidence = validated(Evidence, wrapped).model_dump(exclude_unset=True, exclude_none=True)
    if not evidence:
        raise Unprocessable("no_evidence", "Send at least one of tests, smoke_test and rollback.", field="evidence")
    return {"evidence": evidence}


def natural_order(body: Any) -> list[str]:
    """Where a body stands among others: by the run that it is about, as far as it names one."""
    return [str(body.get(name, "")) for name in KEY_ORDER] if isinstance(body, dict) else []


def event_of(deployment: Deployment, *, received_at: str, by: str, backfill: bool = False) -> Event:
    """The event that is kept: what was sent, without the natural key, when it came and from whom."""
    event = deployment.model_dump(exclude_unset=True, exclude_none=True, exclude=set(KEY_FIELDS))
    event["received_at"] = received_at
    event["by"] = by
    if backfill:
        event["backfill"] = True
    return event


def unknown_fields(body: dict[str, Any]) -> list[str]:
    """Warnings for what was sent and not understood, because a misspelt `evidence` would cost the exemption."""
    return [f"unknown_field:{name[:40]}" for name in body if name not in _KNOWN][:10]
