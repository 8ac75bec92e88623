"""Digests: what people had put aside goes out as one mail, once for each person and time.

Whoever makes one holds the person's row of preferences until the commit. So two clocks at once make one digest, and a
worker that dies in between made none.
"""

from datetime import datetime, timedelta

import structlog
from django.db import InterfaceError, OperationalError, transaction

from accounts.contacts import actions, messages, policy, queries
from accounts.contacts.models import Aside, Preference
from accounts.contacts.policy import ACCOUNT, Way
from accounts.contacts.queries import Addressee
from notifications import outbox

log = structlog.get_logger("decklog.digests")
MOST = 200
"""How many people one round looks after; the next round takes the others."""
KEPT = timedelta(days=30)
"""How long what went into a digest stays known, so that the same message is not told again."""


def people_due(*, now: datetime) -> list[int]:
    """The ids of those whose digest is due, the longest waiting first."""
    due = Aside.objects.filter(went_at__isnull=True, settled_at__isnull=True, slot__lte=now)
    return list(dict.fromkeys(due.order_by("slot", "pk").values_list("user_id", flat=True)[: 50 * MOST]))[:MOST]


def make_due_digests(*, now: datetime) -> int:
    """Make every digest that is due and return how many; each by itself, so that a broken one stops no other."""
    made = 0
    for user_id in people_due(now=now):
        try:
            made += make_digest(user_id, now=now)
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            log.exception("digest_broken", user=user_id)
    return made


@transaction.atomic
def make_digest(user_id: int, *, now: datetime) -> bool:
    """Enqueue the digest of one person if it is due, in one transaction with the note that it was made."""
    Preference.objects.get_or_create(user_id=user_id)
    preference = Preference.objects.select_for_update().get(user_id=user_id)
    actions.release(preference, now=now)
    asides = list(actions.waiting(user_id).filter(slot__lte=now).order_by("pk"))
    if not asides:
        return False
    reader = queries.addressee(preference.user)
    slot = max(one.slot for one in asides)
    rows = Aside.objects.filter(pk__in=[one.pk for one in asides])
    if preference.digest_until is not None and slot <= preference.digest_until:
        # Decided before the hour and committed after the digest had gone: it is in the next one.
        rows.update(slot=policy.next_digest(reader.hours, after=now))
        return False
    rows.update(went_at=now)
    Preference.objects.filter(user_id=user_id).update(digest_until=slot)
    outbox.enqueue(messages.digest(asides, way=_way(reader), to=reader, slot=slot), at=now)
    return True


def _way(reader: Addressee) -> Way:
    """Where a digest goes: the first e-mail that was chosen for what is collected, else that of the account."""
    wanted = [way for one in policy.COLLECTABLE if one in reader.preference.collected for way in reader.ways_to(one)]
    account = [way for way in reader.ways if way.word == ACCOUNT]
    return next(way for way in [*wanted, *account] if way.channel == "email")


def forget_old(*, now: datetime) -> None:
    """Drop what went or was settled long ago."""
    for column in ("went_at", "settled_at"):
        Aside.objects.filter(**{f"{column}__lt": now - KEPT}).delete()
