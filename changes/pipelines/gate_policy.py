"""The rules of the gate: may this commit be deployed now? Pure: no database, no clock.

Every rule is asked, and the strictest answer counts: deny before hold, hold before review, review before allow. What a
pipeline must be and prove is judged by the rules and checks of `changes.policy`, the same as after the deploy.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from changes import policy
from changes.policy import Check, DeployFacts
from workflow.decisions import Decision

ALLOW, REVIEW, HOLD, DENY = "allow", "review", "hold", "deny"
STRICTEST = (DENY, HOLD, REVIEW, ALLOW)
VALID_FOR = timedelta(minutes=10)
"""How long an answer holds, for the one commit that was asked about."""
WATCHED_FOR = timedelta(hours=1)
"""How long from now on somebody must be reachable for a service of tier 0."""
AFTER_THE_FACT = frozenset({"smoke_test", "no_freeze"})
"""Checks that the gate does not demand: one can only come afterwards, the other is the gate's own question."""
TRUST_RULES = tuple(
    rule
    for rule in policy.VERDICT_RULES
    if rule not in {policy.failed_check_unproven, policy.awaited_proof_pending, policy.pipeline_deploy_exempt}
)
"""The rules about who speaks, as far as they do not look at evidence."""


class FreezeFact(NamedTuple):
    """A freeze that is in force now for the service and environment, since `start` until `end`."""

    name: str
    is_hard: bool
    is_overridden: bool
    start: datetime
    end: datetime


class HoldFact(NamedTuple):
    """An open hold on the service: what holds it, as in INC-3, and why."""

    source: str
    reason: str


class ApprovedChange(NamedTuple):
    """A change that was allowed for exactly this service, environment and commit and that may be carried out now.

    `started_at` is None for one that has not begun; `is_emergency`: it began at once and is reviewed afterwards.
    `is_by_template`: a template approved it, so nobody has looked at its commit.
    """

    ref: str
    started_at: datetime | None = None
    is_emergency: bool = False
    is_by_template: bool = False


@dataclass(frozen=True, slots=True)
class GateFacts:
    """All that an answer of the gate depends on.

    `deploy` is the deploy as it would be logged, with no freezes in it; `coverage` is `reachable`, `nobody` or
    `unknown` for the next hour.
    """

    deploy: DeployFacts
    tier: int
    coverage: str
    freezes: Sequence[FreezeFact] = ()
    holds: Sequence[HoldFact] = ()
    change: ApprovedChange | None = None


