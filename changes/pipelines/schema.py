"""The deployments part of the API's document: what to send, with examples that work, and what comes back."""

from datetime import datetime
from typing import Annotated, Any, Literal

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from pydantic import Field

from changes.filters import DEPLOYMENT_FILTERS
from changes.pipelines.intake.rest import Bulk, Deployment, Evidence
from changes.pipelines.serializers import Confirmation, NewPipeline
from changes.schema import REF, ChangeInList, ChangePage, RunInFull, VerdictInFull, filters
from changes.states import Verdict
from workflow.openapi import Answer, Problem
from workflow.shapes import Slug

# --- Shapes ----------------------------------------------------------------------------------------------------------


class DeploymentInFull(RunInFull, ChangeInList):
    """A deploy with its verdict and everything that was told about it."""

    verdict: VerdictInFull
    pipeline: str
    run_id: str
    attempt: int
    public_note: str = Field(description="What customers are told.")
    warnings: list[str] = Field(
        description="`freeze_soft`: a freeze asks for calm. `freeze_overridden`: a hard freeze, but leave was given. "
        "`proof_window_closed`: the proof is kept and no longer changes the verdict. `unknown_field:…`: this was not "
        "understood. Empty when the deploy is only read.",
        examples=[["unknown_field:evidenc"]],
    )


class BulkRequest(Bulk):
    """Up to 100 deployments; each is judged by itself."""

    deployments: Annotated[list[Deployment], Field(min_length=1, max_length=100)]


class BulkLogged(Answer):
    """One that was logged: 201 when its run is new, 200 when it was known."""

    index: int = Field(description="Its place in the request, from 0.")
    status: int = Field(examples=[201])
    ref: str = Field(examples=["CHG-1042"])
    verdict: Verdict


class BulkRefused(Answer):
    """One that was refused, and why."""

    index: int = Field(description="Its place in the request, from 0.")
    status: int = Field(examples=[422])
    error: Problem


class BulkResults(Answer):
    """What became of each, in the order of the request."""

    results: list[BulkLogged | BulkRefused]


# --- Examples --------------------------------------------------------------------------------------------------------

_SHA = "9fceb02d0ae598e95dc970b74767f19372d61af8"
_RUN: dict[str, Any] = {
    "service": "checkout",
    "environment": "production",
    "pipeline": "checkout-deploy",
    "run_id": "4711",
}
STARTED: dict[str, Any] = {
    **_RUN,
    "status": "started",
    "version": "2.14.0",
    "sha": _SHA,
    "started_at": "2026-11-24T09:00:00Z",
}
PROVEN: dict[str, Any] = {
    **_RUN,
    "attempt": 1,
    "status": "succeeded",
    "version": "2.14.0",
    "sha": _SHA,
    "previous_sha": "1c002dd4b536e7479fe34593e72e6c6c1819e53b",
    "artifact_digest": "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "started_at": "2026-11-24T09:00:00Z",
    "finished_at": "2026-11-24T09:04:10Z",
    "run_url": "https://ci.example.com/checkout-deploy/4711",
    "tickets": ["SP-123"],
    "commits": [
        {
            "sha": _SHA,
            "authored_at": "2026-11-24T08:12:00Z",
            "author": "ann@example.com",
            "reviewed_by": ["bo@example.com"],
        }
    ],
    "evidence": {
        "tests": {"passed": 412, "failed": 0, "sha": _SHA, "url": "https://ci.example.com/checkout-deploy/4711/tests"},
        "smoke_test": {"status": "passed", "at": "2026-11-24T09:03:40Z"},
        "rollback": {"ready": True, "plan": "helm rollback", "target": "2.13.9"},
    },
}
WRONG: dict[str, Any] = {"run_id": "4714", "service": "no-such-service"}
LATE_PROOF: dict[str, Any] = {"smoke_test": {"status": "passed", "at": "2026-11-24T09:06:00Z"}}

# --- Operations ------------------------------------------------------------------------------------------------------

