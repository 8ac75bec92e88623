"""The measurements: what is compared with what, in interleaved rounds, so that a noisy minute hits both sides alike."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bench.load import Run, Timing, play
from bench.sides import Server
from bench.workloads import Workload

SLICE = 0.5
"""Seconds that one side is measured before the other has its turn, so that a noisy moment hits both."""
WARM_UP = 0.1
"""Seconds before each slice whose answers do not count."""


@dataclass(frozen=True)
class Pace:
    """How many rounds, and the seconds for which each side is measured in one."""

    rounds: int
    seconds: float

    @property
    def slices(self) -> int:
        """How often the sides take turns in a round."""
        return max(1, round(self.seconds / SLICE))


@dataclass
class Series:
    """The runs of one workload at one concurrency on one server, a Timing for each round."""

    timings: list[Timing] = field(default_factory=list)

    def median(self, part: str) -> float:
        """The median over the rounds of `p50`, `p99` or `per_second`."""
        return statistics.median(float(getattr(timing, part)) for timing in self.timings)


def ratio(upper: Series, lower: Series, part: str) -> float:
    """The median of the rounds' ratios; both runs of a round had the same noise around them."""
    pairs = zip(upper.timings, lower.timings, strict=True)
    return statistics.median(float(getattr(above, part)) / float(getattr(below, part)) for above, below in pairs)


def compare(
    workload: Workload, servers: Sequence[Server], pace: Pace, *, concurrency: int = 1, say: Callable[[str], None]
) -> list[Series]:
    """Run the workload on each server in turn, round after round; the other servers are idle meanwhile."""
    for server in servers:
        workload.prove(server)
    found = [Series() for _ in servers]
    for _ in range(pace.rounds):
        runs: list[list[Run]] = [[] for _ in servers]
        for turn in range(pace.slices):
            # Every second turn goes the other way, so that neither side always follows the other.
            order = list(enumerate(servers))
            for index, server in order if turn % 2 == 0 else reversed(order):
                runs[index].append(_slice(workload, server, concurrency))
        for series, round_runs in zip(found, runs, strict=True):
            series.timings.append(Timing.of(round_runs))
    names = [f"{server.place.side} {server.place.rows:,}" for server in servers]
    for name, series in zip(names, found, strict=True):
        p50, p99, rate = (series.median(part) for part in ("p50", "p99", "per_second"))
        rounds = " ".join(f"{timing.p50:.2f}" for timing in series.timings)
        say(f"  {workload.name} c{concurrency} {name}: p50 {p50:.2f} ms [{rounds}], p99 {p99:.2f} ms, {rate:.0f}/s")
    return found


def _slice(workload: Workload, server: Server, concurrency: int) -> Run:
    script = workload.scripts[server.place.side](server)
    for seconds in (WARM_UP, SLICE):
        run = play(server.address, script, concurrency=concurrency, seconds=seconds, expected=workload.expected)
    return run


# --- Results ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """One line of the table. `limit` and `decklog` are in `unit`; `value` is what the target is about.

    `target` None means that the line is for information.
    """

    name: str
    unit: str
    limit: float | None
    decklog: float
    value: float
    target: float | None = None
    at_least: bool = False

    @property
    def is_met(self) -> bool | None:
        """Whether the target is reached; None without one."""
        if self.target is None:
            return None
        return self.value >= self.target if self.at_least else self.value <= self.target

    @property
    def goal(self) -> str:
        """The target in words."""
        return "" if self.target is None else f"{'≥' if self.at_least else '≤'} {self.target:g}"


def time_line(name: str, pair: Sequence[Series], target: float | None, *, part: str = "p50") -> Line:
    """A line for a time in ms, as a multiple of the limit's."""
    limit, decklog = pair
    return Line(name, "ms", limit.median(part), decklog.median(part), ratio(decklog, limit, part), target)


def rate_line(name: str, pair: Sequence[Series], target: float | None) -> Line:
    """A line for answers per second, as a part of the limit's."""
    limit, decklog = pair
    part = "per_second"
    share = ratio(decklog, limit, part)
    return Line(name, "/s", limit.median(part), decklog.median(part), share, target, at_least=True)
