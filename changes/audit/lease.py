"""Who makes a pack at the moment: a heartbeat in the database, which only its owner can continue."""

import time
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from notifications.models import Mark

LASTS = timedelta(seconds=60)
"""A maker that has not been heard of for so long is taken for dead."""
EVERY = 2.0
"""Seconds between two heartbeats, at least."""


class Overtaken(Exception):
    """Somebody else makes the pack now, because this maker was silent for too long; it must stop."""


class Lease:
    """The right to make one pack, as long as its heartbeat goes on."""

    def __init__(self, name: str, at: datetime) -> None:
        self._name, self._at = name, at
        self._beaten = time.monotonic()

    @property
    def is_due(self) -> bool:
        """Whether it is time for a heartbeat."""
        return time.monotonic() - self._beaten >= EVERY

    def beat(self) -> None:
        """Show that the maker lives; raises Overtaken. In a transaction it also keeps others out until its end."""
        now = timezone.now()
        if not Mark.objects.filter(name=self._name, at=self._at).update(at=now):
            raise Overtaken(self._name)
        self._at, self._beaten = now, time.monotonic()

    def end(self) -> None:
        """Give the right back."""
        Mark.objects.filter(name=self._name, at=self._at).delete()


def take(name: str, *, now: datetime) -> Lease | None:
    """The lease called `name`, unless somebody who lives has it."""
    with transaction.atomic():
        _, is_new = Mark.objects.get_or_create(name=name, defaults={"at": now})
        is_ours = is_new or bool(Mark.objects.filter(name=name, at__lt=now - LASTS).update(at=now))
    return Lease(name, now) if is_ours else None


def is_held(name: str, *, now: datetime) -> bool:
    """Whether somebody who lives has it."""
    return Mark.objects.filter(name=name, at__gte=now - LASTS).exists()
