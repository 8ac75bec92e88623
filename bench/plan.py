"""`make bench`: fill, serve, measure, report."""

import argparse
import contextlib
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from bench import report, workloads
from bench.distribution import END
from bench.limit.statements import INSERT
from bench.load import Run, Timing
from bench.measure import Line, Pace, Series, compare, rate_line, ratio, time_line
from bench.sides import SIDES, WORKERS, Hall, Server, memory
from launch import console, layout, suite
from launch.children import Children

SMALL, LARGE, FRESH = 100_000, 1_000_000, 200_000
NAMES = ("W1", "W2", "W3", "W4", "memory")


def main() -> int:
    """Measure and print; 0 when every target is met, 1 when one is missed."""
    chosen = _words().parse_args()
    layout.make_state_folders()
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load > cores / 2:
        _say(
            f"This machine is busy (load {load:.1f} on {cores} cores); W1 needs both cores, so wait for a quiet moment."
        )
    console.end_on_signals()
    with contextlib.suppress(console.Stopped), Children() as children:
        env = dict(os.environ)
        if "TEST_POSTGRES_URL" not in env:
            env |= suite.provide(children, is_durable=True)
        env.setdefault("REDIS_URL", env.get("TEST_REDIS_URL", ""))
        lines = Bench(Hall(children, env, threads=chosen.threads), chosen).run()
        print("\n" + (report.markdown(lines) if chosen.markdown else report.table(lines)))
        print(f"\nKept in {report.keep(lines, settings={**vars(chosen), 'load_at_start': load})}")
        return 1 if any(line.is_met is False for line in lines) else 0
    return 1


def _words() -> argparse.ArgumentParser:
    words = argparse.ArgumentParser(prog="make bench", description="Measure Decklog against the limit.")
    words.add_argument("--quick", action="store_true", help="100,000 rows only, and shorter runs")
    words.add_argument("--only", nargs="+", choices=NAMES, default=list(NAMES), help="some of the workloads")
    words.add_argument("--rounds", type=int, default=3)
    words.add_argument("--seconds", type=float, default=3.0, help="of each run")
    words.add_argument("--threads", type=int, default=4, help="of each of the two workers of a web tier")
    words.add_argument("--keep", action="store_true", help="take databases that an earlier run has filled")
    words.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    return words


@dataclass
class Bench:
    """One run of the whole."""

    hall: Hall
    chosen: argparse.Namespace

    def run(self) -> list[Line]:
        """Fill the databases, start all servers, and measure one workload after the other."""
        small = self._serve(SMALL)
        large = self._serve(LARGE) if "W2" in self.chosen.only and not self.chosen.quick else []
        lines: list[Line] = []
        # Reading comes first, while both sides hold the same rows; memory comes after the work that fills it.
        if "W2" in self.chosen.only:
            lines += self._lists(small, large)
        if "W3" in self.chosen.only:
            lines.append(time_line("W3 page of 50", self._compare(workloads.PAGE, small), 1.0))
        if "W4" in self.chosen.only:
            lines.append(time_line("W4 search", self._compare(workloads.SEARCH, small), 2.0))
        if "W1" in self.chosen.only:
            lines = [*self._logging(small), *lines]
        if "memory" in self.chosen.only:
            lines += _memory(small)
        if "W4" in self.chosen.only:
            lines.append(self._search_after_ingest(small))
        return lines

    def _serve(self, rows: int) -> list[Server]:
        _say(f"Filling {rows:,} rows for each side.")
        places = self.hall.fill(rows, keep=self.chosen.keep)
        return [self.hall.serve(places[side]) for side in SIDES]

    def _compare(self, workload: workloads.Workload, servers: Sequence[Server], concurrency: int = 1) -> list[Series]:
        seconds = min(self.chosen.seconds, 1.0) if self.chosen.quick else self.chosen.seconds
        pace = Pace(self.chosen.rounds, seconds)
        return compare(workload, servers, pace, concurrency=concurrency, say=_say)

    def _logging(self, servers: list[Server]) -> list[Line]:
        lines = []
        one = self._compare(workloads.LOG_ONE, servers)
        lines.append(time_line("W1 log one, p50", one, 2.0))
        for concurrency in (8, 32):
            pair = self._compare(workloads.LOG_ONE, servers, concurrency)
            lines.append(rate_line(f"W1 log one, {concurrency} at once", pair, 0.5))
            lines.append(time_line(f"W1 p99, {concurrency} at once", pair, None, part="p99"))
        lines.append(time_line("W1 started and finished, each", self._compare(workloads.LOG_PAIR, servers), None))
        floor = _postgres_alone(servers[0].place.url, seconds=self.chosen.seconds)
        lines.append(
            Line("PostgreSQL alone, one insert", "ms", one[0].median("p50"), floor, floor / one[0].median("p50"))
        )
        return lines

    def _lists(self, small: list[Server], large: list[Server]) -> list[Line]:
        series = self._compare(workloads.FILTERED, [*small, *large])
        lines = [time_line("W2 list of 50 of 100 k", series[:2], 1.5)]
        if large:
            limit, decklog = (ratio(big, little, "p50") for little, big in zip(series[:2], series[2:], strict=True))
            lines.append(time_line("W2 list of 50 of 1 M", series[2:], None))
            lines.append(Line("W2 growth from 100 k to 1 M", "×", limit, decklog, decklog, 1.15))
        return lines

    def _search_after_ingest(self, servers: list[Server]) -> Line:
        for server in servers:
            self.hall.freshen(server.place, FRESH)
        return time_line("W4 search right after 200 k inserts", self._compare(workloads.SEARCH, servers), 2.0)


def _memory(servers: list[Server]) -> list[Line]:
    limit, decklog = (memory(server.pid) for server in servers)
    title = f"memory of the web tier, {WORKERS} workers"
    return [
        Line(f"{title}, PSS", "MiB", limit["pss"], decklog["pss"], decklog["pss"], 150),
        Line(f"{title}, RSS", "MiB", limit["rss"], decklog["rss"], decklog["rss"]),
    ]


def _postgres_alone(url: str, *, seconds: float) -> float:
    """Milliseconds of the limit's insert without a web server."""
    values = (
        "service-07",
        "production",
        "succeeded",
        "2.14.0",
        "Deploy",
        "x" * 140,
        "https://ci.example.com",
        "ci",
        END,
        "{}",
    )
    times = []
    with psycopg.connect(url, autocommit=True) as connection:
        give_up_at = time.perf_counter() + seconds
        while time.perf_counter() < give_up_at:
            start = time.perf_counter()
            connection.execute(INSERT, values, prepare=True)
            times.append(time.perf_counter() - start)
    return Timing.of([Run(times, seconds)]).p50


def _say(text: str) -> None:
    print(text, flush=True)
