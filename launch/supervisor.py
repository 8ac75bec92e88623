"""Keeps programs running: starts again what has ended, with growing pauses."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from launch import console
from launch.children import Children, Program, set_aside

LONGEST_PAUSE = 30.0
GOOD_RUN = 30.0
"""Seconds after which a program counts as started well, and its pauses begin anew."""


def pause_after(failures: int) -> float:
    """Return the seconds to wait before the start that follows this many failures in a row."""
    return min(LONGEST_PAUSE, 2.0 ** (failures - 1))


@dataclass
class Life:
    """One program's present life."""

    program: Program
    started_at: float
    failures: int = 0
    due_at: float | None = None
    """When to start it again; None while it runs."""


class Supervisor:
    """Starts programs in order, and again when they end by themselves."""

    def __init__(self, children: Children, *, env: Mapping[str, str]) -> None:
        self._children = children
        self._env = env
        self._lives: dict[str, Life] = {}

    def start(self, programs: Sequence[Program]) -> None:
        """Start *programs* and look after them from now on."""
        for program in programs:
            self._children.start(program, env=self._env)
            self.adopt(program)

    def adopt(self, program: Program) -> None:
        """Look after *program*, which runs already."""
        self._lives[program.name] = Life(program, time.monotonic())

    def failures(self, name: str) -> int:
        """Return how often in a row *name* has ended soon after its start."""
        return self._lives[name].failures

    def restart(self, name: str, *, because: str) -> None:
        """End *name* now and start it again, as it does not do its work."""
        life = self._lives[name]
        console.say(f"{name} {because}; starting it again.")
        if life.due_at is None:
            self._children.end(name)
        life.due_at = time.monotonic()

    def look(self) -> None:
        """Notice who has ended, and start those whose pause is over."""
        for life in self._lives.values():
            set_aside(self._children.log(life.program.name))
            if life.due_at is None:
                self._notice(life)
            elif time.monotonic() >= life.due_at:
                self._children.start(life.program, env=self._env)
                life.started_at, life.due_at = time.monotonic(), None

    def _notice(self, life: Life) -> None:
        name = life.program.name
        code = self._children.exit_code(name)
        if code is None:
            return
        now = time.monotonic()
        life.failures = 1 if now - life.started_at > GOOD_RUN else life.failures + 1
        pause = pause_after(life.failures)
        # What it started may live on, and would hold its port or its socket.
        self._children.end(name)
        life.due_at = now + pause
        how = f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"
        console.say(f"{name} {how}; starting it again in {pause:.0f} s. Its words: {self._children.log(name)}")
