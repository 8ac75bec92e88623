"""The guarantee: every worker process sweeps the outbox by itself, whether or not the broker and beat are there.

One thread keeps watch: it notes that it is alive, gives back what dead workers held, gives up what is too late, and
wakes the carriers of each lane where something is due. The carriers send. Another thread minds the canary
(`notifications.canary`). None of them ends because of an error: a database that is away is asked again at the next
round.
"""

import threading
import time
from collections.abc import Callable
from typing import Any

import structlog
from celery import bootsteps
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.utils.module_loading import import_string

from notifications import canary, relay, tallies
from notifications.models import Mark, Message
from notifications.relay import Lane

log = structlog.get_logger("decklog.sweeper")
EVERY = 5.0
"""Seconds between two sweeps."""
CARRIERS = {Message.Priority.PAGE: 4, Message.Priority.NORMAL: 2}
"""How many messages of one lane a worker process sends at a time."""
CANARY_CARRIERS = 1
PATIENCE = 5.0
"""How long an ending worker waits for attempts under way; what is not finished then is sent again after its lease."""


def round_of_watch() -> None:
    """Everything about the outbox that is due, except sending."""
    at = relay.now()
    Mark.objects.update_or_create(name=Mark.SWEEPER, defaults={"at": at})
    relay.rescue(at=at)
    relay.bury(at=at)
    tallies.fold()


def carry(lane: Lane, should_stop: Callable[[], bool] = lambda: False) -> int:
    """Send what is due in `lane`; return how many attempts that took."""
    return relay.work(lane, should_stop=should_stop)


def carriers(lane: Lane) -> int:
    """How many messages of this lane a worker process sends at a time."""
    return CANARY_CARRIERS if lane.channel == Message.Channel.CANARY else CARRIERS[Message.Priority(lane.priority)]


class Sweeper:
    """The threads of one worker process."""

    def __init__(self) -> None:
        self._wakes = {lane: threading.Event() for lane in relay.lanes()}
        self._wake_watch = threading.Event()
        self._is_ending = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin to sweep; called once the worker's pool is up, before it looks for its broker."""
        _here.append(self)
        self._start(self._keep_watch, "sweeper")
        self._start(self._mind_the_canary, "canary")
        for lane in self._wakes:
            for number in range(carriers(lane)):
                self._start(self._carry, f"carrier-{lane.channel}-{lane.priority}-{number}", lane)

    def stop(self) -> None:
        """End, and wait a little for attempts under way."""
        if self in _here:
            _here.remove(self)
        self._is_ending.set()
        self.wake()
        give_up_at = time.monotonic() + PATIENCE
        for thread in self._threads:
            thread.join(max(0.0, give_up_at - time.monotonic()))

    def wake(self, channel: str = "") -> None:
        """Look now instead of at the next round: on this channel, or everywhere."""
        if not channel:
            self._wake_watch.set()
        for lane, event in self._wakes.items():
            if channel in {"", lane.channel}:
                event.set()

    def _start(self, target: Callable[..., None], name: str, *words: object) -> None:
        thread = threading.Thread(target=target, args=words, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _keep_watch(self) -> None:
        while not self._is_ending.is_set():
            _guarded(round_of_watch)
            for duty in settings.SWEEPER_DUTIES:
                _guarded(import_string(duty))
            self.wake()
            self._wake_watch.clear()
            self._wake_watch.wait(EVERY)

    def _mind_the_canary(self) -> None:
        # Beside the watch, because a ping may take as long as somebody outside likes.
        while not self._is_ending.wait(EVERY):
            _guarded(canary.watch)

    def _carry(self, lane: Lane) -> None:
        wake = self._wakes[lane]
        while not self._is_ending.is_set():
            wake.wait()
            wake.clear()
            _guarded(lambda: carry(lane, self._is_ending.is_set))


def _guarded(duty: Callable[[], Any]) -> None:
    """Do a duty; an error is logged and forgotten, and the next round begins with a fresh connection."""
    try:
        duty()
    except (DatabaseError, InterfaceError) as failure:
        log.warning("database_away", error=str(failure))
        _hang_up()
    except Exception:
        log.exception("sweep_failed")
        _hang_up()


def _hang_up() -> None:
    try:
        connection.close()
    except (DatabaseError, InterfaceError):
        log.warning("connection_not_closed")


_here: list[Sweeper] = []
"""The sweeper of this process, if it has one."""


def hurry(channel: str = "") -> None:
    """Wake this process's sweeper; a process without one (a forked pool) does the work itself."""
    if _here:
        _here[0].wake(channel)
        return
    if not channel:
        round_of_watch()
    for lane in relay.lanes():
        if channel in {"", lane.channel}:
            carry(lane)


class Sweeping(bootsteps.StartStopStep):
    """Puts the sweeper into a Celery worker. It starts before the consumer, so it runs while the broker is away."""

    requires = ("celery.worker.components:Pool",)

    def create(self, worker: Any) -> Sweeper:  # type: ignore[override]  # the stubs say None; Celery starts the result
        """The worker's sweeper; Celery starts and stops it."""
        return Sweeper()
