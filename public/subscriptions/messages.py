"""The wording of what subscribers get."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from notifications.intake import NewMessage
from public.look import look
from public.subscriptions.links import Link, address, leave_address
from public.subscriptions.models import Subscriber
from public.subscriptions.policy import AGAIN_AFTER

COMMUNITY = "webhook"


@dataclass(frozen=True, slots=True)
class News:
    """One event in words: `key` names it, `path` is where it can be read."""

    key: str
    title: str
    text: str
    path: str


def topic_of(subscriber_id: int) -> str:
    """What groups all mails to one subscriber, so that they can be called off."""
    return f"subscriber:{subscriber_id}"


def link_of(subscriber: Subscriber) -> Link:
    """What its links hold."""
    return Link(subscriber.pk, subscriber.nonce)


def question(subscriber: Subscriber, *, now: datetime) -> NewMessage:
    """Asks whether the owner of the address wants the mails; at most one for each ten minutes."""
    spell = int(now.timestamp() // AGAIN_AFTER.total_seconds())
    name = look().name
    text = (
        f"Open this link to get mails from {name}: {address(link_of(subscriber))}\n\n"
        f"Somebody, perhaps you, typed in this address at {settings.BASE_URL}/subscribe. If it was not you, do nothing "
        "and you will hear no more."
    )
    return NewMessage(
        dedup_key=f"subscribe:{subscriber.pk}:{spell}",
        channel="email",
        recipient=subscriber.email,
        title=f"Confirm your subscription to {name}",
        text=text,
        topic=topic_of(subscriber.pk),
    )


def reminder(subscriber: Subscriber, *, now: datetime) -> NewMessage:
    """Tells somebody who is subscribed already where to change that."""
    spell = int(now.timestamp() // AGAIN_AFTER.total_seconds())
    name = look().name
    return NewMessage(
        dedup_key=f"subscribed:{subscriber.pk}:{spell}",
        channel="email",
        recipient=subscriber.email,
        title=f"You are subscribed to {name} already",
        text=f"Change or end it here: {address(link_of(subscriber))}",
        topic=topic_of(subscriber.pk),
    )


def mail(news: News, subscriber: Subscriber) -> NewMessage:
    """Tells one subscriber of one event, once whatever restarts."""
    link = link_of(subscriber)
    text = (
        f"{news.text.strip()}\n\n{settings.BASE_URL}{news.path}\n\n--\n"
        f"You get this because you subscribed to {look().name}. Change or end it: {address(link)}"
    )
    return NewMessage(
        dedup_key=f"news:{news.key}:{subscriber.pk}",
        channel="email",
        recipient=subscriber.email,
        title=news.title,
        text=text,
        topic=topic_of(subscriber.pk),
        unsubscribe=leave_address(link),
    )


def announcement(news: News) -> NewMessage:
    """Tells the community of one event, once, where ANNOUNCE_WEBHOOK_URL leads."""
    return NewMessage(
        dedup_key=f"announce:{news.key}",
        channel=COMMUNITY,
        recipient="announcements",
        title=news.title,
        text=f"{news.text.strip()}\n{settings.BASE_URL}{news.path}",
    )
