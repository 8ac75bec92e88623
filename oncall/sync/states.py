"""The legal moves of plans and their operations."""

from oncall.sync.models import Operation, Plan
from workflow.transitions import Moves

_P, _O = Plan.State, Operation.State
PLAN_MOVES: Moves = {
    _P.PLANNING: frozenset({_P.PLANNED, _P.FAILED}),
    _P.PLANNED: frozenset({_P.APPLYING, _P.STALE}),
    _P.APPLYING: frozenset({_P.APPLIED, _P.FAILED, _P.STALE, _P.INTERRUPTED}),
    _P.INTERRUPTED: frozenset({_P.APPLYING}),
    _P.FAILED: frozenset({_P.APPLYING}),
    _P.APPLIED: frozenset(),
    _P.STALE: frozenset(),
}
"""A plan whose process died is `applying` with an old beat, and interrupted as soon as somebody resumes it."""
OPERATION_MOVES: Moves = {
    _O.PENDING: frozenset({_O.DONE, _O.FAILED}),
    _O.FAILED: frozenset({_O.DONE, _O.FAILED}),
    _O.DONE: frozenset(),
}