LIST_DEPLOYMENTS = extend_schema(
    operation_id="list_deployments",
    summary="List deploys",
    parameters=filters(DEPLOYMENT_FILTERS),
    responses=ChangePage,
)
LOG_DEPLOYMENT = extend_schema(
    operation_id="log_deployment",
    summary="Log a deploy",
    description="Send it once when the deploy has ended, or `started` first and the end later with the same service, "
    "environment, pipeline, run_id and attempt. The order does not matter and the same message twice does no harm. A "
    "deploy is never refused for missing evidence: it is kept as `unproven`, and its owner has 24 hours to prove it.",
    request=Deployment,
    responses={
        201: OpenApiResponse(DeploymentInFull, description="Its run is new."),
        200: OpenApiResponse(DeploymentInFull, description="Its run was known; this is how it stands now."),
    },
    examples=[
        OpenApiExample("All at once, with proof", value=PROVEN, request_only=True),
        OpenApiExample("It has started", value=STARTED, request_only=True),
    ],
)
LOG_DEPLOYMENTS = extend_schema(
    operation_id="log_deployments",
    summary="Log up to 100 deploys",
    description="Each is judged by itself, and one that is wrong stops no other. `backfill` brings in the past: it "
    "sends no messages and minds no clocks.",
    request=BulkRequest,
    responses=BulkResults,
    examples=[
        OpenApiExample(
            "One that is right and one that is not",
            value={"deployments": [{**STARTED, "run_id": "4713"}, {**STARTED, **WRONG}], "backfill": True},
            request_only=True,
        )
    ],
)
READ_DEPLOYMENT = extend_schema(
    operation_id="read_deployment", summary="Read a deploy", parameters=[REF], responses=DeploymentInFull
)
ADD_EVIDENCE = extend_schema(
    operation_id="add_evidence",
    summary="Supply late proof",
    description="For a token of somebody in the team that owns the service, of who registered the pipeline, or of an "
    "administrator; if the pipeline is bound to a token, for that one alone. Within 24 hours of the finish the verdict "
    "may still change. Later the proof is kept, the verdict stays, and `proof_window_closed` is among the warnings.",
    parameters=[REF],
    request=Evidence,
    responses=DeploymentInFull,
    examples=[OpenApiExample("A smoke test that came late", value=LATE_PROOF, request_only=True)],
)


# --- Pipelines -------------------------------------------------------------------------------------------------------


class PipelineAnswer(Answer):
    """An automation that deploys, what it must prove, and how far it is trusted."""

    ref: str = Field(examples=["PIPE-3"])
    url: str = Field(description="Its web page.")
    slug: str = Field(examples=["checkout-deploy"])
    name: str
    state: Literal["unregistered", "proposed", "trusted", "suspended"]
    services: list[str] = Field(description="Slugs of the services that it may deploy.")
    environments: list[str] = Field(description="Slugs of the environments that it may deploy to.")
    requires: list[str] = Field(description="Names of the checks that each of its deploys must pass.")
    token: str | None = Field(description="Name of the only token that is believed; null when any is.")
    registered_by: str | None = Field(description="E-mail.")
    confirmed_by: str | None = Field(description="E-mail of the second person; null until somebody has confirmed it.")
    confirmed_at: datetime | None
    terms_digest: str = Field(description="Names the terms as they stand; a confirmation sends it back as `seen`.")
    created_at: datetime
    updated_at: datetime


Slugs = Annotated[list[Slug], Field(min_length=1, max_length=200)]
Checks = Annotated[list[str], Field(min_length=1, max_length=20)]


class PipelineChange(Answer):
    """What shall be different; what is left out stays."""

    name: str = Field(default_factory=str, max_length=120)
    services: Slugs = Field(default_factory=list, description="Slugs.")
    environments: Slugs = Field(default_factory=list, description="Slugs.")
    requires: Checks = Field(default_factory=list, description="Names of checks.")


SLUG = OpenApiParameter(
    "slug",
    {"type": "string", "maxLength": 64, "pattern": "^[A-Za-z0-9_-]+$"},
    OpenApiParameter.PATH,
    description="The slug of the pipeline.",
    examples=[OpenApiExample("For example", value="checkout-deploy")],
)
NEW: dict[str, Any] = {
    "slug": "ledger-api-deploy",
    "name": "Ledger",
    "services": ["ledger-api"],
    "environments": ["production"],
    "requires": ["tests", "rollback"],
}

REGISTER_PIPELINE = extend_schema(
    operation_id="register_pipeline",
    summary="Register a pipeline",
    description="It is proposed and waits for a second person. Until then its deploys are kept as unproven.",
    request=NewPipeline,
    responses={201: PipelineAnswer},
    examples=[OpenApiExample("A pipeline of one service", value=NEW, request_only=True)],
)
READ_PIPELINE = extend_schema(
    operation_id="read_pipeline", summary="Read a pipeline", parameters=[SLUG], responses=PipelineAnswer
)
CHANGE_PIPELINE = extend_schema(
    operation_id="change_pipeline",
    summary="Change a pipeline",
    parameters=[SLUG],
    request=PipelineChange,
    responses=PipelineAnswer,
)
CONFIRM_PIPELINE = extend_schema(
    operation_id="confirm_pipeline",
    summary="Confirm a pipeline",
    description="The word of a second person, who must not be the one that registered it. `seen` is the `terms_digest` "
    "that the person looked at; if the terms have changed since, it is refused.",
    parameters=[SLUG],
    request=Confirmation,
    responses=PipelineAnswer,
)
