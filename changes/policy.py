"""The rules of change management, on one screen each. Pure: no database, no clock.

`POLICY_VERSION` is stored with every verdict; raise it whenever a rule here would decide differently than before.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from changes.mailboxes import mailbox
from changes.pipelines.order import LONGEST_RUN, RunState
from changes.states import Outcome, State, Verdict
from workflow.decisions import Decision

POLICY_VERSION = 2
SMOKE_TEST_WITHIN = timedelta(minutes=15)
"""How long after the finish a smoke test may still come before its absence counts."""
PROOF_WITHIN = timedelta(hours=24)
"""How long after the finish late proof can still change the verdict."""
REVIEW_WITHIN = timedelta(hours=24)
"""How soon somebody else must look back at a deploy that could not be exempted or did not succeed."""
DRAWN_ONE_IN, DRAWN_WITHIN = 20, timedelta(days=7)
"""Of how many exempt deploys one is looked back at as well, and how soon."""
SILENT_AFTER = timedelta(hours=2)
"""How long a run may go on without a word, if its pipeline's usual duration does not allow it more."""
_DIGEST = re.compile(r"sha(256|384|512):[0-9a-f]+\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing a pipeline must prove. `passed` is None while the proof may still come."""

    check: str
    required: bool
    passed: bool | None
    detail: str

    def as_json(self) -> dict[str, Any]:
        """The check in the words of the API."""
        return {"check": self.check, "required": self.required, "passed": self.passed, "detail": self.detail}


@dataclass(frozen=True, slots=True)
class DeployFacts:
    """All that the verdict on a deploy depends on. `hard_freezes` names the freezes in force when it started.

    `is_by_person` tells that somebody reported the deploy from a browser, without a token.
    """

    run: RunState
    pipeline_state: str
    requires: Sequence[str]
    covers_target: bool
    is_own_token: bool
    hard_freezes: Sequence[str]
    now: datetime
    is_by_person: bool = False


@dataclass(frozen=True, slots=True)
class VerdictReached:
    """The verdict, the rule that gave it, why, and every check."""

    decision: Decision
    checks: list[Check] = field(default_factory=list)

    @property
    def result(self) -> str:
        """`exempt`, `unproven` or `pending`."""
        return self.decision.outcome

    @property
    def missing(self) -> list[Check]:
        """The required checks that have not passed."""
        return [check for check in self.checks if check.required and not check.passed]


# --- What counts as proof: each returns (passed or None, what was found) ---------------------------------------------

Finding = tuple[bool | None, str]


def reviewed_commits(facts: DeployFacts) -> Finding:
    """Every commit was reviewed by somebody other than its author, and the deployed one is among them.

    Addresses are compared without case, spaces, invisible characters, a name around them and a `+tag`, so that nobody
    reviews themselves under another spelling. Letters that only look alike, and two addresses of one person, are not
    seen through: who may review is for the tool where the review took place.
    """
    commits = facts.run.commits
    if not commits:
        return None, "No commits were sent."
    for commit in commits:
        author = mailbox(commit.get("author", ""))
        if not author:
            return False, f"{commit['sha'][:7]} names no author, so nobody can tell whether somebody else reviewed it."
        if not {mailbox(reviewer) for reviewer in commit.get("reviewed_by", [])} - {author, ""}:
            return False, f"{commit['sha'][:7]} was reviewed by nobody but its author."
    sha = facts.run.sha
    if sha and not any(_same_sha(sha, commit["sha"]) for commit in commits):
        return False, f"The deployed commit {sha[:7]} is not among those that were reviewed."
    return True, f"{_count(len(commits), 'commit')}, each reviewed by someone other than its author"


def tests(facts: DeployFacts) -> Finding:
    """The tests ran on the commit that was deployed, at least one passed and none failed."""
    report = facts.run.evidence.get("tests")
    if not report:
        return None, "No test report was sent."
    passed, failed, sha = report.get("passed", 0), report.get("failed", 0), report.get("sha", "")
    if failed or not passed:
        return False, f"{passed} passed, {failed} failed."
    if not sha or not facts.run.sha:
        return False, "The report or the deploy does not name its commit, so they cannot be tied together."
    if not _same_sha(sha, facts.run.sha):
        return False, f"The tests ran at {sha[:7]}, but {facts.run.sha[:7]} was deployed."
    return True, f"{passed} passed at {sha[:7]}"


def artifact(facts: DeployFacts) -> Finding:
    """What was deployed is named by its digest."""
    digest = facts.run.artifact_digest
    if not digest:
        return None, "No artefact digest was sent."
    if not _DIGEST.match(digest):
        return False, f"“{digest[:20]}” is no digest. Send it as sha256:<hex>."
    return True, f"Deployed {digest[:15]}…"


def smoke_test(facts: DeployFacts) -> Finding:
    """After the deploy somebody looked whether it works. A deploy that did not stay needs no smoke test."""
    run = facts.run
    report = run.evidence.get("smoke_test")
    if run.is_over and run.outcome != Outcome.SUCCEEDED:
        return True, "Not needed: the deploy did not stay."
    if not report:
        return None, "No smoke test result was sent."
    if report.get("status") != "passed":
        return False, "The smoke test failed."
    at = report.get("at")
    if at and run.started_at and datetime.fromisoformat(at) < run.started_at:
        return False, "The smoke test ran before the deploy began."
    return True, "Passed"


def rollback(facts: DeployFacts) -> Finding:
    """There is a way back that is ready."""
    report = facts.run.evidence.get("rollback")
    if not report:
        return None, "No rollback was described."
    if not report.get("ready"):
        return False, "The rollback is not ready."
    return True, " to ".join(part for part in (report.get("plan"), report.get("target")) if part) or "Ready"


def no_freeze(facts: DeployFacts) -> Finding:
    """No hard freeze was in force when the deploy started."""
    if facts.hard_freezes:
        return False, f"It started during the freeze “{facts.hard_freezes[0]}”."
    return True, "No hard freeze was in force"


CHECKS: dict[str, Callable[[DeployFacts], Finding]] = {
    "reviewed_commits": reviewed_commits,
    "tests": tests,
    "artifact": artifact,
    "smoke_test": smoke_test,
    "rollback": rollback,
    "no_freeze": no_freeze,
}
"""Every check that a pipeline can be made to pass, by the name that it is registered with."""


def run_checks(facts: DeployFacts) -> list[Check]:
    """The required checks, and the others as far as something was sent for them."""
    checks = []
    for name, rule in CHECKS.items():
        required = name in facts.requires
        passed, detail = rule(facts)
        if not required and passed is None:
            continue
        if passed is None and not _may_still_come(name, facts):
            passed = False
        checks.append(Check(name, required, passed, detail))
    return checks


def _may_still_come(check: str, facts: DeployFacts) -> bool:
    run = facts.run
    if not run.is_over:
        return True
    finished = run.finished_at or facts.now
    return check == "smoke_test" and facts.now < finished + SMOKE_TEST_WITHIN


# --- The verdict: the first rule that answers decides ----------------------------------------------------------------


def unregistered_pipeline_unproven(facts: DeployFacts, checks: list[Check]) -> Decision | None:
    """Evidence counts only from a pipeline that people registered."""
    if facts.pipeline_state != "unregistered":
        return None
    return _unproven("unregistered_pipeline_unproven", "Nobody has registered this pipeline.")


def unconfirmed_pipeline_unproven(facts: DeployFacts, checks: list[Check]) -> Decision | None:
    """A second person must have confirmed what the pipeline has to prove."""
    if facts.pipeline_state != "proposed":
        return None
    return _unproven("unconfirmed_pipeline_unproven", "No second person has confirmed this pipeline.")


def suspended_pipeline_unproven(facts: DeployFacts, checks: list[Check]) -> Decision | None:
    """A suspended pipeline is trusted again only after two people reinstated it."""
    if facts.pipeline_state != "suspended":
        return None
    return _unproven("suspended_pipeline_unproven", "This pipeline is suspended.")


def foreign_target_unproven(facts: DeployFacts, checks: list[Check]) -> Decision | None:
    """A pipeline is trusted only for the services and environments that it was registered for."""
    if facts.covers_target:
        return None
    return _unproven("foreign_target_unproven", "This pipeline is not registered for this service and environment.")


def person_logged_unproven(facts: DeployFacts, checks: list[Check]) -> Decision | None:
    """A deploy that a person reported from a browser is kept, but only a pipeline with its token can prove one."""
    if not facts.is_by_person:
        return None
    return _unproven("person_logged_unproven", "A person reported this without a token, so no pipeline vouches for it.")


def foreign_token_unproven(facts: DeployFacts, checks: list[Check]) -> Decision | None:
    """A pipeline that is bound to a token is trusted only when that token speaks."""
    if facts.is_own_token:
        return None
    return _unproven("foreign_token_unproven", "Another token than the pipeline's own logged this.")


def failed_check_unproven(facts: DeployFacts, checks: list[Check]) -> Decision | None:
    """A required check that failed, or whose proof did not come in time, needs a person."""
    failed = [check for check in checks if check.required and check.passed is False]
    if not failed:
        return None
    return _unproven("failed_check_unproven", failed[0].detail)


def awaited_proof_pending(facts: DeployFacts, checks: list[Check]) -> Decision | None:
    """Proof that can still come is waited for."""
    awaited = [check for check in checks if check.required and check.passed is None]
    if not awaited:
        return None
    names = ", ".join(check.check.replace("_", " ") for check in awaited)
    return Decision("awaited_proof_pending", Verdict.PENDING, f"Still to come: {names}.")


def pipeline_deploy_exempt(facts: DeployFacts, checks: list[Check]) -> Decision | None:
    """A deploy by a trusted pipeline that proved everything it must prove needs no approval."""
    required = sum(check.required for check in checks)
    return Decision("pipeline_deploy_exempt", Verdict.EXEMPT, f"{required} of {required} checks passed.")


VERDICT_RULES = (
    unregistered_pipeline_unproven,
    unconfirmed_pipeline_unproven,
    suspended_pipeline_unproven,
    foreign_target_unproven,
    person_logged_unproven,
    foreign_token_unproven,
    failed_check_unproven,
    awaited_proof_pending,
    pipeline_deploy_exempt,
)


def judge_deploy(facts: DeployFacts) -> VerdictReached:
    """The verdict on a deploy: the first of VERDICT_RULES that answers; the last one always does."""
    checks = run_checks(facts)
    for rule in VERDICT_RULES:
        decision = rule(facts, checks)
        if decision is not None:
            return VerdictReached(decision, checks)
    raise AssertionError("the last rule always answers")


def state_of_deploy(run: RunState, verdict: str) -> str:
    """Where a deploy stands: in progress, finished while somebody must look at it, else closed."""
    if not run.is_over:
        return State.IN_PROGRESS
    is_done = run.outcome == Outcome.SUCCEEDED and verdict == Verdict.EXEMPT
    return State.CLOSED if is_done else State.FINISHED


def patience_with(usual_longest: timedelta) -> timedelta:
    """How long a run may go on without a word; never longer than any run is believed to take."""
    return min(max(SILENT_AFTER, 2 * usual_longest), LONGEST_RUN)


def deploy_review_due(run: RunState, verdict: str, *, is_drawn: bool, now: datetime) -> datetime | None:
    """Until when somebody else must look back at a deploy: a day, a week for one of 20 exempt ones, else never."""
    if not run.is_over:
        return None
    ended = min(run.finished_at or now, now)
    if state_of_deploy(run, verdict) == State.FINISHED:
        return ended + REVIEW_WITHIN
    return ended + DRAWN_WITHIN if is_drawn else None


def silent_run_unknown(*, started_at: datetime, usual_longest: timedelta, now: datetime) -> Decision:
    """A run that did not end within max(2 h, 2 × the 95th percentile of its pipeline) has an unknown outcome.

    Seven days are the most that are waited.
    """
    patience = patience_with(usual_longest)
    if now < started_at + patience:
        return Decision("silent_run_unknown", "waiting", f"It may take until {started_at + patience:%H:%M}.")
    return Decision("silent_run_unknown", Outcome.UNKNOWN, "No end was reported in the time that its runs take.")


def late_proof_counts(*, finished_at: datetime, now: datetime) -> Decision:
    """Proof that comes within 24 hours of the finish can change the verdict; later it is only kept."""
    is_open = now < finished_at + PROOF_WITHIN
    because = "The 24 hours for late proof are open." if is_open else "The 24 hours for late proof are over."
    return Decision("late_proof_counts", "counts" if is_open else "kept", because)


# --- Pipelines -------------------------------------------------------------------------------------------------------


def pipeline_confirmed_by_another(*, registered_by: str, confirmer: str) -> Decision:
    """Who registered a pipeline, or last changed what it must prove, cannot confirm it. Nobody is excepted.

    Both are mailboxes, so that a second account of the same person confirms nothing either.
    """
    if registered_by == confirmer:
        return Decision("four_eyes", "refused", "You registered this pipeline, so somebody else must confirm it.")
    return Decision("four_eyes", "allowed", "Another person than the one who registered it.")


def known_checks(requires: Sequence[str]) -> Decision:
    """A pipeline must prove at least one thing, and only things that Decklog can check."""
    unknown = [name for name in requires if name not in CHECKS]
    if unknown:
        return Decision("known_checks", "refused", f"“{unknown[0]}” is no check. Choose from {', '.join(CHECKS)}.")
    if not requires:
        return Decision(
            "known_checks", "refused", "A pipeline that must prove nothing cannot be trusted. Choose a check."
        )
    return Decision("known_checks", "allowed", "Every check is known.")


def _unproven(rule: str, because: str) -> Decision:
    return Decision(rule, Verdict.UNPROVEN, because)


def _same_sha(one: str, other: str) -> bool:
    shorter, longer = sorted((one.casefold(), other.casefold()), key=len)
    return shorter == longer or (len(shorter) >= 7 and longer.startswith(shorter))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
