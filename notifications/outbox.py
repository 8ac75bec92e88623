"""The outbox: the only way in.

An action enqueues in its own transaction, so the message exists exactly when what it tells about does. Whatever
carries it afterwards may be late, repeated or gone; see `notifications.relay` and docs/adr/0002-outbox.md.
"""

from dataclasses import replace
from datetime import datetime
from functools import partial

from django.db import connection, transaction

from notifications import intake, relay
from notifications.intake import Fallback, NewMessage
from notifications.models import REF, Message
from notifications.nudges import NUDGER
from notifications.providers import PROVIDERS
from workflow.statements import NewRow

__all__ = [
    "REF",
    "Fallback",
    "NewMessage",
    "OutsideTransaction",
    "cancel",
    "cancel_to",
    "enqueue",
    "new_message",
    "nudge",
    "reaches",
]


class OutsideTransaction(RuntimeError):
    """A programming error: a message was enqueued without a transaction around it and what it tells about."""


def reaches(channel: str) -> bool:
    """Whether something delivers to this channel here; a message to one that is missing needs a fallback."""
    return channel in PROVIDERS


def enqueue(new: NewMessage, *, at: datetime) -> Message:
    """Take in a message that was decided `at`, in the caller's transaction; return it, or the one with the same key.

    Raises OutsideTransaction, UnknownChannel or KeyTooLong, all of them programming errors.
    """
    _insist_on_transaction()
    intake.check(new)
    message = intake.insert(new, at=at)
    relay.supersede(message)
    nudge(message.channel, priority=message.priority)
    return message


def cancel(topic: str) -> int:
    """Call off every message of `topic` that is still waiting, in the caller's transaction; return how many.

    One that is being sent at this moment may still arrive, but is not tried again.
    """
    _insist_on_transaction()
    return relay.withdraw(topic)


def cancel_to(channel: str, recipient: str, *, key_end: str = "", at: datetime) -> int:
    """Call off what waits for a recipient that is no more and whose key ends so, in the caller's transaction.

    What has another way takes that, not before it would have gone. Returns how many messages that were.
    """
    _insist_on_transaction()
    waiting = Message.objects.filter(channel=channel, state__in=(Message.State.PENDING, Message.State.SENDING))
    mine = list(waiting.filter(recipient=recipient, dedup_key__endswith=key_end).order_by("pk"))
    for message in mine:
        relay.withdraw_one(message.pk)
        substitute = intake.fallback_for(message, now=at)
        if substitute:
            intake.insert(replace(substitute, not_before=message.due_at), at=at)
    return len(mine)


def new_message(new: NewMessage, *, at: datetime) -> NewRow:
    """The row that `enqueue` would insert, for `workflow.statements.insert_together`; call `nudge` after the commit.

    `dedup_key`, `recipient` and `subject` may be a FromParent: `FromParent("unproven:CHG-")` becomes `unproven:CHG-12`.
    The key must contain the parent's id, since a taken key would undo the whole statement. In the texts `REF` becomes
    the subject. It calls off nothing that it `replaces`; a message about something new has nothing to replace.
    """
    intake.check(new)
    return NewRow(Message, intake.columns_of(new, at=at))


def nudge(channel: str, *, priority: int = Message.Priority.NORMAL) -> None:
    """Hurry the sending once the transaction commits (at once without one). Never raises and never waits."""
    transaction.on_commit(partial(NUDGER.nudge, str(channel), int(priority)), robust=True)


def _insist_on_transaction() -> None:
    if not connection.in_atomic_block:
        raise OutsideTransaction("Enqueue inside the transaction that writes what the message tells about.")
