"""The words and the legal moves of a page."""

from django.db import models


class State(models.TextChoices):
    """How a page stands."""

    PAGING = "paging", "Paging"
    ACKNOWLEDGED = "acknowledged", "Acknowledged"
    EXHAUSTED = "exhausted", "Nobody answered"
    CANCELLED = "cancelled", "Cancelled"


class StepState(models.TextChoices):
    """What became of one step."""

    SENT = "sent", "Sent"
    NOBODY = "nobody", "Reached nobody"


MOVES: dict[str, frozenset[str]] = {
    State.PAGING: frozenset({State.ACKNOWLEDGED, State.EXHAUSTED, State.CANCELLED}),
    State.EXHAUSTED: frozenset({State.ACKNOWLEDGED, State.CANCELLED}),
    State.ACKNOWLEDGED: frozenset(),
    State.CANCELLED: frozenset(),
}
"""Who answers late answers still: a page that ran out of steps can be acknowledged."""
