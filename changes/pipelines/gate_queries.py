"""What the gate must know before it can answer."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Q

from catalog.models import Environment, Service
from changes.models import Change, GateDecision, Pipeline, Run
from changes.pipelines.gate_policy import ApprovedChange
from changes.pipelines.order import fold
from changes.preapproved.policy import ALLOWED
from changes.states import Authorization, Origin, State
from changes.tickets.queries import standing_if_filed
from changes.tickets.templates import as_agreed

LATEST_RUNS = 5
"""How many earlier deploys of the same commit are asked for what they proved."""
SHOWN = 5
ABOUT_A_REVIEW = (State.DRAFT, State.SUBMITTED, State.APPROVED, State.REJECTED)
"""While the change that the gate asked for is in one of these, it is named again instead of filing another."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be deployed, by which pipeline, and where to."""

    service: Service
    environment: Environment
    pipeline: Pipeline
    sha: str


@dataclass(slots=True)
class Proof:
    """What is known about a commit, in the words of the API."""

    evidence: dict[str, Any] = field(default_factory=dict)
    commits: list[dict[str, Any]] = field(default_factory=list)
    artifact_digest: str = ""


def known_proof(target: Target) -> Proof:
    """What the pipeline proved about this commit before, wherever it deployed it.

    A way back is known for the same service and environment only. Of a pipeline that is bound to a token, only that
    token is heard.
    """
    deploys = Change.objects.filter(sha=target.sha, pipeline=target.pipeline).order_by("-at", "-id")
    ids = list(deploys.values_list("pk", flat=True)[:LATEST_RUNS])
    proof = Proof()
    for run in Run.objects.filter(change__in=ids).order_by("change_id"):
        told = fold([event for event in run.events if _is_believed(event, target.pipeline)])
        is_here = (run.service_id, run.environment_id) == (target.service.pk, target.environment.pk)
        known = ("tests", "rollback") if is_here else ("tests",)
        proof.evidence |= {name: told.evidence[name] for name in known if name in told.evidence}
        proof.commits = told.commits or proof.commits
        proof.artifact_digest = told.artifact_digest or proof.artifact_digest
    return proof


def _is_believed(event: dict[str, Any], pipeline: Pipeline) -> bool:
    return pipeline.token_id is None or event.get("by") == f"token:{pipeline.token_id}"


def approved_change(target: Target, *, now: datetime) -> tuple[Change, ApprovedChange] | None:
    """The change that allows exactly this: under way, or approved and within its window."""
    may_start = Q(state=State.APPROVED) & (Q(window_start=None) | Q(window_start__lte=now, window_end__gt=now))
    rows = Change.objects.filter(
        Q(state=State.IN_PROGRESS) | may_start,
        sha__in={target.sha, target.sha.lower()},
        origin=Origin.PERSON,
        environment=target.environment,
        ticket__services=target.service,
    )
    rows = rows.order_by("started_at", "pk").select_related("environment", "ticket__template__environment")
    for change in rows[:LATEST_RUNS]:
        if may_begin(change, now=now):
            way = change.authorization
            return change, ApprovedChange(
                change.ref,
                change.started_at,
                is_emergency=way == Authorization.EMERGENCY,
                is_by_template=way == Authorization.TEMPLATE,
            )
    return None


def may_begin(change: Change, *, now: datetime) -> bool:
    """Whether it has begun, or the template that approved it still stands for it."""
    standing = standing_if_filed(change)
    template = standing.ticket.template if standing else None
    if standing is None or template is None or change.state != State.APPROVED:
        return True
    return as_agreed(template, standing.said, now=now).outcome == ALLOWED


def change_asked_for(target: Target) -> Change | None:
    """The change that the gate filed for this before, while it is still to be decided or may still be carried out."""
    before = GateDecision.objects.filter(
        pipeline=target.pipeline,
        service=target.service,
        environment=target.environment,
        sha=target.sha,
        change__state__in=ABOUT_A_REVIEW,
    )
    decision = before.select_related("change").order_by("-id").first()
    return decision.change if decision else None


def changes_filed(pipeline: Pipeline, *, since: datetime) -> int:
    """How many changes the gate named for the pipeline to be reviewed since then."""
    rows = GateDecision.objects.filter(pipeline=pipeline, at__gt=since, change__isnull=False)
    return rows.filter(decision=GateDecision.Decision.REVIEW).values("change").distinct().count()


def last_decisions(pipeline: Pipeline) -> Sequence[GateDecision]:
    """The latest answers that the pipeline got, newest first."""
    rows = GateDecision.objects.filter(pipeline=pipeline).select_related("service", "environment", "change")
    return list(rows.order_by("-id")[:SHOWN])
