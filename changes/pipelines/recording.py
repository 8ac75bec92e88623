"""From a run's events to the rows that show it. Pure: it builds values, and writes nothing.

Both ways in use it, the one statement for a new run and the update of a known one, and whoever rebuilds history.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from changes import policy
from changes.pipelines.order import Event, RunState, fold
from changes.search import words
from changes.states import Authorization, Origin, Type, Verdict


@dataclass(frozen=True, slots=True)
class Target:
    """Which run it is: ids for the rows, slugs for words."""

    service_id: int
    team_id: int
    environment_id: int
    pipeline_id: int
    registered_by_id: int | None
    service: str
    environment: str
    pipeline: str
    run_id: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Trust:
    """What the pipeline is trusted with, as far as it matters for one run; `token_id` is the token it is bound to."""

    pipeline_state: str
    requires: Sequence[str]
    covers_target: bool
    token_id: int | None
    hard_freezes: Sequence[str]


@dataclass(frozen=True, slots=True)
class Recorded:
    """A run as it stands: what happened, the verdict, and the column values of its two rows."""

    run: RunState
    reached: policy.VerdictReached
    change_values: dict[str, Any]
    run_values: dict[str, Any]


def record_run(events: list[Event], *, target: Target, trust: Trust, now: datetime) -> Recorded:
    """Judge `events` and lay out the rows; keys are column names, and `state` is what the policy says it should be."""
    run = fold(events)
    reached = policy.judge_deploy(
        policy.DeployFacts(
            run=run,
            pipeline_state=trust.pipeline_state,
            requires=trust.requires,
            covers_target=trust.covers_target,
            is_own_token=trust.token_id is None or all(event["by"] == f"token:{trust.token_id}" for event in events),
            hard_freezes=trust.hard_freezes,
            now=now,
            is_by_person=any("status" in event and event["by"].startswith("user:") for event in events),
        )
    )
    change_values = _change_values(run, reached, target, now) | {
        "review_due_at": policy.deploy_review_due(run, reached.result, is_drawn=_is_drawn(target, events), now=now)
    }
    return Recorded(run, reached, change_values, _run_values(run, reached, target, events))


def _is_drawn(target: Target, events: list[Event]) -> bool:
    """Whether the run is one of those that are looked at whatever they proved; what is only backfilled never is."""
    if any("backfill" in event for event in events):
        return False
    key = f"{target.pipeline}\n{target.run_id}\n{target.attempt}\n{target.service}\n{target.environment}"
    return zlib.crc32(key.encode()) % policy.DRAWN_ONE_IN == 0


def _change_values(run: RunState, reached: policy.VerdictReached, target: Target, now: datetime) -> dict[str, Any]:
    title = run.title or " ".join(part for part in (target.service, run.version, "to", target.environment) if part)
    return {
        "type": Type.STANDARD.value,
        "origin": Origin.PIPELINE.value,
        "authorization": Authorization.AUTO_EXEMPT.value,
        "state": str(policy.state_of_deploy(run, reached.result)),
        "outcome": str(run.outcome),
        "verdict": str(reached.result),
        "verdict_rule": reached.decision.rule,
        "policy_version": policy.POLICY_VERSION,
        "title": title,
        "service_id": target.service_id,
        "environment_id": target.environment_id,
        "pipeline_id": target.pipeline_id,
        "customer_impacting": run.customer_impacting,
        "public_note": run.public_note,
        "version": run.version,
        "sha": run.sha,
        "flags": " ".join(run.flags),
        "at": min(run.began_at or now, now),
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "search_text": words(title, target.service, target.pipeline, target.run_id, run.version, run.sha, *run.tickets),
        "updated_at": now,
    }


def _run_values(run: RunState, reached: policy.VerdictReached, target: Target, events: list[Event]) -> dict[str, Any]:
    return {
        "pipeline_id": target.pipeline_id,
        "run_id": target.run_id,
        "attempt": target.attempt,
        "service_id": target.service_id,
        "environment_id": target.environment_id,
        "status": run.status,
        "previous_sha": run.previous_sha,
        "artifact_digest": run.artifact_digest,
        "run_url": run.run_url,
        "tickets": run.tickets,
        "events": events,
        "checks": [check.as_json() for check in reached.checks],
        "proof_due_at": _settled_at(run, reached),
    }


def _settled_at(run: RunState, reached: policy.VerdictReached) -> datetime | None:
    """When somebody must look again although nothing arrived: the run went silent, or the smoke test did not come."""
    if not run.is_over and run.started_at:
        return run.started_at + policy.SILENT_AFTER
    if reached.result == Verdict.PENDING and run.finished_at:
        return run.finished_at + policy.SMOKE_TEST_WITHIN
    return None
