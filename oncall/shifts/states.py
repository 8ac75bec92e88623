"""How a request to swap a watch may go."""

from oncall.models import SwapRequest
from workflow.transitions import Moves

State = SwapRequest.State
SWAP_MOVES: Moves = {
    State.OPEN: frozenset({State.ACCEPTED, State.DECLINED}),
    State.ACCEPTED: frozenset(),
    State.DECLINED: frozenset(),
}
