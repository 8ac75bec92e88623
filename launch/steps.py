"""Commands that are waited for."""

import contextlib
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from launch import children, console, layout
from launch.guard import GRACE, end_groups


def run_quietly(command: Sequence[str], *, env: Mapping[str, str], log: Path) -> int:
    """Run *command* with its output in *log* alone, and return its exit code; it ends when the launcher is stopped."""
    log.unlink(missing_ok=True)
    process = children.start(children.Program(log.stem, tuple(command)), env=env, log=log)
    try:
        return process.wait()
    except BaseException:
        end_groups({process.pid: signal.SIGTERM}, reap=process.poll)
        raise


def output_of(command: Sequence[str], *, env: Mapping[str, str] | None = None, user: int | None = None) -> str | None:
    """Return what a short *command* prints, or None if it fails or is not there."""
    try:
        return subprocess.run(
            command,
            env=None if env is None else dict(env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
            user=user,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None


def run_in_sight(command: Sequence[str], *, env: Mapping[str, str]) -> int:
    """Run *command* on this terminal and return its exit code; when the launcher is stopped, it is too."""
    process = subprocess.Popen(
        command,
        cwd=layout.ROOT,
        env=dict(env),
        preexec_fn=children.end_with_the_launcher,  # noqa: PLW1509 - it says itself why
    )
    try:
        return process.wait()
    except console.Stopped as stopped:
        # Ctrl-C reached it as well; a signal to the launcher alone did not.
        if stopped.signal_number != signal.SIGINT:
            process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=GRACE)
        process.kill()
        raise


class Timer:
    """Counts from its making."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def __str__(self) -> str:
        return f"{time.monotonic() - self._start:.1f} s"