class Reason(NamedTuple):
    """One reason in the words of the API: a stable code and a sentence."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """The answer, the rule that gave it, and every reason, the deciding one first."""

    decision: Decision
    reasons: list[Reason]


# --- The rules -------------------------------------------------------------------------------------------------------


def freeze_active(facts: GateFacts) -> Decision | None:
    """Nothing is deployed in a hard freeze, except with leave that two people gave, and what was under way before."""
    begun = facts.change.started_at if facts.change else None
    for freeze in facts.freezes:
        is_under_way = begun is not None and begun < freeze.start
        if freeze.is_hard and not freeze.is_overridden and not is_under_way:
            until = f"{freeze.end:%A} {freeze.end.day} {freeze.end:%B, %H:%M} UTC"
            return Decision("freeze_active", DENY, f"The freeze “{freeze.name}” is in force until {until}.")
    return None


def hold_open(facts: GateFacts) -> Decision | None:
    """Nothing is deployed to a service while a serious incident holds it."""
    if not facts.holds:
        return None
    hold = facts.holds[0]
    return Decision("hold_open", HOLD, f"{hold.source} holds this service: {hold.reason.rstrip('.')}.")


def somebody_is_reachable(facts: GateFacts) -> Decision | None:
    """A service of tier 0 is deployed only while somebody can be reached for the next hour."""
    if facts.tier != 0 or facts.coverage != "nobody":
        return None
    because = "Nobody is on call for this service in all of the next hour. Cover the gap, then ask again."
    return Decision("somebody_is_reachable", HOLD, because)


def pipeline_is_trusted(facts: GateFacts) -> Decision | None:
    """Evidence counts only from a pipeline that two people trust with this service and environment.

    Else somebody reviews the change first. The rule that is named is the one that would find the deploy unproven.
    """
    for rule in TRUST_RULES:
        decision = rule(facts.deploy, [])
        if decision is not None and (facts.change is None or facts.change.is_by_template):
            return Decision(decision.rule, REVIEW, decision.because)
    return None


def commit_of_template_reviewed(facts: GateFacts) -> Decision | None:
    """A template approves what is done, not a commit: that is shown by evidence that somebody else reviewed it."""
    if facts.change is None or not facts.change.is_by_template:
        return None
    passed, found = policy.reviewed_commits(facts.deploy)
    if passed:
        return None
    because = f"{facts.change.ref} was approved by its template, and nobody has seen its commit. {found}"
    return Decision("commit_of_template_reviewed", REVIEW, because)


def evidence_missing(facts: GateFacts) -> Decision | None:
    """What the pipeline must prove before a deploy is proven, or somebody reviews the change first."""
    missing = missing_checks(facts)
    if not missing or facts.change is not None:
        return None
    return Decision("evidence_missing", REVIEW, _sentence(missing[0]))


def approved_change_allows(facts: GateFacts) -> Decision | None:
    """A change that was allowed for this service, environment and commit may go when its time has come.

    People or a template approved it, or it is an emergency that is under way and that somebody else reviews afterwards.
    """
    change = facts.change
    if change is None:
        return None
    because = "is under way as an emergency" if change.is_emergency else "was approved"
    return Decision("approved_change_allows", ALLOW, f"{change.ref} {because} for exactly this commit.")


def evidence_suffices(facts: GateFacts) -> Decision | None:
    """A trusted pipeline that proved everything that can be proved beforehand may go."""
    if facts.change is not None:
        return None
    count = sum(name not in AFTER_THE_FACT for name in facts.deploy.requires)
    checks = f"{count} of {count} checks" if count else "Nothing had to be proved beforehand; 0 of 0 checks"
    return Decision("evidence_suffices", ALLOW, f"{checks} passed at {facts.deploy.run.sha[:7]}.")


GATE_RULES: tuple[Callable[[GateFacts], Decision | None], ...] = (
    freeze_active,
    hold_open,
    somebody_is_reachable,
    pipeline_is_trusted,
    commit_of_template_reviewed,
    evidence_missing,
    approved_change_allows,
    evidence_suffices,
)
"""Every rule of the gate, in the order in which their reasons are told."""


def judge_gate(facts: GateFacts) -> GateVerdict:
    """The strictest of what the rules say; the reasons of the other refusals and warnings follow."""
    found = [decision for rule in GATE_RULES if (decision := rule(facts))]
    decision = min(found, key=lambda one: STRICTEST.index(one.outcome))
    others = [one for one in found if one is not decision and one.outcome != ALLOW]
    reasons = [Reason(one.rule, one.because) for one in (decision, *others)]
    more = [Reason("evidence_missing", _sentence(check)) for check in missing_checks(facts)]
    if any(one.rule == "evidence_missing" for one in found):
        reasons += [reason for reason in more if reason not in reasons]
    return GateVerdict(decision, [*reasons, *_warnings(facts)])


def missing_checks(facts: GateFacts) -> list[Check]:
    """The required checks that have not passed, as far as they can pass beforehand."""
    return [
        check
        for check in policy.run_checks(facts.deploy)
        if check.required and not check.passed and check.check not in AFTER_THE_FACT
    ]


def _sentence(check: Check) -> str:
    return f"{check.check.replace('_', ' ').capitalize()}: {check.detail}"


def _warnings(facts: GateFacts) -> list[Reason]:
    found = []
    for freeze in facts.freezes:
        if not freeze.is_hard:
            found.append(Reason("freeze_soft", f"The soft freeze “{freeze.name}” asks for calm."))
        elif freeze.is_overridden:
            found.append(Reason("freeze_overridden", f"Leave was given in the freeze “{freeze.name}”."))
    if facts.tier == 0 and facts.coverage == "unknown":
        found.append(Reason("coverage_unknown", "No schedule says who can be reached for this service."))
    return found
