"""`make bench ARGS="messages"`: how fast the outbox drains, how late a page is, and what enqueueing costs a deploy."""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from bench import report, workloads
from bench.load import Address, Pipeline, Script, WrongAnswer, ask, request
from bench.measure import Line, Pace, compare, ratio
from bench.post_office import PostOffice
from bench.sides import DECKLOG, FIRST_PORT, SECONDS_TO_START, WORKERS, Place, Server
from launch import console, layout, ports, suite
from launch.children import Children, Program

DATABASE = "bench_messages"
NAMES = ("drain", "pages", "enqueue")
SENDERS = 2
"""Worker processes."""
NOWHERE = "redis://127.0.0.1:1/0"
"""A broker that is gone; on PostgreSQL Decklog does not start without the address of one."""
LATENCY = 0.05
"""Seconds that the mail server takes over each mail."""
WORKER = "celery -A config --skip-checks worker -P threads -c 4 --loglevel WARNING --without-gossip --without-mingle"
SHARE, COST = 0.8, 1.1
ALLOWED = {"with Redis": 2_000.0, "without Redis": 7_000.0}
"""Milliseconds that the slowest hundredth of pages may take."""


def main(words: Sequence[str]) -> int:
    """Measure and print; 0 when every target is met, 1 when one is missed."""
    chosen = _words().parse_args(words)
    layout.make_state_folders()
    load = os.getloadavg()[0]
    _say(f"Load before the start: {load:.1f} on {os.cpu_count()} cores.")
    console.end_on_signals()
    with contextlib.suppress(console.Stopped), Children() as children:
        env = dict(os.environ)
        if "TEST_POSTGRES_URL" not in env:
            env |= suite.provide(children, is_durable=True)
        env["REDIS_URL"] = env.get("TEST_REDIS_URL", env.get("REDIS_URL", ""))
        lines = MessageBench(children, env, chosen).run()
        print("\n" + (report.markdown(lines) if chosen.markdown else report.table(lines)))
        settings = {**vars(chosen), "load_at_start": load, "load_at_end": os.getloadavg()[0]}
        print(f"\nKept in {report.keep(lines, settings=settings, name='messages')}")
        return 1 if any(line.is_met is False for line in lines) else 0
    return 1


def _words() -> argparse.ArgumentParser:
    words = argparse.ArgumentParser(prog='make bench ARGS="messages"', description="Measure the outbox.")
    words.add_argument("--only", nargs="+", choices=NAMES, default=list(NAMES), help="some of the measurements")
    words.add_argument("--queued", type=int, default=10_000, help="mails to drain")
    words.add_argument("--pages", type=int, default=150, help="pages of each kind")
    words.add_argument("--rounds", type=int, default=3)
    words.add_argument("--seconds", type=float, default=4.0, help="of each run of the deploys")
    words.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    return words


