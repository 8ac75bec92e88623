"""Whether the time that was chosen for a change is free, and whether anything forbids it to begin."""

from datetime import datetime

from changes.tickets.queries import Standing


def require_a_free_window(standing: Standing) -> None:
    """Raise Conflict("freeze_active") or Conflict("collision_tier_0") when the window cannot be had."""


def require_nothing_forbids(standing: Standing, *, now: datetime) -> list[str]:
    """Raise Conflict("freeze_active") or Conflict("hold_open"); else the warnings, as words such as `freeze_soft`."""
    return []
