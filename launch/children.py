"""Processes that end when the launcher ends."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from launch import layout
from launch.guard import GRACE, Guard, end_groups

LOG_LIMIT = 10 * 1024 * 1024
"""A log larger than this is set aside as `.old`, so that a long run cannot fill the disk."""

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def end_with_the_launcher() -> None:
    """Between the fork and the exec of a child: have the kernel end it when the launcher dies.

    Running Python there is safe, since the launcher has no threads.
    """
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass(frozen=True)
class Program:
    """What to start, and how it likes to be ended; lower ranks are ended first."""

    name: str
    command: tuple[str, ...]
    folder: Path = layout.ROOT
    rank: int = 0
    ask: signal.Signals = signal.SIGTERM
    user: int | None = None


def start(program: Program, *, env: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    """Start *program* in a process group of its own, with all it prints appended to *log*."""
    with log.open("ab") as out:
        return subprocess.Popen(
            program.command,
            cwd=program.folder,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=end_with_the_launcher,  # noqa: PLW1509 - it says itself why
            user=program.user,
            group=program.user,
            extra_groups=None if program.user is None else [],
        )


class Children:
    """The processes of one launcher, each known by its name."""

    def __init__(self, *, logs: Path = layout.LOGS, keep: Iterable[int] = (), grace: float = GRACE) -> None:
        """Write their logs to the folder *logs*; keep the locks of *keep* until the last of them has ended."""
        self._logs = logs
        self._grace = grace
        self._guard = Guard(keep=keep, grace=grace)
        self._running: dict[str, tuple[Program, subprocess.Popen[bytes]]] = {}

    def __enter__(self) -> "Children":
        return self

    def __exit__(self, *_: object) -> None:
        self.end_all()

    def log(self, name: str) -> Path:
        """Return where *name* writes what it prints."""
        return self._logs / f"{name}.log"

    def start(self, program: Program, *, env: Mapping[str, str]) -> None:
        """Start *program*; it must not run already."""
        log = self.log(program.name)
        set_aside(log)
        process = start(program, env=env, log=log)
        self._guard.watch(process.pid, rank=program.rank, ask=program.ask)
        self._running[program.name] = (program, process)

    def exit_code(self, name: str) -> int | None:
        """Return how *name* ended, or None while it runs."""
        return self._running[name][1].poll()

    def end(self, name: str) -> None:
        """End *name* and whatever it started."""
        program, process = self._running.pop(name)
        end_groups({process.pid: program.ask}, grace=self._grace, reap=process.poll)
        process.wait()
        self._guard.forget(process.pid)

    def sweep(self, folder: Path) -> Path:
        """Promise that *folder* is removed at the end, and return it."""
        self._guard.sweep(folder)
        return folder

    def end_all(self) -> None:
        """End all of them, lower ranks first, and return when they are gone."""
        self._guard.close(self._reap)
        # Empty unless somebody killed the guard.
        left = {process.pid: program.ask for program, process in self._running.values() if process.poll() is None}
        end_groups(left, reap=self._reap)

    def _reap(self) -> None:
        for _, process in self._running.values():
            process.poll()

    def wait_until(self, name: str, is_ready: Callable[[], bool], *, seconds: float) -> bool:
        """Wait until *is_ready*; False if *name* ends before, or the *seconds* run out."""
        give_up_at = time.monotonic() + seconds
        while time.monotonic() < give_up_at:
            if is_ready():
                return True
            if self.exit_code(name) is not None:
                return False
            time.sleep(0.02)
        return False


def set_aside(log: Path, *, limit: int = LOG_LIMIT) -> None:
    """Move what is in *log* to `.old` if it is larger than *limit*; a process that writes to it may go on."""
    if not log.is_file() or log.stat().st_size < limit:
        return
    log.with_suffix(".log.old").write_bytes(log.read_bytes())
    # Truncated in place, since a writer has it open; it appends, so it goes on at the new end.
    os.truncate(log, 0)
