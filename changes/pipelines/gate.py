"""The gate: may this commit be deployed now? Every answer is kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.callers import Caller, require_reach
from catalog.models import Environment, Service
from changes import policy
from changes.freezes.queries import FreezeWindow, freezes_at, freezes_over, open_holds
from changes.models import Change, GateDecision, Pipeline
from changes.pipelines import gate_policy, gate_queries
from changes.pipelines.gate_policy import FreezeFact, GateFacts, GateVerdict, HoldFact, Reason
from changes.pipelines.gate_queries import Target
from changes.pipelines.order import RunState
from changes.pipelines.strangers import take_in
from changes.tickets.content import Draft
from changes.tickets.filing import file_change
from oncall.queries import coverage
from workflow.errors import RuleViolation, Unprocessable
from workflow.ledger import Happening, record

MOST_FILED, FILED_WITHIN = 30, timedelta(hours=1)
"""How many changes the gate files for one pipeline in what time: made-up commits must not fill the list of changes."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a pipeline asks, in slugs and in the words of the API; `evidence` and `commits` are as in a deploy.

    `not_understood` names what else was sent.
    """

    service: str
    environment: str
    pipeline: str
    sha: str
    artifact_digest: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    commits: Sequence[Mapping[str, Any]] = ()
    not_understood: Sequence[str] = ()


@transaction.atomic
def ask_gate(question: Question, *, by: Caller) -> GateDecision:
    """Decide whether the commit may be deployed now, and keep the decision; it is valid for ten minutes.

    When somebody must review it first, a change is filed for that, once. Raises Forbidden("token_limits"),
    Unprocessable for a service or environment that does not exist, TooMany("stranger_is_welcome").
    """
    now, target = timezone.now(), _target(question, by=by)
    run = _run(question, target)
    approved = gate_queries.approved_change(target, now=now)
    windows = _freezes(target, at=now)
    facts = GateFacts(
        deploy=_deploy(run, target, by=by, now=now),
        tier=target.service.tier,
        coverage=_coverage(target.service, at=now),
        freezes=[FreezeFact(one.name, one.is_hard, one.is_overridden, one.start, one.end) for one in windows],
        holds=[HoldFact(hold.source, hold.reason) for hold in open_holds([target.service.pk])],
        change=approved[1] if approved else None,
    )
    verdict = gate_policy.judge_gate(facts)
    verdict.reasons.extend(Reason("unknown_field", f"“{name}” was not understood.") for name in question.not_understood)
    change = approved[0] if approved else None
    if verdict.decision.outcome == gate_policy.REVIEW:
        change = _change_to_review(target, run, verdict, by=by)
    expires_at = _valid_until(target, windows, now=now)
    return _keep(target, run, verdict, change=change, by=by, times=(now, expires_at))


def _target(question: Question, *, by: Caller) -> Target:
    require_reach(by, services=[question.service], environments=[question.environment])
    service = Service.objects.filter(slug=question.service).first()
    if service is None:
        raise Unprocessable("unknown_service", f"There is no service “{question.service}”.", field="service")
    environment = Environment.objects.filter(slug=question.environment).first()
    if environment is None:
        because = f"There is no environment “{question.environment}”."
        raise Unprocessable("unknown_environment", because, field="environment")
    # A pipeline that nobody registered is known from its first question on, as from its first deploy.
    take_in(question.pipeline, by=by)
    # Of two questions at once, the second one sees the change that the first one filed. Deploys are not kept waiting.
    pipeline = Pipeline.objects.select_for_update(no_key=True).get(slug=question.pipeline)
    return Target(service, environment, pipeline, question.sha)


def _run(question: Question, target: Target) -> RunState:
    """The deploy as it would begin: what was sent with the question, and what is known about the commit."""
    known = gate_queries.known_proof(target)
    return RunState(
        sha=question.sha,
        artifact_digest=question.artifact_digest or known.artifact_digest,
        evidence={**known.evidence, **question.evidence},
        commits=[dict(commit) for commit in question.commits] or known.commits,
    )


def _deploy(run: RunState, target: Target, *, by: Caller, now: datetime) -> policy.DeployFacts:
    pipeline = target.pipeline
    covers_service = pipeline.services.filter(pk=target.service.pk).exists()
    return policy.DeployFacts(
        run=run,
        pipeline_state=pipeline.state,
        requires=pipeline.requires,
        covers_target=covers_service and pipeline.environments.filter(pk=target.environment.pk).exists(),
        is_own_token=pipeline.token_id is None or pipeline.token_id == by.token_id,
        hard_freezes=[],
        now=now,
        is_by_person=not by.is_token,
    )


def _freezes(target: Target, *, at: datetime) -> list[FreezeWindow]:
    service = target.service
    return freezes_at(at, service_id=service.pk, team_id=service.team_id, environment_id=target.environment.pk)


def _coverage(service: Service, *, at: datetime) -> str:
    if service.tier != Service.Tier.CRITICAL:
        return "unknown"
    return coverage(service.pk, at, at + gate_policy.WATCHED_FOR)


def _valid_until(target: Target, windows: Sequence[FreezeWindow], *, now: datetime) -> datetime:
    """Ten minutes from now, or until the next hard freeze begins or the leave in the present one ends."""
    end = now + gate_policy.VALID_FOR
    ahead = freezes_over(now, end, service_ids=[target.service.pk], environment_id=target.environment.pk)
    begins = [window.start for window in ahead if window.forbids and window.start > now]
    leaves = [window.leave_until for window in windows if window.leave_until]
    return min([end, *begins, *leaves])


def _keep(
    target: Target,
    run: RunState,
    verdict: GateVerdict,
    *,
    change: Change | None,
    by: Caller,
    times: tuple[datetime, datetime],
) -> GateDecision:
    decision = GateDecision(
        pipeline=target.pipeline,
        service=target.service,
        environment=target.environment,
        sha=target.sha,
        artifact_digest=run.artifact_digest,
        decision=verdict.decision.outcome,
        rule=verdict.decision.rule,
        reasons=[reason._asdict() for reason in verdict.reasons],
        policy_version=policy.POLICY_VERSION,
        change=change,
        actor=by.actor,
        at=times[0],
        expires_at=times[1],
    )
    decision.save(force_insert=True)
    facts: dict[str, object] = {
        "decision": decision.decision,
        "decision_id": decision.ref,
        "service": target.service.slug,
        "environment": target.environment.slug,
        "sha": target.sha,
        "reasons": decision.reasons,
        "evidence": run.evidence,
        "change": change.ref if change else None,
    }
    record(target.pipeline.ref, Happening("gate_asked", by.actor, times[0], facts, decision.rule), at=times[0])
    return decision


# --- The change that a person reviews --------------------------------------------------------------------------------


def _change_to_review(target: Target, run: RunState, verdict: GateVerdict, *, by: Caller) -> Change | None:
    """The draft for this deploy, filed in the name of who asks; None where that is not possible."""
    before = gate_queries.change_asked_for(target)
    if before is not None:
        return before
    if gate_queries.changes_filed(target.pipeline, since=timezone.now() - FILED_WITHIN) >= MOST_FILED:
        return None
    try:
        with transaction.atomic():
            return file_change(_draft(target, run, verdict), by=by)
    except RuleViolation:
        return None


def _draft(target: Target, run: RunState, verdict: GateVerdict) -> Draft:
    tests, rollback = run.evidence.get("tests", {}), run.evidence.get("rollback", {})
    passed = f"{tests.get('passed', 0)} tests passed, {tests.get('failed', 0)} failed at {tests.get('sha', '')[:12]}"
    way_back = " to ".join(part for part in (rollback.get("plan"), rollback.get("target")) if part)
    why = "\n".join(f"- {reason.detail}" for reason in verdict.reasons)
    return Draft(
        title=f"Deploy {target.sha[:7]} of {target.service.slug} to {target.environment.slug}",
        services=(target.service.slug,),
        environment=target.environment.slug,
        description=f"{target.pipeline.slug} asked whether it may deploy {target.sha}. It needs a review:\n\n{why}",
        test_evidence=passed if tests else "",
        rollback_plan=way_back if rollback.get("ready") else "",
        sha=target.sha,
        commits=tuple({"sha": str(commit["sha"]), "author": str(commit.get("author", ""))} for commit in run.commits),
    )
