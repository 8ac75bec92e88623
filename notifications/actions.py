"""What people do to messages: send one again, call one off, pause and resume the sending."""

from datetime import datetime

from django.db import transaction

from notifications import outbox, policy, relay
from notifications.models import Mark, Message
from workflow import ledger
from workflow.errors import Conflict, Forbidden, Missing
from workflow.ledger import Happening


@transaction.atomic
def retry_now(pk: int, *, actor: str, is_admin: bool, at: datetime) -> Message:
    """Make a message due at once; one that was given up gets its whole time again.

    Raises Forbidden, Missing, or Conflict("message_settled") when it was sent or called off.
    """
    _insist_on_administrator(is_admin=is_admin)
    message = relay.revive(pk, by=actor, at=at)
    if message is None:
        raise _settled(pk, "sent again")
    _record(message, "message_retried", actor=actor, at=at)
    outbox.nudge(message.channel, priority=message.priority)
    return message


@transaction.atomic
def cancel_message(pk: int, *, actor: str, is_admin: bool, at: datetime) -> Message:
    """Call off a message that waits; one that is being sent may still arrive. Raises as `retry_now` does."""
    _insist_on_administrator(is_admin=is_admin)
    if not relay.withdraw_one(pk):
        raise _settled(pk, "called off")
    message = Message.objects.get(pk=pk)
    _record(message, "message_cancelled", actor=actor, at=at)
    return message


@transaction.atomic
def pause(*, actor: str, at: datetime) -> bool:
    """Stop all sending until `resume`; False when it was paused already. Messages are taken in all the same."""
    _, is_new = Mark.objects.get_or_create(name=Mark.PAUSED, defaults={"at": at})
    if is_new:
        ledger.record("outbox", Happening("sending_paused", actor, at, {}), at=at)
    return is_new


@transaction.atomic
def resume(*, actor: str, at: datetime) -> bool:
    """Send again; False when it was not paused. What is too late by now is given up instead of sent."""
    was_paused = bool(Mark.objects.filter(name=Mark.PAUSED).delete()[0])
    if was_paused:
        ledger.record("outbox", Happening("sending_resumed", actor, at, {}), at=at)
    return was_paused


def _insist_on_administrator(*, is_admin: bool) -> None:
    decision = policy.may_steer_delivery(is_admin=is_admin)
    if decision.outcome != "allowed":
        raise Forbidden(decision.rule, decision.because)


def _settled(pk: int, deed: str) -> Conflict | Missing:
    message = Message.objects.filter(pk=pk).first()
    if message is None:
        return Missing("not_found", "There is no such message.")
    is_outdated = deed == "sent again" and message.state == Message.State.DEAD
    state = "replaced by a newer one" if is_outdated else Message.State(message.state).label.lower()
    return Conflict("message_settled", f"This message is {state}, so it cannot be {deed}.")


def _record(message: Message, verb: str, *, actor: str, at: datetime) -> None:
    facts: dict[str, object] = {"message": message.pk, "channel": message.channel, "title": message.title}
    ledger.record(message.subject or "outbox", Happening(verb, actor, at, facts), at=at)
