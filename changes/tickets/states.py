"""The words of the verbs by which people move a change; the legal moves are changes.states.MOVES."""

from changes.states import MOVES, State

VERBS: dict[str, frozenset[str]] = {
    "submit": frozenset({State.DRAFT}),
    "approve": frozenset({State.SUBMITTED}),
    "reject": frozenset({State.SUBMITTED}),
    "revise": frozenset({State.SUBMITTED, State.APPROVED, State.REJECTED}),
    "withdraw": frozenset({State.DRAFT, State.SUBMITTED, State.APPROVED, State.REJECTED}),
    "start": frozenset({State.APPROVED}),
    "finish": frozenset({State.IN_PROGRESS}),
    "review": frozenset({State.FINISHED}),
    "close": frozenset({State.FINISHED}),
}
"""From which states each verb is legal."""

WHEN_CORRECTED: dict[str, frozenset[str]] = {**MOVES, State.CLOSED: frozenset({State.FINISHED})}
"""The moves of a correction: a closed change is finished once more, until somebody else has looked at it again."""
