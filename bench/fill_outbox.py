"""Puts messages into the outbox and prints what it did as JSON. Runs in Decklog's environment.

`--queue N` writes N mails at once while sending is paused; `--pages N` enqueues N pages one by one at random moments,
as actions do, and says when each was committed.
"""

import argparse
import json
import os
import random
import time

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.db import transaction  # noqa: E402 - needs the settings that the lines above have loaded
from django.utils import timezone  # noqa: E402

from notifications import actions, intake, outbox, sweeper  # noqa: E402
from notifications.models import Message  # noqa: E402
from workflow.ledger import SYSTEM  # noqa: E402

BATCH = 1_000


def main() -> None:
    """Do what the words say."""
    words = argparse.ArgumentParser()
    words.add_argument("--queue", type=int, default=0)
    words.add_argument("--pages", type=int, default=0)
    words.add_argument("--every", type=float, default=0.4, help="seconds between two pages, on average")
    words.add_argument("--prefix", default="page")
    chosen = words.parse_args()
    if chosen.queue:
        _queue(chosen.queue)
        print(json.dumps({"carriers": sweeper.CARRIERS[Message.Priority.NORMAL]}))
    else:
        print(json.dumps(_pages(chosen.pages, every=chosen.every, prefix=chosen.prefix)))


def _mail(key: str, *, priority: int) -> outbox.NewMessage:
    return outbox.NewMessage(
        dedup_key=key, channel="email", recipient="ann@example.com", title=key, text="Look at it.", priority=priority
    )


def _queue(count: int) -> None:
    at = timezone.now()
    actions.pause(actor=SYSTEM, at=at)
    keys = [f"queued-{number}" for number in range(count)]
    for start in range(0, count, BATCH):
        new = [_mail(key, priority=Message.Priority.NORMAL) for key in keys[start : start + BATCH]]
        Message.objects.bulk_create([Message(**intake.columns_of(one, at=at)) for one in new])


def _pages(count: int, *, every: float, prefix: str) -> dict[str, float]:
    """When each page was committed (time.time), by its key."""
    dice = random.Random(1912)
    committed = {}
    for number in range(count):
        key = f"{prefix}-{number}"
        with transaction.atomic():
            outbox.enqueue(_mail(key, priority=Message.Priority.PAGE), at=timezone.now())
        committed[key] = time.time()
        time.sleep(dice.uniform(0, 2 * every))
    return committed


if __name__ == "__main__":
    main()
