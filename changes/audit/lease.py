"""Who makes a pack at the moment: a heartbeat in its own row, which only its owner can continue."""

import time
from datetime import datetime, timedelta

from django.db.models import F, Q, QuerySet
from django.utils import timezone

from changes.audit.models import EvidencePack

LASTS = timedelta(seconds=60)
"""A maker that has not been heard of for so long is taken for dead."""
EVERY = 2.0
"""Seconds between two heartbeats, at least."""


class Overtaken(Exception):
    """Somebody else makes the pack now, because this maker was silent for too long; it must stop."""


class Lease:
    """The right to make one pack, as long as its heartbeat goes on; who wrote the last beat is its owner."""

    def __init__(self, pack: int, attempt: int, until: datetime) -> None:
        self._pack, self._attempt, self._until = pack, attempt, until
        self._beaten = time.monotonic()

    @property
    def is_due(self) -> bool:
        """Whether it is time for a heartbeat."""
        return time.monotonic() - self._beaten >= EVERY

    def beat(self) -> None:
        """Show that the maker lives; raises Overtaken. In a transaction it also keeps others out until its end."""
        until = timezone.now() + LASTS
        if not self._ours().update(leased_until=until):
            raise Overtaken(f"PACK-{self._pack}")
        self._until, self._beaten = until, time.monotonic()

    def end(self) -> None:
        """Give the right back."""
        self._ours().update(leased_until=None)

    def _ours(self) -> QuerySet[EvidencePack]:
        return EvidencePack.objects.filter(pk=self._pack, attempt=self._attempt, leased_until=self._until)


def take(pack: EvidencePack, *, now: datetime) -> Lease | None:
    """The right to make it, unless somebody who lives has it. It is one more attempt, as `pack` then shows."""
    free = Q(leased_until__isnull=True) | Q(leased_until__lt=now)
    mine = EvidencePack.objects.filter(free, pk=pack.pk, attempt=pack.attempt)
    if not mine.update(attempt=F("attempt") + 1, leased_until=now + LASTS):
        return None
    pack.attempt += 1
    return Lease(pack.pk, pack.attempt, now + LASTS)


def is_held(pack: EvidencePack, *, now: datetime) -> bool:
    """Whether somebody who lives has it."""
    return pack.leased_until is not None and pack.leased_until >= now
