"""The ledger: append, read a timeline, seal, verify.

Entries are never changed; an edit is a new entry, and so is a deletion. `seal_batch` runs after the commit, in its
own transaction, and never blocks a writer. `verify` recomputes every seal and names the first row that differs.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import orjson
from django.db import transaction
from django.db.models import Q, QuerySet

from workflow.models import Entry, Seal
from workflow.statements import FromParent, NewRow

SYSTEM = "system"
"""The actor of what Decklog does by itself."""
SETTLING = timedelta(seconds=10)
"""How old an entry must be before it is sealed, so that slower transactions with lower ids have committed."""
BATCH = 5_000
SHOWN = 500
"""How many entries of a timeline are shown."""
LATE_WINDOW = 50
"""How many recent seals are looked at again for entries that were committed into one of their gaps afterwards."""


@dataclass(frozen=True, slots=True)
class Happening:
    """What an entry will say; see workflow.models.Entry for the meaning of each part."""

    verb: str
    actor: str
    occurred_at: datetime
    data: dict[str, object]
    rule: str = ""


def record(subject: str, happening: Happening, *, at: datetime) -> Entry:
    """Append an entry about `subject`, recorded `at`, in the caller's transaction."""
    return Entry.objects.create(
        subject=subject,
        verb=happening.verb,
        actor=happening.actor,
        occurred_at=happening.occurred_at,
        recorded_at=at,
        data=happening.data,
        rule=happening.rule,
    )


def record_all(subject: str, happenings: Sequence[Happening], *, at: datetime) -> None:
    """Append several entries about `subject` at once, in the caller's transaction."""
    Entry.objects.bulk_create(
        Entry(
            subject=subject,
            verb=happening.verb,
            actor=happening.actor,
            occurred_at=happening.occurred_at,
            recorded_at=at,
            data=happening.data,
            rule=happening.rule,
        )
        for happening in happenings
    )


def new_entry(subject: str | FromParent, happening: Happening, *, at: datetime) -> NewRow:
    """The row that `record` would append, to be written in the same statement as what it is about."""
    values: dict[str, object] = {
        "subject": subject,
        "verb": happening.verb,
        "actor": happening.actor,
        "occurred_at": happening.occurred_at,
        "recorded_at": at,
        "data": happening.data,
        "rule": happening.rule,
    }
    return NewRow(Entry, values)


def entries_about(subject: str) -> QuerySet[Entry]:
    """Everything recorded about `subject`, in no order."""
    return Entry.objects.filter(subject=subject).order_by()


def timeline(subject: str) -> list[Entry]:
    """Everything recorded about `subject`, newest first, at most SHOWN entries."""
    return list(entries_about(subject).order_by("-occurred_at", "-id")[:SHOWN])


# --- Seals ---------------------------------------------------------------------------------------------------------


def canonical(entry: Entry) -> bytes:
    """An entry as it is hashed: one line of JSON in UTF-8 with sorted keys, times in UTC with microseconds."""
    said = {
        "id": entry.pk,
        "subject": entry.subject,
        "verb": entry.verb,
        "actor": entry.actor,
        "occurred_at": _moment(entry.occurred_at),
        "recorded_at": _moment(entry.recorded_at),
        "data": entry.data,
        "rule": entry.rule,
    }
    return orjson.dumps(said, option=orjson.OPT_SORT_KEYS)


def leaf(entry: Entry) -> str:
    """The SHA-256 of an entry in canonical form, as a leaf after RFC 6962."""
    return hashlib.sha256(b"\x00" + canonical(entry)).hexdigest()


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def merkle_root(leaves: Sequence[str]) -> str:
    """The root over hex digests in order, after RFC 6962: 0x00 before leaves, 0x01 before nodes; an odd one rises."""
    level = list(leaves)
    if not level:
        return hashlib.sha256(b"").hexdigest()
    while len(level) > 1:
        paired = [
            hashlib.sha256(b"\x01" + bytes.fromhex(left) + bytes.fromhex(right)).hexdigest()
            for left, right in zip(level[::2], level[1::2], strict=False)
        ]
        level = paired + level[len(paired) * 2 :]
    return level[0]


