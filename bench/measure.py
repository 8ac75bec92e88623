"""The measurements: what is compared with what, in interleaved rounds, so that a noisy minute hits both sides alike."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bench.load import Timing, play
from bench.sides import Server
from bench.workloads import Workload

WARM_UP = 0.2
"""Of the time of a run; its answers do not count."""


@dataclass(frozen=True)
class Pace:
    """How many rounds, and the seconds of each run in them."""

    rounds: int
    seconds: float


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
    for number in range(pace.rounds):
        # Every second round goes the other way, so that neither side always follows the other.
        order = list(enumerate(servers))
        for index, server in order if number % 2 == 0 else reversed(order):
            script = workload.scripts[server.place.side](server)
            for seconds in (pace.seconds * WARM_UP, pace.seconds):
                timing = play(
                    server.address, script, concurrency=concurrency, seconds=seconds, expected=workload.expected
                )
            found[index].timings.append(timing)
    names = [f"{server.place.side} {server.place.rows:,}" for server in servers]
    for name, series in zip(names, found, strict=True):
        p50, p99, rate = (series.median(part) for part in ("p50", "p99", "per_second"))
        rounds = " ".join(f"{timing.p50:.2f}" for timing in series.timings)
        say(f"  {workload.name} c{concurrency} {name}: p50 {p50:.2f} ms [{rounds}], p99 {p99:.2f} ms, {rate:.0f}/s")
    return found


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
