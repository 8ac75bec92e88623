"""From a story to rows: each run is judged at every moment at which Decklog would have judged it. Pure.

The steps are those of `changes.pipelines.actions`; a test logs a run through the API and compares.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from changes import policy
from changes.pipelines.order import Event, occurred_at
from changes.pipelines.recording import Recorded, Target, Trust, record_run
from changes.states import Verdict
from demo.story import Telling
from workflow.ledger import SYSTEM, Happening


@dataclass(frozen=True, slots=True)
class Remembered:
    """A run as Decklog keeps it: its rows' values, the ledger's lines with the time of each, and the first verdict."""

    recorded: Recorded
    target: Target
    received_at: datetime
    entries: list[tuple[datetime, Happening]]
    unproven_at: datetime | None


def remember(telling: Telling, target: Target, trust: Trust, *, now: datetime) -> Remembered:
    """Judge the run at each message, and when its smoke test is overdue."""
    entries: list[tuple[datetime, Happening]] = []
    known: list[Event] = []
    recorded: Recorded | None = None
    before, unproven_at = "", None
    for moment, event in _moments(telling, now):
        if event is None and (recorded is None or recorded.run_values["proof_due_at"] is None):
            continue
        known = [*known, event] if event else known
        recorded = record_run(known, target=target, trust=trust, now=moment)
        verdict = recorded.reached.result
        is_first = not entries
        if event:
            entries.append((moment, _told(event, recorded, is_first=is_first)))
        if not is_first and verdict != before:
            entries.append((moment, _changed(recorded, before, moment)))
        if verdict == Verdict.UNPROVEN and before != verdict:
            unproven_at = moment
        before = verdict
    assert recorded
    return Remembered(recorded, target, telling.at, entries, unproven_at if before == Verdict.UNPROVEN else None)


def _moments(telling: Telling, now: datetime) -> Iterator[tuple[datetime, Event | None]]:
    """Each message when it arrives, and a look again once the smoke test may no longer come."""
    moments: list[tuple[datetime, Event | None]] = [
        (datetime.fromisoformat(event["received_at"]), event) for event in telling.events
    ]
    ends = [occurred_at(event) for event in telling.events if event.get("status", "started") != "started"]
    if ends and ends[0] + policy.SMOKE_TEST_WITHIN <= now:
        moments.append((ends[0] + policy.SMOKE_TEST_WITHIN + timedelta(seconds=30), None))
    return iter(sorted(moments, key=lambda pair: pair[0]))


def _told(event: Event, recorded: Recorded, *, is_first: bool) -> Happening:
    names = ("status", "version", "sha", "sequence", "evidence", "backfill")
    said: dict[str, object] = {name: event[name] for name in names if name in event}
    decision = recorded.reached.decision
    if is_first:
        said |= {"verdict": decision.outcome, "because": decision.because}
    verb = "evidence" if "status" not in event else "started" if event["status"] == "started" else "finished"
    return Happening(verb, event["by"], occurred_at(event).astimezone(UTC), said, decision.rule if is_first else "")


def _changed(recorded: Recorded, before: str, at: datetime) -> Happening:
    decision = recorded.reached.decision
    facts: dict[str, object] = {"verdict": decision.outcome, "before": before, "because": decision.because}
    return Happening("verdict", SYSTEM, at, facts, decision.rule)


def change_columns(remembered: Remembered) -> dict[str, Any]:
    """The columns of the change."""
    return {**remembered.recorded.change_values, "created_at": remembered.received_at}


def run_columns(remembered: Remembered) -> dict[str, Any]:
    """The columns of the run, but for the id of its change."""
    return {**remembered.recorded.run_values, "received_at": remembered.received_at}