def seal_digest(seal: Seal) -> str:
    """The SHA-256 of a seal's own facts and the seal before it: what the next seal and the public pages show."""
    facts = [seal.previous, seal.first_id, seal.last_id, seal.absent, seal.late_ids, seal.root]
    return hashlib.sha256(orjson.dumps(facts)).hexdigest()


@transaction.atomic
def seal_batch(*, now: datetime) -> Seal | None:
    """Seal the entries that settled since the last seal, at most BATCH of them; None when there are none.

    Two runs at once are harmless: a seal has one successor (`previous` is unique), so the slower run raises
    IntegrityError and the next one continues.
    """
    last = Seal.objects.order_by("-id").first()
    start = last.last_id + 1 if last else 1
    fresh = list(Entry.objects.filter(pk__gte=start, recorded_at__lte=now - SETTLING).order_by("id")[:BATCH])
    late = _late_entries()
    if not fresh and not late:
        return None
    end = fresh[-1].pk if fresh else start - 1
    seal = Seal(
        first_id=start,
        last_id=end,
        absent=gaps([entry.pk for entry in fresh], start),
        late_ids=[entry.pk for entry in late],
        root=merkle_root([leaf(entry) for entry in (*late, *fresh)]),
        previous=last.digest if last else "",
    )
    seal.digest = seal_digest(seal)
    seal.save(force_insert=True)
    return seal


def gaps(ids: Sequence[int], start: int) -> list[list[int]]:
    """The ranges [from, to] that are missing in ascending `ids`, counted from `start`."""
    found: list[list[int]] = []
    for pk in ids:
        if pk > start:
            found.append([start, pk - 1])
        start = pk + 1
    return found


def _late_entries() -> list[Entry]:
    recent = list(Seal.objects.order_by("-id")[:LATE_WINDOW])
    absent = [tuple(gap) for seal in recent for gap in seal.absent]
    if not absent:
        return []
    named = {pk for seal in recent for pk in seal.late_ids}
    inside = Q()
    for first, last in absent:
        inside |= Q(pk__range=(first, last))
    return list(Entry.objects.filter(inside).exclude(pk__in=named).order_by("id"))


# --- Verification --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with the ledger: where (`entry 17`, `seal 3`) and a sentence."""

    where: str
    because: str


def verify() -> Iterator[Fault]:
    """Recompute every seal from the entries and yield what differs, in order; nothing means that all is as sealed."""
    previous = ""
    named_late = {pk for ids in Seal.objects.values_list("late_ids", flat=True) for pk in ids}
    for seal in Seal.objects.order_by("id").iterator():
        if seal.previous != previous or seal_digest(seal) != seal.digest:
            yield Fault(f"seal {seal.pk}", "The chain is broken here: this seal or the one before it was changed.")
        previous = seal.digest
        yield from _verify_range(seal, named_late)


def _verify_range(seal: Seal, named_late: set[int]) -> Iterator[Fault]:
    absent = [range(first, last + 1) for first, last in seal.absent]
    inside = list(Entry.objects.filter(pk__range=(seal.first_id, seal.last_id)).order_by("id"))
    sealed = [entry for entry in inside if not any(entry.pk in gap for gap in absent)]
    for entry in inside:
        if entry.pk not in named_late and any(entry.pk in gap for gap in absent):
            yield Fault(f"entry {entry.pk}", "It was added into a range that had been sealed without it.")
    for first, last in gaps([*(e.pk for e in inside), seal.last_id + 1], seal.first_id):
        for pk in range(first, last + 1):
            if not any(pk in gap for gap in absent):
                yield Fault(f"entry {pk}", "It was sealed and is gone.")
    late = list(Entry.objects.filter(pk__in=seal.late_ids).order_by("id"))
    if merkle_root([leaf(entry) for entry in (*late, *sealed)]) != seal.root:
        yield Fault(
            f"entries {seal.first_id}–{seal.last_id}",
            "They do not give the root of their seal: at least one was changed, removed or added.",
        )
