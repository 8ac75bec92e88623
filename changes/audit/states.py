"""The legal moves of an evidence pack."""

from changes.audit.models import EvidencePack
from workflow.transitions import Moves

_State = EvidencePack.State

MOVES: Moves = {
    _State.QUEUED: frozenset({_State.BUILDING}),
    _State.BUILDING: frozenset({_State.READY, _State.FAILED}),
    _State.FAILED: frozenset({_State.QUEUED}),
    _State.READY: frozenset(),
}
"""One that was given up may be asked for again; one that is ready never changes."""
