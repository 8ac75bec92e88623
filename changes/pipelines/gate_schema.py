"""The shape of a question to the gate and of its answer, and the part of the API's document about it."""

from datetime import datetime
from typing import Annotated, Any, Literal

from drf_spectacular.utils import OpenApiExample, extend_schema
from pydantic import Field, StringConstraints

from changes.pipelines.gate import Question
from changes.pipelines.intake.rest import Commit, Evidence
from workflow.openapi import Answer
from workflow.shapes import Sha, Shape, Slug, validated

_SHA = "9fceb02d0ae598e95dc970b74767f19372d61af8"


class GateQuestion(Shape):
    """What a pipeline is about to deploy, and what it can prove already."""

    service: Slug = Field(description="Slug of the service.")
    environment: Slug = Field(description="Slug of the environment.")
    pipeline: Slug = Field(description="Slug of the pipeline. One that nobody registered is told to have it reviewed.")
    sha: Annotated[Sha, StringConstraints(min_length=1)] = Field(description="The whole commit; the answer is for it.")
    artifact_digest: Annotated[str, StringConstraints(max_length=140)] = ""
    evidence: Evidence | None = Field(
        None, description="As in a deploy. What the pipeline proved about this commit before is known already."
    )
    commits: list[Commit] = Field(default_factory=list, max_length=500, description="As in a deploy.")


class GateReason(Answer):
    """One reason."""

    code: str = Field(
        description="Stable. `coverage_unknown`, `freeze_soft`, `freeze_overridden` and `unknown_field` stop nothing.",
        examples=["hold_open"],
    )
    detail: str = Field(description="A sentence for a person.")


class GateAnswer(Answer):
    """Whether it may be deployed now, and why."""

    decision: Literal["allow", "deny", "hold", "review"] = Field(
        description="`deny`: a hard freeze. `hold`: an incident holds the service, or nobody is on call for it; ask "
        "again later. `review`: a person must approve `change` first."
    )
    rule: str = Field(description="The rule that decided; explained at /policy/{rule}.", examples=["freeze_active"])
    reasons: list[GateReason] = Field(description="The deciding one first, then whatever else there is to know.")
    decision_id: str = Field(examples=["GATE-12"])
    expires_at: datetime = Field(description="Until when it holds, ten minutes at most.")
    change: str | None = Field(
        description="The change to approve with `review`, filled in as far as is known; with `allow`, the one that "
        "allows it. Else null.",
        examples=["CHG-1042"],
    )


def read_question(body: Any) -> Question:
    """The question in a body; raises InvalidFields."""
    said = validated(GateQuestion, body)
    return Question(
        service=said.service,
        environment=said.environment,
        pipeline=said.pipeline,
        sha=said.sha,
        artifact_digest=said.artifact_digest,
        evidence=said.evidence.model_dump(exclude_unset=True, exclude_none=True) if said.evidence else {},
        commits=[commit.model_dump(exclude_unset=True, exclude_none=True) for commit in said.commits],
        not_understood=[name[:40] for name in body if name not in GateQuestion.model_fields][:10],
    )


ASKED: dict[str, Any] = {
    "service": "checkout",
    "environment": "production",
    "pipeline": "checkout-deploy",
    "sha": _SHA,
    "evidence": {
        "tests": {"passed": 412, "failed": 0, "sha": _SHA},
        "rollback": {"ready": True, "plan": "helm rollback", "target": "2.13.9"},
    },
}
ASK_GATE = extend_schema(
    operation_id="ask_gate",
    summary="Ask whether to deploy now",
    description="Freezes, holds, who is on call and what the pipeline can prove decide. The answer is kept, and it "
    "holds for ten minutes and for this commit only. A smoke test is not asked for: it comes with the deploy.",
    request=GateQuestion,
    responses=GateAnswer,
    examples=[OpenApiExample("With proof", value=ASKED, request_only=True)],
)
