"""A process that outlives the launcher by a moment and ends everything the launcher started.

The launcher tells it over a pipe what lives. When the pipe closes, because the launcher is done or was killed, the
guard ends what is left. So there is one way of stopping, and `kill -9` of the launcher takes the same way.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

GRACE = 8.0
"""Seconds between asking a process to end and ending it."""


class Guard:
    """The launcher's end of the pipe."""

    def __init__(self, *, keep: Iterable[int] = (), grace: float = GRACE) -> None:
        """Start the guard; it keeps the descriptors *keep* open, and with them their locks, until all has ended."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "launch.guard", str(grace)],
            stdin=subprocess.PIPE,
            cwd=Path(__file__).resolve().parent.parent,
            start_new_session=True,
            pass_fds=tuple(keep),
        )

    def _tell(self, *words: object) -> None:
        # A guard that somebody killed must not take the launcher with it.
        with contextlib.suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.write(("\t".join(str(word) for word in words) + "\n").encode())
                self._process.stdin.flush()

    def watch(self, group: int, *, rank: int, ask: signal.Signals) -> None:
        """End the process group *group* with the signal *ask*, after all groups of a lower rank."""
        self._tell("group", group, rank, int(ask))

    def forget(self, group: int) -> None:
        """The group is gone; its number may soon be another program's."""
        self._tell("forget", group)

    def sweep(self, folder: Path) -> None:
        """Remove *folder* at the very end."""
        self._tell("folder", folder)

    def close(self, reap: Callable[[], object]) -> None:
        """End everything and return when it has ended; *reap* collects the children meanwhile."""
        with contextlib.suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        while self._process.poll() is None:
            reap()
            time.sleep(0.02)
        reap()


def is_alive(group: int) -> bool:
    """True while any process of *group* exists and is more than a zombie."""
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        # macOS answers EPERM for a group of which only a zombie is left.
        return False
    # Orphans become zombies of process 1, which in a container may be a program that never collects them.
    states = list(_states(group))
    return not states or any(state not in "ZX" for state in states)


def _states(group: int) -> Iterator[str]:
    """Yield the state of each process of *group*; none where the system does not tell."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # The name before the last parenthesis may contain anything.
            state, _parent, own_group = path.read_text(errors="replace").rpartition(")")[2].split()[:3]
            if int(own_group) == group:
                yield state


def _signal(groups: Iterable[int], number: int) -> None:
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)


def end_groups(groups: Mapping[int, int], *, grace: float = GRACE, reap: Callable[[], object] = lambda: None) -> None:
    """Ask each group to end with its own signal; after *grace* seconds end what is left without asking."""
    for group, ask in groups.items():
        _signal([group], ask)
    give_up_at = time.monotonic() + grace
    while time.monotonic() < give_up_at:
        reap()
        if not any(is_alive(group) for group in groups):
            return
        time.sleep(0.02)
    _signal(groups, signal.SIGKILL)


def main(*, seconds: float) -> None:
    """Listen until the launcher is gone, then end what it left within *seconds*: the lowest rank first."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: dict[int, tuple[int, int]] = {}
    folders: list[str] = []
    for line in sys.stdin:
        match line.rstrip("\n").split("\t"):
            case ["group", group, rank, ask]:
                groups[int(group)] = (int(rank), int(ask))
            case ["forget", group]:
                groups.pop(int(group), None)
            case ["folder", folder]:
                folders.append(folder)
    give_up_at = time.monotonic() + seconds
    for rank in sorted({rank for rank, _ in groups.values()}):
        grace = max(1.0, give_up_at - time.monotonic())
        end_groups({group: ask for group, (own, ask) in groups.items() if own == rank}, grace=grace)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(seconds=float(sys.argv[1]))
