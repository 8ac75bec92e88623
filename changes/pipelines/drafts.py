"""A run that is about to be kept for the first time: its three rows, and what its entry in the ledger says. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime

from changes.models import REF_PREFIX, Change
from changes.pipelines.models import Run
from changes.pipelines.order import Event, occurred_at
from changes.pipelines.recording import Recorded, Target, Trust, record_run
from changes.states import Verdict
from workflow.ledger import Happening, new_entry
from workflow.statements import FromParent, NewRow


@dataclass(frozen=True, slots=True)
class Draft:
    """A new run as it will be written, and what its pipeline is warned about."""

    recorded: Recorded
    target: Target
    change: NewRow
    run: NewRow
    entry: NewRow
    warnings: list[str]
    is_quiet: bool

    @property
    def needs_proof(self) -> bool:
        """Whether somebody must be asked for what is missing."""
        return self.recorded.reached.result == Verdict.UNPROVEN and not self.is_quiet


def draft_run(event: Event, *, target: Target, trust: Trust, warnings: list[str]) -> Draft:
    """Judge the first message about a run when it arrives, and lay out what is kept of it."""
    now = datetime.fromisoformat(event["received_at"])
    recorded = record_run([event], target=target, trust=trust, now=now)
    # Nearly no deploy owes a review, and a column less is a cheaper statement.
    owed = {name: value for name, value in recorded.change_values.items() if name != "review_due_at" or value}
    change = NewRow(Change, {**owed, "created_at": now})
    run = NewRow(Run, {"change_id": FromParent(), **recorded.run_values, "received_at": now})
    entry = new_entry(FromParent(REF_PREFIX), happening_of(event, recorded, with_verdict=True), at=now)
    return Draft(recorded, target, change, run, entry, warnings, is_quiet="backfill" in event)


def happening_of(event: Event, recorded: Recorded, *, with_verdict: bool) -> Happening:
    """What the ledger says about a message, and about the verdict if it is the first."""
    names = ("status", "version", "sha", "sequence", "evidence", "backfill")
    said: dict[str, object] = {name: event[name] for name in names if name in event}
    decision = recorded.reached.decision
    if with_verdict:
        said |= {"verdict": decision.outcome, "because": decision.because}
    verb = "evidence" if "status" not in event else "started" if event["status"] == "started" else "finished"
    moment = occurred_at(event).astimezone(UTC)
    return Happening(verb, event["by"], moment, said, decision.rule if with_verdict else "")
