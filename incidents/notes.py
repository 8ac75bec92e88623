"""What people write on the timeline. A revision and a removal are entries of their own; nothing is overwritten."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts.callers import Caller
from incidents import policy
from incidents.models import Incident
from incidents.record import taken
from workflow.decisions import require
from workflow.errors import Conflict, Missing, Unprocessable
from workflow.ledger import Happening, entries_about, record
from workflow.models import Entry

LONGEST = 10_000
REVISED, REMOVED = "note_revised", "note_removed"
AMENDING = (REVISED, REMOVED)
"""The verbs of entries that say something about an earlier one, whose id is in their `entry`."""


@dataclass
class Line:
    """An entry of the timeline with what was said about it later, oldest first; `tombstone` is its removal."""

    entry: Entry
    revisions: list[Entry] = field(default_factory=list)
    tombstone: Entry | None = None

    @property
    def entries(self) -> list[Entry]:
        """All entries that it is made of."""
        return [self.entry, *self.revisions, *([self.tombstone] if self.tombstone else [])]

    @property
    def text(self) -> str | None:
        """What a note says now; None for one that was removed, and for what Decklog wrote."""
        if self.tombstone is not None or self.entry.verb != "note":
            return None
        return str((self.revisions[-1] if self.revisions else self.entry).data.get("text", ""))


def folded(entries: Sequence[Entry], amending: Sequence[Entry]) -> list[Line]:
    """The lines of these entries, in their order, with what `amending` says about them."""
    lines = {entry.pk: Line(entry) for entry in entries if entry.verb not in AMENDING}
    for entry in sorted(amending, key=lambda one: one.pk):
        line = lines.get(int(entry.data.get("entry", 0)))
        if line is None:
            continue
        if entry.verb == REMOVED:
            line.tombstone = entry
        else:
            line.revisions.append(entry)
    return list(lines.values())


@transaction.atomic
def add_note(ref: str, text: str, *, by: Caller, occurred_at: datetime | None = None) -> Entry:
    """Write down what happened, now or earlier.

    Raises Missing, Unprocessable("required"), Unprocessable("none_in_the_future").
    """
    now, incident = timezone.now(), taken(ref, by=by)
    _require_text(text)
    if occurred_at is not None and occurred_at > now:
        raise Unprocessable("none_in_the_future", "This is still to come. Write when it was.", field="occurred_at")
    return record(incident.ref, Happening("note", by.actor, occurred_at or now, {"text": text.strip()}), at=now)


@transaction.atomic
def revise_note(ref: str, pk: int, text: str, *, by: Caller, reason: str) -> Line:
    """Put another text in the place of a note's; both stay readable.

    Raises Missing, Unprocessable("required"), Conflict("note_can_change").
    """
    now, incident = timezone.now(), taken(ref, by=by)
    line = _changeable(incident, pk)
    _require_text(text)
    _require_reason(reason)
    facts: Mapping[str, object] = {"entry": pk, "text": text.strip(), "before": line.text, "reason": reason.strip()}
    line.revisions.append(record(incident.ref, Happening(REVISED, by.actor, now, dict(facts)), at=now))
    return line


@transaction.atomic
def remove_note(ref: str, pk: int, *, by: Caller, reason: str) -> Line:
    """Take a note from the timeline; a stone stays in its place, and the ledger keeps what it said.

    Raises Missing, Unprocessable("required") without a reason, Conflict("note_can_change").
    """
    now, incident = timezone.now(), taken(ref, by=by)
    line = _changeable(incident, pk)
    _require_reason(reason)
    facts: dict[str, object] = {"entry": pk, "reason": reason.strip()}
    line.tombstone = record(incident.ref, Happening(REMOVED, by.actor, now, facts), at=now)
    return line


def _changeable(incident: Incident, pk: int) -> Line:
    # By the incident and the id together: an id alone would reach the timeline of another one.
    entry = entries_about(incident.ref).filter(pk=pk).first()
    if entry is None or entry.verb in AMENDING:
        raise Missing("not_found", f"The timeline of {incident.ref} has no entry {pk}.")
    (line,) = folded([entry], amending_of(incident))
    decision = policy.note_can_change(verb=entry.verb, is_removed=line.tombstone is not None)
    require(decision, Conflict)
    return line


def amending_of(incident: Incident, *, as_known_at: datetime | None = None) -> list[Entry]:
    """Every revision and removal on its timeline, in the order in which they were written."""
    rows = entries_about(incident.ref).filter(verb__in=AMENDING)
    if as_known_at is not None:
        rows = rows.filter(recorded_at__lte=as_known_at)
    return list(rows.order_by("pk"))


def lines_of(incident: Incident) -> list[Line]:
    """The notes on its timeline with what was said about them later."""
    return folded(list(entries_about(incident.ref).filter(verb="note")), amending_of(incident))


def _require_text(text: str) -> None:
    if not text.strip():
        raise Unprocessable("required", "Write what happened.", field="text")
    if len(text) > LONGEST:
        raise Unprocessable("too_long", f"Use at most {LONGEST:,} characters.", field="text")


def _require_reason(reason: str) -> None:
    if not reason.strip():
        raise Unprocessable("required", "Say why.", field="reason")