@dataclass
class MessageBench:
    """One run of the whole, on a database of its own."""

    children: Children
    env: Mapping[str, str]
    chosen: argparse.Namespace

    def run(self) -> list[Line]:
        """Make the database and take one measurement after the other."""
        self._office = PostOffice(delay=LATENCY)
        self.env = {
            **self.env,
            "DATABASE_URL": _fresh_database(self.env["TEST_POSTGRES_URL"]),
            "EMAIL_URL": f"smtp://127.0.0.1:{self._office.port}",
            "PYTHONPATH": str(layout.ROOT),
        }
        known = json.loads(self._python("bench.seed_decklog", "--rows", "1000"))
        place = Place(DECKLOG, 1_000, self.env["DATABASE_URL"], **known)
        measurements: dict[str, Callable[[], list[Line]]] = {
            "drain": self._drain,
            "pages": self._pages,
            "enqueue": lambda: self._enqueue(place),
        }
        try:
            return [line for name in self.chosen.only for line in measurements[name]()]
        finally:
            self._office.close()

    # --- Draining -----------------------------------------------------------------------------------------------

    def _drain(self) -> list[Line]:
        """Mails for each second from the first to the last, against what the server's latency allows."""
        count = self.chosen.queued
        _say(f"Queueing {count:,} mails.")
        carriers = json.loads(self._python("bench.fill_outbox", "--queue", str(count)))["carriers"]
        with self._senders(self.env):
            self._python_file("manage.py", "outbox", "resume")
            self._wait(lambda: len(self._office.arrived) >= count, seconds=count * LATENCY)
        times = sorted(when for key, when in self._office.arrived.items() if key.startswith("queued-"))
        rate = (count - 1) / (times[-1] - times[0])
        ideal = SENDERS * carriers / LATENCY
        repeated = self._office.taken - len(self._office.arrived)
        _say(f"  {count:,} mails in {times[-1] - times[0]:.1f} s, {repeated} of them twice")
        title = f"drain {count:,} mails, {SENDERS} workers × {carriers} carriers ÷ {LATENCY * 1000:.0f} ms"
        return [Line(title, "/s", ideal, rate, rate / ideal, SHARE, at_least=True)]

    # --- Pages --------------------------------------------------------------------------------------------------

    def _pages(self) -> list[Line]:
        lines = []
        for kind, env in (("with Redis", self.env), ("without Redis", {**self.env, "REDIS_URL": NOWHERE})):
            with self._senders(env):
                prefix = kind.replace(" ", "-")
                words = ("--pages", str(self.chosen.pages), "--prefix", prefix)
                committed = json.loads(self._python("bench.fill_outbox", *words, env=env))
                self._wait(lambda keys=committed: set(keys) <= set(self._office.arrived), seconds=60)  # type: ignore[misc]  # a default is not typed
            late = sorted((self._office.arrived[key] - when) * 1000 for key, when in committed.items())
            p50, p99 = late[len(late) // 2], late[min(len(late) - 1, len(late) * 99 // 100)]
            _say(f"  {len(late)} pages {kind}: p50 {p50:.0f} ms, p99 {p99:.0f} ms, slowest {late[-1]:.0f} ms")
            lines.append(Line(f"page, idle, {kind}, p99", "ms", ALLOWED[kind], p99, p99 / ALLOWED[kind], 1.0))
        return lines

    # --- What enqueueing costs ----------------------------------------------------------------------------------

    def _enqueue(self, place: Place) -> list[Line]:
        """Deploys that customers notice, by turns where Slack is told of them and where there is no Slack."""
        slack = {"SLACK_BOT_TOKEN": "xoxb-of-the-bench", "SLACK_CHANNEL": "#changes"}
        without = self._serve(place, "bench-without-slack", self.env)
        with_one = self._serve(place, "bench-with-slack", {**self.env, **slack})
        pace = Pace(self.chosen.rounds, self.chosen.seconds)
        lines = []
        for title, is_noticed in (("a deploy without a message", False), ("a deploy with a message", True)):
            pair = compare(_deploys(title, is_noticed=is_noticed), [without, with_one], pace, say=_say)
            limit, decklog = (series.median("p50") for series in pair)
            # The first line shows what the noise between two equal servers is.
            target = COST if is_noticed else None
            lines.append(
                Line(f"POST /deployments, {title}", "ms", limit, decklog, ratio(pair[1], pair[0], "p50"), target)
            )
        return lines

    def _serve(self, place: Place, name: str, env: Mapping[str, str]) -> Server:
        port = ports.choose_port(FIRST_PORT)
        words = ("config.serve", "--threads", "4", "--workers", str(WORKERS), "--host", ports.HOST, "--port", str(port))
        self.children.start(Program(name, (sys.executable, "-m", *words)), env=env)
        address = (ports.HOST, port)
        if not self.children.wait_until(name, lambda: _answers(address), seconds=SECONDS_TO_START):
            raise WrongAnswer(f"{name} does not start; see {self.children.log(name)}")
        return Server(place, address, 0)

    # --- Processes ----------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _senders(self, env: Mapping[str, str]) -> Iterator[None]:
        """Worker processes that are up and have swept once."""
        names = [f"bench-worker-{number}" for number in range(SENDERS)]
        with psycopg.connect(env["DATABASE_URL"], autocommit=True) as connection:
            connection.execute("DELETE FROM notifications_mark WHERE name = 'sweeper'")
            for name in names:
                self.children.start(Program(name, (sys.executable, "-m", *WORKER.split())), env=env)
            query = "SELECT 1 FROM notifications_mark WHERE name = 'sweeper'"
            self._wait(lambda: connection.execute(query).fetchone() is not None, seconds=180)
        # The second worker may still be on its way.
        time.sleep(5)
        try:
            yield
        finally:
            for name in names:
                self.children.end(name)

    def _python(self, module: str, *words: str, env: Mapping[str, str] | None = None) -> str:
        return self._python_file("-m", module, *words, env=env)

    def _python_file(self, *words: str, env: Mapping[str, str] | None = None) -> str:
        command = [sys.executable, *words]
        done = subprocess.run(
            command, cwd=layout.ROOT, env=dict(env or self.env), stdout=subprocess.PIPE, text=True, check=True
        )
        return done.stdout

    def _wait(self, is_so: Callable[[], bool], *, seconds: float) -> None:
        give_up_at = time.monotonic() + seconds
        while not is_so():
            if time.monotonic() > give_up_at:
                raise WrongAnswer(f"It was not so within {seconds:.0f} s; the workers' logs are in {layout.LOGS}.")
            time.sleep(0.05)


def _deploys(title: str, *, is_noticed: bool) -> workloads.Workload:
    def scripts(server: Server) -> Callable[[], Script]:
        player = Pipeline(server.place.token, f"{workloads.SERVICE}-deploy", workloads.SERVICE, "production")
        said = player.finished(workloads.NUMBER.decode(), at=datetime.now(UTC)) | {"customer_impacting": is_noticed}
        post = player.post(said)
        return lambda: (post.replace(workloads.NUMBER, b"%013d" % number) for number in server.numbers)

    return workloads.Workload(title, {DECKLOG: scripts}, lambda *_: None, frozenset({201}))


def _fresh_database(cluster: str) -> str:
    with psycopg.connect(cluster, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(DATABASE)))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
    text = urlunsplit(urlsplit(cluster)._replace(path=f"/{DATABASE}"))
    # urlunsplit drops the empty host of an address that names a socket.
    return text if "://" in text else text.replace(":", "://", 1)


def _answers(address: Address) -> bool:
    with contextlib.suppress(OSError, WrongAnswer):
        return ask(address, request("GET", "/", {})).status > 0
    return False


def _say(text: str) -> None:
    print(text, flush=True)
