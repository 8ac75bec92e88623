"""The words of the pages of evidence packs."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from changes.audit.models import EvidencePack
from workflow import moments

State = EvidencePack.State
SENTENCES = {
    State.QUEUED: "It waits for a worker, usually for a few seconds.",
    State.BUILDING: "You can close this page; the pack will be here.",
    State.READY: "",
    State.FAILED: "",
}


class Line(NamedTuple):
    """A pack in the list."""

    pack: EvidencePack
    period: str
    services: str


class Progress(NamedTuple):
    """How far a pack is: a sentence, a part of the whole, and whether it goes on."""

    sentence: str
    done: int
    total: int
    is_moving: bool


def lines_of(packs: Iterable[EvidencePack]) -> list[Line]:
    """The packs as the list shows them."""
    return [line_of(pack) for pack in packs]


def line_of(pack: EvidencePack) -> Line:
    """The pack as the list shows it."""
    return Line(pack, period_in_words(pack.since, pack.until), ", ".join(pack.services) or "All services")


def period_in_words(since: datetime, until: datetime) -> str:
    """`1 Nov to 24 Nov 2026`, the last day included, in the reader's zone."""
    first, last = moments.here(since), moments.here(until - timedelta(microseconds=1))
    year = f" {first.year}" if first.year != last.year else ""
    return f"{_day(first)}{year} to {_day(last)} {last.year}"


def _day(at: datetime) -> str:
    return f"{at.day} {moments.MONTHS[at.month - 1][:3]}"


def progress_of(pack: EvidencePack) -> Progress:
    """How far the pack is."""
    is_moving = pack.state in {State.QUEUED, State.BUILDING}
    sentence = SENTENCES[State(pack.state)]
    if pack.state == State.BUILDING and pack.total:
        counted = f"{pack.done:,} of {pack.total:,} changes are written."
        counted = "All changes are written; the seals of the ledger follow." if pack.done == pack.total else counted
        sentence = f"{counted} {sentence}"
    return Progress(sentence, pack.done, pack.total, is_moving)
