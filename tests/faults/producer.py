"""`python -m tests.faults.producer COUNT SECONDS PRIORITY PREFIX CHANNEL`: enqueue messages, so many seconds apart.

A key is printed once its transaction is committed, as an API would answer then.
"""

import os
import sys
import time

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.db import InterfaceError, OperationalError, connection, transaction  # noqa: E402 - needs the settings
from django.utils import timezone  # noqa: E402

from notifications.outbox import NewMessage, enqueue  # noqa: E402

RECIPIENTS = {"email": "ann@example.com", "pager": "schedule:payments-primary", "slack": "#changes"}


def accept(key: str, priority: int, channel: str) -> None:
    """Enqueue one message, however often the database has to be asked."""
    recipient = RECIPIENTS[channel]
    new = NewMessage(dedup_key=key, channel=channel, recipient=recipient, title=key, text="Look.", priority=priority)
    while True:
        try:
            with transaction.atomic():
                enqueue(new, at=timezone.now())
        except (OperationalError, InterfaceError):
            connection.close()
            time.sleep(0.2)
        else:
            return


if __name__ == "__main__":
    count, seconds, priority, prefix = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    by_channel = sys.argv[5]
    for number in range(count):
        accept(f"{prefix}-{number}", priority, by_channel)
        sys.stdout.write(f"{prefix}-{number}\n")
        sys.stdout.flush()
        time.sleep(seconds)
