"""How a message becomes a row."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from notifications import policy
from notifications.models import Message
from notifications.parts import Part, from_payload, to_payload
from notifications.providers import PROVIDERS
from workflow.statements import FromParent

LONGEST_KEY = 160
"""Leaves room for what a fallback appends to the key."""


@dataclass(frozen=True, slots=True)
class Fallback:
    """Another way to send the same message once the first is given up."""

    channel: str
    recipient: str


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message to send.

    `dedup_key` says what it is: the same key twice is one message. `subject` is the ref of what it is about; `topic`
    groups messages that `outbox.cancel` calls off together. Write `models.REF` in the texts where the subject's ref
    belongs if it is not known yet; key, recipient and subject may then be a FromParent (see `outbox.new_message`).
    `replaces` makes messages one to whoever reads them, as where "started" becomes "ended" in a chat: a newer one with
    the same word, channel and recipient takes the place of the older.
    The first line of `text` says who must do what by when. `deadline` is how long it is worth sending (a page 1 hour,
    anything else 1 day); `not_before` delays it. `unsubscribe` is an address at which a POST turns such mails off.
    `parts` say the same as `text` where headings and lists can be shown.
    """

    dedup_key: str | FromParent
    channel: str
    recipient: str | FromParent
    title: str
    text: str
    html: str = ""
    subject: str | FromParent = ""
    topic: str = ""
    replaces: str = ""
    priority: int = Message.Priority.NORMAL
    deadline: timedelta | None = None
    not_before: datetime | None = None
    unsubscribe: str = ""
    fallbacks: tuple[Fallback, ...] = ()
    parts: tuple[Part, ...] = ()


class UnknownChannel(ValueError):
    """A programming error: no provider delivers to this channel or a fallback, so the message could never arrive."""


class KeyTooLong(ValueError):
    """A programming error: the key would not fit, and a shortened one could be somebody else's."""


def check(new: NewMessage) -> None:
    """Raise UnknownChannel or KeyTooLong for a message that could never arrive as meant."""
    channels = [str(new.channel), *(fallback.channel for fallback in new.fallbacks)]
    for channel in channels:
        if channel not in Message.Channel.values:
            raise UnknownChannel(f"There is no channel {channel!r}.")
    if not any(channel in PROVIDERS for channel in channels):
        raise UnknownChannel(f"No provider delivers to {' or '.join(channels)}.")
    if isinstance(new.dedup_key, str) and len(new.dedup_key) > LONGEST_KEY:
        raise KeyTooLong(f"The key {new.dedup_key[:40]!r}… is longer than {LONGEST_KEY} characters.")


def routed(new: NewMessage) -> NewMessage:
    """The message on the first of its ways that something delivers to.

    So a page of an installation without a pager is a mail at once, with the priority of a page, and not only after it
    was given up. Whoever sends to a channel that may be missing names a fallback, or asks `outbox.reaches` first.
    """
    if new.channel in PROVIDERS:
        return new
    ways = [way for way in new.fallbacks if way.channel in PROVIDERS]
    if not ways:
        return new
    return replace(new, channel=ways[0].channel, recipient=ways[0].recipient, fallbacks=tuple(ways[1:]))


def columns_of(new: NewMessage, *, at: datetime) -> dict[str, Any]:
    """The columns of the row for a message that is decided `at`."""
    new = routed(new)
    due_at = max(at, new.not_before) if new.not_before else at
    useful_for = new.deadline if new.deadline is not None else policy.USEFUL_FOR[Message.Priority(new.priority)]
    return {
        "dedup_key": new.dedup_key,
        "channel": str(new.channel),
        "priority": int(new.priority),
        "recipient": new.recipient,
        "subject": new.subject,
        "topic": new.topic,
        "replaces": new.replaces,
        "payload": _payload(new),
        "state": str(Message.State.PENDING),
        "attempt": 0,
        "due_at": due_at,
        "deadline_at": due_at + useful_for,
        "provider_ref": "",
        "last_error": "",
        "tries": [],
        "created_at": at,
    }


def _payload(new: NewMessage) -> dict[str, Any]:
    payload: dict[str, Any] = {"title": new.title, "text": new.text}
    if new.html:
        payload["html"] = new.html
    if new.unsubscribe:
        payload["unsubscribe"] = new.unsubscribe
    if new.parts:
        payload["parts"] = to_payload(new.parts)
    if new.fallbacks:
        payload["fallbacks"] = [[fallback.channel, fallback.recipient] for fallback in new.fallbacks]
    return payload


def insert(new: NewMessage, *, at: datetime) -> Message:
    """Insert the message in the caller's transaction, or return the one that has the key already."""
    wanted = Message(**columns_of(new, at=at))
    Message.objects.bulk_create([wanted], ignore_conflicts=True)
    return Message.objects.get(dedup_key=wanted.dedup_key)


def _fallbacks(payload: Any) -> list[Fallback]:
    """The fallbacks in a stored payload; none when somebody has spoilt it, since giving up must work for any row."""
    try:
        return [Fallback(str(channel), str(recipient)) for channel, recipient in payload.get("fallbacks", [])]
    except (AttributeError, TypeError, ValueError):
        return []


def fallback_for(message: Message, *, now: datetime) -> NewMessage | None:
    """The message that takes the place of one that is given up; None when no way is left or it is too late for any."""
    until = message.deadline_at + policy.USEFUL_FOR[Message.Priority(message.priority)]
    usable = [way for way in _fallbacks(message.payload) if way.channel in PROVIDERS]
    if not usable or until <= now:
        return None
    first, *rest = usable
    return NewMessage(
        dedup_key=f"{message.dedup_key}~{first.channel}",
        channel=first.channel,
        recipient=first.recipient,
        title=message.payload.get("title", ""),
        text=message.payload.get("text", ""),
        html=message.payload.get("html", ""),
        subject=message.subject,
        topic=message.topic,
        priority=message.priority,
        deadline=until - now,
        fallbacks=tuple(rest),
        parts=from_payload(message.payload.get("parts")),
    )
