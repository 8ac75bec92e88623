"""What keeps a change from being planned or begun so that nobody else decides about it. Pure: no database, no clock."""

from collections.abc import Collection
from datetime import datetime, timedelta

from workflow.decisions import Decision

ALLOWED, REFUSED = "allowed", "refused"
LONGEST_WINDOW = timedelta(days=92)
"""How long a window may be: it keeps its services from others, and the calendar looks no further back."""
FURTHEST_AHEAD = timedelta(days=366)
"""How far ahead a window may begin: an approval is for what people can foresee, and calendars reach as far."""


def window_within_reach(*, start: datetime | None, end: datetime | None, now: datetime) -> Decision:
    """A window lasts at most 92 days and begins within a year, so nobody books a service for good."""
    rule = "window_within_reach"
    if start and end and end - start > LONGEST_WINDOW:
        return Decision(rule, REFUSED, f"A window lasts {LONGEST_WINDOW.days} days at most. Choose an earlier end.")
    if start and start - now > FURTHEST_AHEAD:
        because = (
            f"A window begins within {FURTHEST_AHEAD.days} days. Choose an earlier one, and file later ones later."
        )
        return Decision(rule, REFUSED, because)
    return Decision(rule, ALLOWED, "It can be foreseen.")


def another_carries_it_out(user_id: int, *, approved_by: Collection[int]) -> Decision:
    """Whoever approved a change does not begin it, whoever is named as the one who carries it out."""
    if user_id in approved_by:
        return Decision("four_eyes", REFUSED, "You approved it, so somebody else must carry it out.")
    return Decision("four_eyes", ALLOWED, "Another person than those who approved it.")
