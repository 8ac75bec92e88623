"""Who may take evidence home, how much at once, and which changes a sample holds. Pure: no database, no clock."""

import hashlib
import heapq
from collections.abc import Iterable
from datetime import datetime, timedelta

from workflow.decisions import Decision

ALLOWED, REFUSED = "allowed", "refused"
LONGEST_PERIOD = timedelta(days=400)
MOST_SAMPLED = 500
USUAL_SAMPLE = 25
MOST_ATTEMPTS = 3
"""How often a pack is begun before it is given up, since whoever makes it may die of it."""


def may_audit(*, is_admin: bool, leads_a_team: bool) -> Decision:
    """Administrators and the leads of teams may ask for evidence packs and take them home."""
    if is_admin or leads_a_team:
        return Decision("may_audit", ALLOWED, "They administer, or lead a team.")
    because = "Only administrators and the leads of teams can ask for an evidence pack. Ask one of them."
    return Decision("may_audit", REFUSED, because)


def pack_period(*, since: datetime, until: datetime, now: datetime) -> Decision:
    """A pack is about at least a moment and at most 400 days, which have begun."""
    rule = "pack_period"
    if since >= until:
        return Decision(rule, REFUSED, "The period must end after it begins.")
    if since > now:
        return Decision(rule, REFUSED, "The period has not begun yet, so there is nothing to show.")
    if until - since > LONGEST_PERIOD:
        return Decision(rule, REFUSED, f"A pack covers at most {LONGEST_PERIOD.days} days. Ask for several.")
    return Decision(rule, ALLOWED, "A period that a pack can cover.")


def pack_sample(size: int) -> Decision:
    """A sample has 0 to 500 changes, since each gets a page of its own."""
    if 0 <= size <= MOST_SAMPLED:
        return Decision("pack_sample", ALLOWED, "A sample of this size can be drawn.")
    return Decision("pack_sample", REFUSED, f"Draw 0 to {MOST_SAMPLED} changes.")


def another_attempt(attempts: int) -> Decision:
    """A pack is begun at most 3 times; whatever stopped it then is for a person to see."""
    if attempts < MOST_ATTEMPTS:
        return Decision("another_attempt", ALLOWED, "It may be begun once more.")
    because = (
        f"Whoever made it stopped halfway {attempts} times. An operator finds the reason in the log of the worker."
    )
    return Decision("another_attempt", REFUSED, because)


def lot(seed: str, ref: str) -> str:
    """What a change draws: the SHA-256 of `seed:ref` in hex. Whoever knows the seed can draw again."""
    return hashlib.sha256(f"{seed}:{ref}".encode()).hexdigest()


def draw(refs: Iterable[str], *, seed: str, size: int) -> list[str]:
    """The sample: the `size` refs with the smallest lots, smallest first; all of them when there are fewer."""
    return [ref for _, ref in heapq.nsmallest(size, ((lot(seed, ref), ref) for ref in refs))]
