"""The one mover: no other module assigns a `state`."""

from collections.abc import Mapping

from django.db import models

from workflow.errors import Conflict

Moves = Mapping[str, frozenset[str]]
"""From each state, the states that may follow. A state that leads nowhere has an empty set."""


def is_legal(moves: Moves, start: str, end: str) -> bool:
    """Whether the table allows to go from `start` to `end` in one step."""
    return end in moves.get(start, frozenset())


def move(row: models.Model, end: str, *, moves: Moves, **columns: object) -> None:
    """Put `row`, which has a `state`, into state `end` and write `columns` with it.

    The row changes by compare-and-swap: of two callers that read the same state only one succeeds.
    Raises Conflict("transition_illegal") when the table forbids the step or when somebody else was faster.
    """
    start: str = row.state  # type: ignore[attr-defined]  # every caller's model has the column
    noun = row._meta.verbose_name
    if not is_legal(moves, start, end):
        raise Conflict("transition_illegal", f"A {noun} that is {start} cannot become {end}.")
    rows = type(row)._default_manager.filter(pk=row.pk, state=start)
    if not rows.update(state=end, **columns):
        raise Conflict("transition_illegal", f"This {noun} is no longer {start}: somebody else was faster. Reload it.")
    for name, value in {"state": end, **columns}.items():
        setattr(row, name, value)
