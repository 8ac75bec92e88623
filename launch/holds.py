"""Locks between launchers in the same checkout; the system drops them when their holder dies, however it dies."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from launch import console
from launch.layout import VAR

SETUP = VAR / "setup.lock"
RUN = VAR / "run.lock"


def _take(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _is_ours(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def setup_hold() -> Iterator[None]:
    """Let one launcher at a time install; the next waits and says so."""
    descriptor = _take(SETUP)
    try:
        if not _is_ours(descriptor):
            console.say("Another command is installing in this checkout; waiting for it.")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def run_hold(*, patience: float = 15.0) -> int:
    """Return the descriptor that marks this checkout as running; refuse if a living launcher has it.

    The launcher before may be gone while its children are still being ended: that is waited for.
    """
    descriptor = _take(RUN)
    give_up_at = time.monotonic() + patience
    while not _is_ours(descriptor):
        pid, _, url = RUN.read_text().partition(" ")
        if (pid.isdigit() and _is_alive(int(pid))) or time.monotonic() > give_up_at:
            raise console.Refusal(f"Decklog already runs in this checkout: {url.strip() or 'process ' + pid}.")
        time.sleep(0.1)
    note_run(descriptor, url="")
    return descriptor


def note_run(descriptor: int, *, url: str) -> None:
    """Write down who holds the run, and at which address it answers, for the sentence above."""
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()} {url}\n".encode(), 0)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
