"""The legal moves of a message. Only `notifications.relay` makes them."""

from notifications.models import Message
from workflow.transitions import Moves

_State = Message.State

MOVES: Moves = {
    _State.PENDING: frozenset({_State.SENDING, _State.CANCELLED, _State.DEAD}),
    _State.SENDING: frozenset({_State.SENT, _State.PENDING, _State.DEAD, _State.CANCELLED}),
    _State.DEAD: frozenset({_State.PENDING}),
    _State.SENT: frozenset(),
    _State.CANCELLED: frozenset(),
}
"""A queued message is tried, called off or given up; a tried one has arrived, waits again, or ends the same two ways.

Somebody may bring back one that was not delivered. What was sent or called off stays so.
"""
