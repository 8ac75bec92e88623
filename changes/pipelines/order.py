"""From what a pipeline sent to what happened, whatever order it arrived in. Pure.

A run is described by any number of events: started, a terminal status, late evidence; repeated, reordered, partly
missing. `fold` puts them into one canonical order and reads the outcome off it, so two histories with the same events
give the same run. The order is: a terminal status after `started`; then the sender's `sequence`; then the time it says
it happened; then a digest, so that even ties are settled alike everywhere.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson

from changes.states import Outcome

Event = dict[str, Any]
"""One message in the words of the API: only the fields that were sent, plus `received_at` and `by`, the actor."""

STARTED = "started"
OUTCOMES: dict[str, str] = {
    "succeeded": Outcome.SUCCEEDED,
    "failed": Outcome.FAILED,
    "rolled_back": Outcome.ROLLED_BACK,
    "cancelled": Outcome.NOT_DONE,
}
"""The terminal statuses that a pipeline may send and the outcome each means."""
SKEW = timedelta(minutes=5)
"""How far the time of an event and its arrival may be apart before the run is flagged."""
CLOCK_SKEW, TERMINAL_CONFLICT = "clock_skew", "terminal_conflict"
MAX_EVENTS = 200
_OURS = frozenset({"received_at", "backfill", "by"})
_LATEST = (
    *("title", "version", "sha", "previous_sha", "artifact_digest", "run_url", "public_note"),
    *("customer_impacting", "tickets", "commits"),
)


@dataclass(slots=True)
class RunState:
    """What the events amount to. `outcome` is empty while the run goes on; times are aware datetimes or None."""

    status: str = STARTED
    outcome: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    flags: list[str] = field(default_factory=list)
    evidence: dict[str, Any] = field(default_factory=dict)
    title: str = ""
    version: str = ""
    sha: str = ""
    previous_sha: str = ""
    artifact_digest: str = ""
    run_url: str = ""
    public_note: str = ""
    customer_impacting: bool = False
    tickets: list[str] = field(default_factory=list)
    commits: list[dict[str, Any]] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        """Whether a terminal status is known."""
        return bool(self.outcome)


def fingerprint(event: Event) -> str:
    """A digest of what was said, without when it arrived: two events with the same one say the same."""
    said = {name: value for name, value in event.items() if name not in _OURS}
    return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()


def occurred_at(event: Event) -> datetime:
    """When the event says it happened: the finish of a terminal one, else the start, else its arrival."""
    names = ("finished_at", "started_at") if event.get("status") in OUTCOMES else ("started_at", "finished_at")
    text = next((event[name] for name in names if event.get(name)), event["received_at"])
    return datetime.fromisoformat(text)


def began_at(event: Event) -> datetime:
    """When the deploy began, as far as this event tells."""
    text: str = event.get("started_at") or event.get("finished_at") or event["received_at"]
    return datetime.fromisoformat(text)


def fold(events: Iterable[Event]) -> RunState:
    """The state that `events`, in any order and with repetitions, amount to."""
    ordered = sorted(events, key=_place) if not isinstance(events, list) or len(events) > 1 else events
    run = RunState()
    terminal = set()
    for event in ordered:
        status = event.get("status", "")
        if status:
            run.status = status
        if status in OUTCOMES:
            terminal.add(status)
            run.outcome = OUTCOMES[status]
        _take_latest(run, event)
        if status and _is_skewed(event) and CLOCK_SKEW not in run.flags:
            run.flags.append(CLOCK_SKEW)
    if len(terminal) > 1:
        run.flags.append(TERMINAL_CONFLICT)
    return run


def _place(event: Event) -> tuple[int, int, datetime, str]:
    status = event.get("status")
    phase = 0 if status == STARTED else 1 if status else 2
    sequence = event.get("sequence")
    return phase, -1 if sequence is None else sequence, occurred_at(event), fingerprint(event)


def _take_latest(run: RunState, event: Event) -> None:
    for name in _LATEST:
        if name in event:
            setattr(run, name, event[name])
    if "evidence" in event:
        run.evidence = {**run.evidence, **event["evidence"]}
    started, finished = event.get("started_at"), event.get("finished_at")
    if started:
        moment = datetime.fromisoformat(started)
        run.started_at = min(run.started_at, moment) if run.started_at else moment
    if finished and event.get("status") in OUTCOMES:
        run.finished_at = datetime.fromisoformat(finished)
    elif event.get("status") in OUTCOMES and run.finished_at is None:
        run.finished_at = occurred_at(event)


def _is_skewed(event: Event) -> bool:
    if event.get("backfill"):
        return False
    return abs(occurred_at(event) - datetime.fromisoformat(event["received_at"])) > SKEW
