"""However the launcher ends, nothing that it started lives on."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from launch.layout import ROOT

LAUNCHER = """
import os, sys, time
from pathlib import Path
from launch import console
from launch.children import Children, Program
from launch.supervisor import Supervisor

place = Path(sys.argv[1])
console.end_on_signals()
with Children(logs=place, grace=1.0) as children:
    (place / "swept").mkdir()
    children.sweep(place / "swept")
    supervisor = Supervisor(children, env=dict(os.environ, PLACE=str(place)))
    supervisor.start([Program(name, (sys.executable, "-c", sys.argv[2], name)) for name in sys.argv[3:]])
    try:
        while True:
            supervisor.look()
            time.sleep(0.02)
    except console.Stopped:
        pass
"""

CHILD = """
import os, signal, subprocess, sys, time
from pathlib import Path
if sys.argv[1] == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
below = subprocess.Popen(["sleep", "60"])
place = Path(os.environ["PLACE"])
with (place / sys.argv[1]).open("a") as out:
    out.write(f"{os.getpid()} {below.pid}\\n")
time.sleep(60)
"""


def wait_for(is_true: Callable[[], bool], *, seconds: float = 10.0) -> bool:
    """Return whether *is_true* within *seconds*."""
    give_up_at = time.monotonic() + seconds
    while time.monotonic() < give_up_at:
        if is_true():
            return True
        time.sleep(0.02)
    return is_true()


def lives(place: Path, name: str) -> list[list[int]]:
    """Return the processes of each life of the child *name*."""
    path = place / name
    return [[int(pid) for pid in line.split()] for line in path.read_text().splitlines()] if path.exists() else []


def is_running(pid: int) -> bool:
    """True if *pid* exists and is more than a zombie."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(state.strip()) and not state.startswith("Z")


Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started = []

    def launch(*names: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", LAUNCHER, str(tmp_path), CHILD, *names]
        launcher = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
        started.append(launcher)
        assert wait_for(lambda: all(lives(tmp_path, name) for name in names))
        return launcher

    yield launch
    for launcher in started:
        launcher.kill()
        launcher.wait()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_all_children_and_their_children(start: Start, tmp_path: Path, number: signal.Signals) -> None:
    launcher = start("one", "two")
    launcher.send_signal(number)
    assert launcher.wait(timeout=10) == 0
    assert not any(is_running(pid) for name in ("one", "two") for pid in lives(tmp_path, name)[0])
    assert not (tmp_path / "swept").exists()


def test_a_child_that_ignores_the_request_is_ended_after_the_grace(start: Start, tmp_path: Path) -> None:
    launcher = start("stubborn")
    launcher.send_signal(signal.SIGINT)
    assert launcher.wait(timeout=10) == 0
    assert not any(is_running(pid) for pid in lives(tmp_path, "stubborn")[0])


def test_killing_the_launcher_ends_all_children_even_stubborn_ones(start: Start, tmp_path: Path) -> None:
    launcher = start("one", "stubborn")
    launcher.kill()
    pids = [pid for name in ("one", "stubborn") for pid in lives(tmp_path, name)[0]]
    assert wait_for(lambda: not any(is_running(pid) for pid in pids))
    assert wait_for(lambda: not (tmp_path / "swept").exists())


def test_a_dead_child_is_started_again_and_what_it_left_is_ended(start: Start, tmp_path: Path) -> None:
    start("one", "two")
    first, below = lives(tmp_path, "one")[0]
    os.kill(first, signal.SIGKILL)
    assert wait_for(lambda: len(lives(tmp_path, "one")) == 2)
    assert not is_running(below)
    assert len(lives(tmp_path, "two")) == 1
