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
LONGEST_RUN = timedelta(days=7)
"""No deploy begins longer than this before it ends. An older start is kept as it was sent, flagged, and believed in
nothing: neither where the deploy stands among the others nor which freeze it began in."""
CLOCK_SKEW, START_TOO_EARLY, TERMINAL_CONFLICT = "clock_skew", "start_too_early", "terminal_conflict"
MAX_EVENTS, MAX_EVENTS_BYTES = 200, 2 * 1024 * 1024
"""How much one run may tell: messages, and bytes of all of them together. One message is at most 1 MiB."""
_OURS = frozenset({"received_at", "backfill", "by"})
_LATEST = (
    *("title", "version", "sha", "previous_sha", "artifact_digest", "run_url", "public_note"),
    *("customer_impacting", "tickets", "commits"),
)


@dataclass(slots=True)
class RunState:
    """What the events amount to. `outcome` is empty while the run goes on; times are aware datetimes or None.

    No time lies further in the future than SKEW after its message arrived, whatever the sender's clock says: a finish
    in 2099 would keep everybody waiting for proof until then. `heard_at` is the first arrival of a message about its
    progress.
    """

    status: str = STARTED
    outcome: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    heard_at: datetime | None = None
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

    @property
    def began_at(self) -> datetime | None:
        """When it began, as far as that can be believed: else its end or its first arrival, whichever was first."""
        return _believable(self.started_at, self.finished_at, self.heard_at)


def fingerprint(event: Event) -> str:
    """A digest of what was said, without when it arrived: two events with the same one say the same."""
    said = {name: value for name, value in event.items() if name not in _OURS}
    return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()


def size_of(event: Event) -> int:
    """The bytes that an event takes where it is kept."""
    return len(orjson.dumps(event))


def occurred_at(event: Event) -> datetime:
    """When the event says it happened: the finish of a terminal one, else the start, else its arrival."""
    names = ("finished_at", "started_at") if event.get("status") in OUTCOMES else ("started_at", "finished_at")
    text = next((event[name] for name in names if event.get(name)), event["received_at"])
    return datetime.fromisoformat(text)


def began_at(event: Event) -> datetime:
    """When the deploy began, as far as this event tells and can be believed."""
    received = datetime.fromisoformat(event["received_at"])
    heard = None if event.get("backfill") else received
    return _believable(_told(event, "started_at"), _told(event, "finished_at"), heard) or received


def _told(event: Event, name: str) -> datetime | None:
    """A time that the event names, but not from the future."""
    text = event.get(name)
    return min(datetime.fromisoformat(text), datetime.fromisoformat(event["received_at"]) + SKEW) if text else None


def _believable(start: datetime | None, *later: datetime | None) -> datetime | None:
    known = [moment for moment in later if moment is not None]
    before = min(known) if known else start
    return before if start is None or before is None or before - start > LONGEST_RUN else start


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
    if run.started_at and run.began_at != run.started_at:
        run.flags.append(START_TOO_EARLY)
    if len(terminal) > 1:
        run.flags.append(TERMINAL_CONFLICT)
    return run


def _place(event: Event) -> tuple[int, int, datetime, str, str]:
    status = event.get("status")
    phase = 0 if status == STARTED else 1 if status else 2
    sequence = event.get("sequence")
    return phase, -1 if sequence is None else sequence, occurred_at(event), fingerprint(event), event["received_at"]


def _take_latest(run: RunState, event: Event) -> None:
    for name in _LATEST:
        if name in event:
            setattr(run, name, event[name])
    if "evidence" in event:
        run.evidence = {**run.evidence, **event["evidence"]}
    if "status" not in event:
        return
    started, finished = _told(event, "started_at"), _told(event, "finished_at")
    if started:
        run.started_at = min(run.started_at, started) if run.started_at else started
    if event["status"] in OUTCOMES and (finished or run.finished_at is None):
        run.finished_at = finished or started
    if not event.get("backfill"):
        received = datetime.fromisoformat(event["received_at"])
        run.heard_at = min(run.heard_at, received) if run.heard_at else received


def _is_skewed(event: Event) -> bool:
    if event.get("backfill"):
        return False
    return abs(occurred_at(event) - datetime.fromisoformat(event["received_at"])) > SKEW
