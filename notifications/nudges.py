"""Hurry: tells a worker through Celery that something is due. It may be lost, late or repeated without harm.

Publishing can hang for seconds when the broker does not answer, and costs more than the request it is for. So a thread
of each process does it, and many nudges at once become one.
"""

import os
import threading
import time

import structlog
from django.conf import settings

from notifications import tasks
from notifications.models import Message

log = structlog.get_logger("decklog.nudge")
PAGES, MAIL = "pages", "mail"
WORTH_SECONDS = 10
"""After this a nudge is pointless: the worker's own sweep was there first."""
PAUSE_BETWEEN = 0.02
PAUSE_AFTER_FAILURE = 2.0


def queue_of(priority: int) -> str:
    """The Celery queue that carries nudges of this priority."""
    return PAGES if priority == Message.Priority.PAGE else MAIL


class Nudger:
    """Publishes nudges from a thread that it starts when first needed, in each process anew."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wanted: set[tuple[str, int]] = set()
        self._is_wanted = threading.Event()
        self._pid = 0

    def nudge(self, channel: str, priority: int) -> None:
        """Ask for one; returns at once. Without a broker it does nothing, since nobody would ever read it."""
        if not settings.REDIS_URL:
            return
        with self._lock:
            self._wanted.add((channel, priority))
            self._is_wanted.set()
            if self._pid != os.getpid():
                self._pid = os.getpid()
                threading.Thread(target=self._run, name="nudger", daemon=True).start()

    def _run(self) -> None:
        while True:
            self._is_wanted.wait()
            with self._lock:
                wanted, self._wanted = self._wanted, set()
                self._is_wanted.clear()
            lost = [one for one in sorted(wanted, key=lambda one: one[1]) if not _publish(*one)]
            time.sleep(PAUSE_AFTER_FAILURE if lost else PAUSE_BETWEEN)


def _publish(channel: str, priority: int) -> bool:
    try:
        tasks.deliver.apply_async((channel,), queue=queue_of(priority), expires=WORTH_SECONDS, retry=False)
    except Exception as failure:  # noqa: BLE001 - whatever the broker's trouble is, the sweep does the work
        log.warning("nudge_lost", channel=channel, error=type(failure).__name__)
        return False
    return True


NUDGER = Nudger()
