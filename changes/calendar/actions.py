"""Every write to the secret links by which other programs read the calendar."""

import hashlib
import secrets
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from changes.models import CalendarLink
from workflow.errors import Conflict, Missing
from workflow.ledger import Happening, record

MOST = 20
"""How many links one person may have at once."""
USED_EVERY = timedelta(minutes=1)
"""How exact `last_used_at` is; calendars of other programs ask often."""


def digest_of(secret: str) -> str:
    """What is kept of a secret, which has too much randomness to need a slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


@transaction.atomic
def make_link(owner: User, query: str) -> tuple[CalendarLink, str]:
    """A new link that shows what `query`, filters of the calendar, leaves; and its secret, which nothing else holds.

    Raises Conflict("too_many_links").
    """
    User.objects.select_for_update().get(pk=owner.pk)
    if CalendarLink.objects.filter(owner=owner, revoked_at__isnull=True).count() >= MOST:
        raise Conflict("too_many_links", f"You have {MOST} links already. Revoke one first.")
    secret = secrets.token_urlsafe(32)
    link = CalendarLink.objects.create(owner=owner, digest=digest_of(secret), query=query)
    _note(link, "calendar_link_made", by=owner)
    return link, secret


@transaction.atomic
def revoke_link(pk: int, *, by: User) -> None:
    """Make a link show nothing from now on; twice is as good as once. Raises Missing for one that is not one's own."""
    link = CalendarLink.objects.filter(pk=pk, owner=by).first()
    if link is None:
        raise Missing("not_found", "There is no such link among yours.")
    if CalendarLink.objects.filter(pk=pk, revoked_at__isnull=True).update(revoked_at=timezone.now()):
        _note(link, "calendar_link_revoked", by=by)


def note_use(link: CalendarLink, *, now: datetime) -> None:
    """Remember that somebody read it, at most once a minute."""
    is_due = Q(last_used_at__isnull=True) | Q(last_used_at__lt=now - USED_EVERY)
    if link.last_used_at is None or link.last_used_at < now - USED_EVERY:
        CalendarLink.objects.filter(is_due, pk=link.pk).update(last_used_at=now)


def _note(link: CalendarLink, verb: str, *, by: User) -> None:
    now = timezone.now()
    record(by.ref, Happening(verb, by.actor, now, {"link": link.pk, "query": link.query}), at=now)
