"""What the person at the terminal sees, and how they end it."""

import contextlib
import os
import signal
import sys
from pathlib import Path
from types import FrameType


class Refusal(Exception):
    """One sentence that says what is missing and what to do; no traceback follows it."""


class Stopped(BaseException):
    """Ctrl-C, a TERM or the end of the terminal: wherever the launcher is, it now only cleans up."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number


def _stop_once(signal_number: int, _frame: FrameType | None) -> None:
    # A second Ctrl-C must not interrupt the cleaning up that the first one started.
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    raise Stopped(signal_number)


def end_on_signals() -> None:
    """From now on INT, TERM and HUP raise `Stopped`, the first time; `nohup` is respected.

    INT is taken even where it was ignored: a shell script's background job starts that way, and must still end.
    """
    signal.signal(signal.SIGINT, _stop_once)
    signal.signal(signal.SIGTERM, _stop_once)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, _stop_once)


class Terminal:
    """The terminal that a command was started from, if any."""

    def __init__(self) -> None:
        self._is_followed = os.isatty(0) and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN

    def check(self) -> None:
        """Raise `Stopped` if the terminal has gone away.

        The signal for that goes to the leader of the session, which over ssh is make; and make waits for us.
        """
        if self._is_followed and not os.isatty(0):
            _stop_once(signal.SIGHUP, None)


def say(line: str = "") -> None:
    """Print *line* at once; a terminal that has gone away is no reason to fail."""
    try:
        print(line, flush=True)
    except OSError:
        # Python would try once more at exit and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def complain(line: str) -> None:
    """Print *line* where errors go."""
    with contextlib.suppress(OSError):
        sys.stderr.write(line + "\n")
        sys.stderr.flush()


def last_lines(path: Path, *, count: int = 15) -> list[str]:
    """Return the last *count* lines of the log at *path*; none if it cannot be read."""
    try:
        with path.open("rb") as log:
            log.seek(max(0, path.stat().st_size - 20_000))
            return log.read().decode(errors="replace").splitlines()[-count:]
    except OSError:
        return []


def show_log(path: Path, *, count: int = 15) -> None:
    """Print the end of a log, each line marked with whose it is, and where the rest can be read."""
    for line in last_lines(path, count=count):
        complain(f"  {path.stem} | {line}")
    complain(f"  {path.stem} | all of it: {path}")
