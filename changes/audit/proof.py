"""The part of the ledger that a pack shows, with just enough of the rest to recompute its seals.

An entry about a change of the pack is given in full; of another entry under the same seal only its leaf hash is given,
so that the root can be recomputed and nothing foreign is shown.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import orjson

from changes.audit.cells import moment
from workflow.ledger import canonical, leaf
from workflow.models import Entry, Seal

CHUNK = 5_000
Beat = Callable[[], None]
"""Called every now and then by whoever does something long; raises when it should stop."""
Leaf = str | list[int | str]


@dataclass(frozen=True, slots=True)
class Proven:
    """What was written: the newest seal, if there is one, how many seals, and the ids of entries under no seal yet."""

    newest: Seal | None
    seals: int
    unsealed: list[int]


def write_proof(own: "array[int]", *, entries: BinaryIO, seals: BinaryIO, beat: Beat) -> Proven:
    """Write the entries with the ids `own` (ascending), and every seal from the first over one of them to the newest.

    Both are JSON, one line each. A seal's `leaves` are its leaf hashes in their order, with the id before the hash of
    an entry that is given; None when no entry under it is given.
    """
    shown = _Shown(own)
    newest, count = None, 0
    for newest in _seals_from(own):
        beat()
        seals.write(_line(_facts(newest, _leaves(newest, shown, entries))))
        count += 1
    rest = own[bisect_right(own, newest.last_id if newest else 0) :]
    for start in range(0, len(rest), CHUNK):
        beat()
        for entry in Entry.objects.filter(pk__in=list(rest[start : start + CHUNK])).order_by("id"):
            shown.write(entry, entries)
    return Proven(newest, count, sorted(shown.pending))


class _Shown:
    """Which entries are given in full, and which of those that were written no seal has covered so far."""

    def __init__(self, own: "array[int]") -> None:
        self._own = own
        self.pending: set[int] = set()

    def __contains__(self, pk: int) -> bool:
        place = bisect_left(self._own, pk)
        return place < len(self._own) and self._own[place] == pk

    def any_between(self, first: int, last: int) -> bool:
        return bisect_right(self._own, last) > bisect_left(self._own, first)

    def write(self, entry: Entry, entries: BinaryIO) -> None:
        entries.write(canonical(entry) + b"\n")
        self.pending.add(entry.pk)

    def leaf(self, entry: Entry) -> Leaf:
        if entry.pk not in self:
            return leaf(entry)
        self.pending.discard(entry.pk)
        return [entry.pk, leaf(entry)]


def _seals_from(own: "array[int]") -> Iterator[Seal]:
    """The seals from the first that matters; the newest alone when none does, because it is what people compare."""
    rows = Seal.objects.order_by("id")
    first = rows.filter(last_id__gte=own[0]).first() if own else None
    start = first or rows.last()
    return rows.filter(pk__gte=start.pk).iterator(chunk_size=500) if start else iter(())


def _leaves(seal: Seal, shown: _Shown, entries: BinaryIO) -> list[Leaf] | None:
    is_concerned = shown.any_between(seal.first_id, seal.last_id) or any(pk in shown for pk in seal.late_ids)
    if not is_concerned:
        return None
    late = Entry.objects.filter(pk__in=seal.late_ids).order_by("id")
    leaves = [shown.leaf(entry) for entry in late]
    absent = [range(first, last + 1) for first, last in seal.absent]
    for entry in Entry.objects.filter(pk__range=(seal.first_id, seal.last_id)).order_by("id"):
        if entry.pk in shown:
            shown.write(entry, entries)
        if not any(entry.pk in gap for gap in absent):
            leaves.append(shown.leaf(entry))
    return leaves


def _facts(seal: Seal, leaves: list[Leaf] | None) -> dict[str, object]:
    names = ("first_id", "last_id", "absent", "late_ids", "root", "previous", "digest")
    facts = {name: getattr(seal, name) for name in names}
    return {"seal": seal.pk, **facts, "sealed_at": moment(seal.sealed_at), "leaves": leaves}


def _line(said: dict[str, object]) -> bytes:
    return orjson.dumps(said, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)
