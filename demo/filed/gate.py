"""What two pipelines asked the gate, and a suspended third one; judged by the gate's own rules. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from changes.pipelines import gate_policy
from changes.pipelines.gate_policy import FreezeFact, GateFacts, GateVerdict, HoldFact
from changes.pipelines.order import RunState
from changes.policy import DeployFacts
from changes.tickets.content import Draft
from demo.filed.company import Company, name_of
from demo.filed.paper import Filing
from demo.filed.rules import Times
from demo.story import Telling


@dataclass(frozen=True, slots=True)
class Asked:
    """One question at a moment; `run` is the deploy as it would begin, `state` the pipeline's then."""

    pipeline: str
    service: str
    at: datetime
    run: RunState
    state: str = "trusted"
    freezes: Sequence[FreezeFact] = ()
    holds: Sequence[HoldFact] = ()
    by: str = field(default="")

    def verdict(self, *, requires: Sequence[str], tier: int) -> GateVerdict:
        """What the gate answered."""
        deploy = DeployFacts(
            run=self.run,
            pipeline_state=self.state,
            requires=requires,
            covers_target=True,
            is_own_token=True,
            hard_freezes=[],
            now=self.at,
        )
        return gate_policy.judge_gate(GateFacts(deploy, tier, "unknown", self.freezes, self.holds))


def questions(told: Sequence[Telling], times: Times, *, now: datetime) -> list[Asked]:
    """A few questions of each kind, oldest first; most were asked just before a deploy that is in the story."""
    webhooks = _to_production(told, "webhooks", now)
    stream = _to_production(told, "event-stream", now)
    gateway = _to_production(told, "edge-gateway", now)
    move = FreezeFact(
        name="Partition move of the event stream",
        is_hard=True,
        is_overridden=False,
        start=times.move,
        end=times.move + timedelta(hours=2),
    )
    hold = HoldFact("INC-36", "Webhooks of Frankfurt are delivered twice.")
    after_hold = next((one for one in webhooks if one.at > times.held), webhooks[-1])
    after_move = next((one for one in stream if one.at > times.move), stream[-1])
    asked = [_before(one) for one in (*stream[-2:], *webhooks[-3:])]
    asked.append(_before(after_move, at=times.move + timedelta(minutes=48), freezes=[move]))
    asked.append(_before(after_hold, at=times.held + timedelta(minutes=31), holds=[hold]))
    asked.append(_next(webhooks[-1], at=now - timedelta(hours=3), title="Send the event's region with it", read=False))
    asked.append(
        _next(gateway[-1], at=now - timedelta(hours=2), title="Log who closes a connection", state="suspended")
    )
    return sorted(asked, key=lambda one: one.at)


def draft_of(asked: Asked, verdict: GateVerdict) -> Draft:
    """The change that the gate files when somebody must review the deploy first, as `changes.pipelines.gate` does."""
    tests, rollback = asked.run.evidence.get("tests", {}), asked.run.evidence.get("rollback", {})
    passed = f"{tests.get('passed', 0)} tests passed, {tests.get('failed', 0)} failed at {tests.get('sha', '')[:12]}"
    way_back = " to ".join(part for part in (rollback.get("plan"), rollback.get("target")) if part)
    why = "\n".join(f"- {reason.detail}" for reason in verdict.reasons)
    return Draft(
        title=f"Deploy {asked.run.sha[:7]} of {asked.service} to production",
        services=(asked.service,),
        environment="production",
        description=f"{asked.pipeline} asked whether it may deploy {asked.run.sha}. It needs a review:\n\n{why}",
        test_evidence=passed if tests else "",
        rollback_plan=way_back if rollback.get("ready") else "",
        sha=asked.run.sha,
        commits=tuple({"sha": commit["sha"], "author": commit["author"]} for commit in asked.run.commits),
    )


@dataclass(frozen=True, slots=True)
class Answered:
    """A question with its answer, and the change that was filed for it, if somebody must review it first."""

    asked: Asked
    verdict: GateVerdict
    filing: Filing | None


def answer(asked: Asked, company: Company, requires: Sequence[str]) -> Answered:
    """What the gate says, and files in the name of the lead whose token asks."""
    service = company.services[asked.service]
    verdict = asked.verdict(requires=requires, tier=service.tier)
    if verdict.decision.outcome != gate_policy.REVIEW:
        return Answered(asked, verdict, None)
    lead = min((hand for hand in company.hands[service.team] if hand.is_lead), key=lambda hand: hand.user_id)
    draft = replace(draft_of(asked, verdict), implementer=lead.email)
    return Answered(asked, verdict, Filing(draft, name_of(lead.email), asked.at))


def _to_production(told: Sequence[Telling], service: str, now: datetime) -> list[Telling]:
    wanted = [one for one in told if one.service == service and one.is_quiet_production]
    return [one for one in wanted if one.at < now - timedelta(minutes=40)]


def _before(telling: Telling, *, at: datetime | None = None, **facts: Any) -> Asked:
    """Asked for the commit of this deploy, just before it began if nothing else is said."""
    last: Mapping[str, Any] = telling.events[-1]
    last = last if "sha" in last else telling.events[-2]
    evidence = {name: proof for name, proof in last["evidence"].items() if name != "smoke_test"}
    began = datetime.fromisoformat(last["started_at"])
    run = RunState(sha=last["sha"], artifact_digest=last["artifact_digest"], evidence=evidence, commits=last["commits"])
    asked_at = at or began - timedelta(seconds=40)
    return Asked(telling.pipeline, telling.service, asked_at, run, by=telling.events[0]["by"], **facts)


def _next(telling: Telling, *, at: datetime, title: str, read: bool = True, state: str = "trusted") -> Asked:
    """The next commit after this deploy; one that is not `read` was reviewed by nobody but its author."""
    known = _before(telling, at=at, state=state)
    sha = known.run.sha[20:] + known.run.sha[:20]
    commit = {**known.run.commits[-1], "sha": sha, "title": title}
    if not read:
        commit["reviewed_by"] = []
    tests = {**known.run.evidence["tests"], "sha": sha}
    run = RunState(sha=sha, evidence={**known.run.evidence, "tests": tests}, commits=[commit])
    run.artifact_digest = f"sha256:{sha}{sha[:24]}"
    return replace(known, run=run)
