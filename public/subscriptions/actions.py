"""Every write about subscriptions, and the sending to all who want it."""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone

from catalog.models import Service
from notifications import outbox
from public.subscriptions import messages, policy, queries
from public.subscriptions.links import Link
from public.subscriptions.messages import News
from public.subscriptions.models import Dispatch, Subscriber
from workflow.amendments import amend
from workflow.decisions import require
from workflow.errors import Conflict, Missing, Unprocessable

BATCH = 200
"""How many subscribers are served in one transaction."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to hear of; no components means all."""

    components: Sequence[Service] = ()
    wants_status: bool = True
    wants_changes: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """Something that is told to subscribers: of which components, under `status` or `changes`, at which moment."""

    news: News
    about: str
    components: Sequence[Service]
    at: datetime


@transaction.atomic
def ask(email: str, wish: Wish) -> None:
    """Send the owner of an address the question whether they want mails. It tells nobody whether they had them before.

    Raises Unprocessable("something_wanted").
    """
    _require_something(wish)
    now = timezone.now()
    known = Subscriber.objects.select_for_update().filter(email__iexact=email).first()
    if known is not None and known.confirmed_at:
        outbox.enqueue(messages.reminder(known, now=now), at=now)
        return
    subscriber = known or _new(email, now=now)
    if subscriber is None:
        return
    amend(subscriber, asked_at=now, wants_status=wish.wants_status, wants_changes=wish.wants_changes)
    subscriber.components.set(wish.components)
    outbox.enqueue(messages.question(subscriber, now=now), at=now)


def _new(email: str, *, now: datetime) -> Subscriber | None:
    try:
        with transaction.atomic():
            return Subscriber.objects.create(email=email, nonce=secrets.token_hex(16), asked_at=now)
    except IntegrityError:
        # Typed in twice at once: the other one asks.
        return None


@transaction.atomic
def confirm(link: Link) -> Subscriber:
    """Begin the subscription; raises Missing("subscription_unknown"), Conflict("subscription_confirmed_in_time")."""
    subscriber, now = _taken(link), timezone.now()
    decision = policy.subscription_confirmed_in_time(
        asked_at=subscriber.asked_at, confirmed_at=subscriber.confirmed_at, now=now
    )
    require(decision, Conflict)
    amend(subscriber, confirmed_at=subscriber.confirmed_at or now)
    return subscriber


@transaction.atomic
def choose(link: Link, wish: Wish) -> Subscriber:
    """Change what a subscriber wants; raises Missing("subscription_unknown"), Unprocessable("something_wanted")."""
    _require_something(wish)
    subscriber = _taken(link)
    amend(subscriber, wants_status=wish.wants_status, wants_changes=wish.wants_changes)
    subscriber.components.set(wish.components)
    return subscriber


@transaction.atomic
def leave(link: Link) -> None:
    """End the subscription and forget the address. Twice is as good as once."""
    subscriber = Subscriber.objects.select_for_update().filter(pk=link.subscriber_id, nonce=link.nonce).first()
    if subscriber is not None:
        outbox.cancel(messages.topic_of(subscriber.pk))
        subscriber.delete()


def forget_unconfirmed(*, now: datetime) -> None:
    """Forget the addresses that nobody confirmed within a week."""
    Subscriber.objects.filter(confirmed_at__isnull=True, asked_at__lt=now - policy.CONFIRM_WITHIN).delete()


def send(events: Iterable[Event], *, now: datetime) -> None:
    """Send each event to the community and to all who want it, once, also when this stops half-way and begins again."""
    for event in events:
        while _send_batch(event, now=now):
            pass


@transaction.atomic
def _send_batch(event: Event, *, now: datetime) -> bool:
    _, is_new = Dispatch.objects.get_or_create(key=event.news.key, defaults={"began_at": now})
    if is_new and outbox.reaches(messages.COMMUNITY):
        outbox.enqueue(messages.announcement(event.news), at=now)
    # Two runs at once take turns here, and the second one goes on where the first one was.
    dispatch = Dispatch.objects.select_for_update().get(key=event.news.key)
    if dispatch.done_at:
        return False
    readers = queries.next_readers(dispatch, event.components, about=event.about, most=BATCH)
    for reader in readers:
        outbox.enqueue(messages.mail(event.news, reader), at=now)
    if len(readers) < BATCH:
        amend(dispatch, done_at=now)
        return False
    amend(dispatch, after=readers[-1].pk)
    return True


def _require_something(wish: Wish) -> None:
    decision = policy.something_wanted(wants_status=wish.wants_status, wants_changes=wish.wants_changes)
    require(decision, Unprocessable, field="wants_status")


def _taken(link: Link) -> Subscriber:
    subscriber = Subscriber.objects.select_for_update().filter(pk=link.subscriber_id, nonce=link.nonce).first()
    if subscriber is None:
        raise Missing("subscription_unknown", "This subscription has ended. Nothing is sent any more.")
    return subscriber
