"""The rules about writing over what somebody said: edits, what was refused before, and corrections. Pure."""

from collections.abc import Collection
from datetime import datetime, timedelta

from changes.states import State
from workflow.decisions import REFUSED, Decision

ALLOWED = "allowed"
CORRECTABLE_FOR = timedelta(days=90)
"""How long after its end the outcome of a change can be corrected: as far back as figures are usually looked at."""


def stale_edit(*, seen: str, present: str) -> Decision:
    """An edit is of what its writer saw: if somebody changed that since, it is not written over.

    Both are hashes of all that may be edited; who does not say what they saw is not held to it.
    """
    if seen and seen != present:
        because = "Somebody else changed this since you opened it. Compare both, and save again what shall stand."
        return Decision("stale_edit", REFUSED, because)
    return Decision("stale_edit", ALLOWED, "Nobody changed it in between.")


def nothing_changed(*, digest: str, rejected: Collection[str]) -> Decision:
    """What was rejected is not asked for again until something in it differs; other people are no other answer."""
    if digest in rejected:
        because = "It was rejected as it says now. Edit what was objected to, then submit it again."
        return Decision("nothing_changed", REFUSED, because)
    return Decision("nothing_changed", ALLOWED, "Nobody rejected what it says now.")


def outcome_correctable(*, state: str, finished_at: datetime | None, now: datetime) -> Decision:
    """How a change ended can be corrected once it is finished, closed or not, for 90 days."""
    rule = "outcome_correctable"
    if state not in {State.FINISHED, State.CLOSED} or finished_at is None:
        return Decision(rule, REFUSED, "Only how a change ended can be corrected, and this one has not ended.")
    if now >= finished_at + CORRECTABLE_FOR:
        because = f"It ended more than {CORRECTABLE_FOR.days} days ago, and what was said of it stands."
        return Decision(rule, REFUSED, because)
    return Decision(rule, ALLOWED, "It ended not long ago.")


def correction_reviewed(*, state: str) -> Decision:
    """When a closed change is corrected, somebody else looks at it once more: it was closed with another end."""
    if state == State.CLOSED:
        return Decision("correction_reviewed", "needed", "It was closed with another outcome.")
    return Decision("correction_reviewed", "not_needed", "It was not closed yet.")
