"""Tallies: what the relay counts with each move, in the same transaction, so that nobody counts a million messages.

A latency is kept under the upper bound of its bucket in seconds, as Prometheus writes it, and its milliseconds under
the word MILLISECONDS; the sums are a histogram.
"""

from collections.abc import Iterable

from django.db import connection, transaction

from notifications.models import Tally

CROWDED = 200
"""How many tallies are left lying before they are folded."""
BUCKETS = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0)
"""Upper bounds in seconds; a page should be within 10, and is late after 60."""
BEYOND, MILLISECONDS = "+Inf", "ms"

Change = tuple[str, str, str, int]
"""Channel, kind, word, and how many more."""


def count(changes: Iterable[Change]) -> None:
    """Append tallies in the caller's transaction."""
    Tally.objects.bulk_create(
        Tally(channel=channel, kind=kind, word=word, count=change) for channel, kind, word, change in changes
    )


def bucket_of(seconds: float) -> str:
    """The upper bound of the smallest bucket that holds this latency, as a word."""
    return next((str(bound) for bound in BUCKETS if seconds <= bound), BEYOND)


def latency(seconds: float) -> list[tuple[str, str, int]]:
    """What a message adds to its channel's histogram when it was sent after so many seconds: kind, word, how many."""
    seconds = max(0.0, seconds)
    words = ((bucket_of(seconds), 1), (MILLISECONDS, round(1000 * seconds)))
    return [(Tally.Kind.LATENCY, word, change) for word, change in words]


@transaction.atomic
def fold() -> None:
    """Replace many tallies by few with the same sums."""
    rows = list(Tally.objects.select_for_update(skip_locked=connection.vendor == "postgresql")[: 10 * CROWDED])
    if len(rows) < CROWDED:
        return
    sums: dict[tuple[str, str, str], int] = {}
    for row in rows:
        key = (row.channel, row.kind, row.word)
        sums[key] = sums.get(key, 0) + row.count
    Tally.objects.filter(pk__in=[row.pk for row in rows]).delete()
    count((*key, total) for key, total in sums.items() if total)
