"""The two sides: how each is filled and served."""

import contextlib
import json
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from bench.load import Address, WrongAnswer, ask, request
from launch import layout, ports
from launch.children import Children, Program

LIMIT = "limit"
DECKLOG = "decklog"
SIDES = (LIMIT, DECKLOG)
SEEDERS = {LIMIT: "bench.seed_limit", DECKLOG: "bench.seed_decklog"}
COMMANDS = {
    LIMIT: ("granian", "bench.limit.wsgi:application", "--interface", "wsgi", "--no-ws", "--blocking-threads"),
    DECKLOG: ("config.serve", "--threads"),
}
"""How each side is served in production, up to the number of threads of a worker."""
WORKERS = 2
FIRST_PORT = 8200
SECONDS_TO_START = 60.0


@dataclass(frozen=True)
class Place:
    """A filled database of one side, and by what its server may be asked."""

    side: str
    rows: int
    url: str
    token: str
    session: str


@dataclass(frozen=True)
class Server:
    """A running web tier over one place."""

    place: Place
    address: Address
    pid: int
    numbers: "count[int]" = field(default_factory=lambda: count(int(time.time() * 1000)))
    """Run ids that were never sent to this database before."""


class Hall:
    """Makes the databases on one PostgreSQL, and starts the servers over them."""

    def __init__(self, children: Children, env: Mapping[str, str], *, threads: int) -> None:
        """Use the PostgreSQL of `TEST_POSTGRES_URL`; each worker gets `threads` threads."""
        self._children = children
        self._env = dict(env)
        self._threads = threads
        self._cluster = env["TEST_POSTGRES_URL"]

    def fill(self, rows: int, *, keep: bool) -> dict[str, Place]:
        """Fill a database of `rows` deploys for each side at once; with `keep`, one that is there already is taken."""
        seeding = {}
        places = {}
        for side in SIDES:
            name = f"bench_{side}_{rows}"
            known = self._known(name) if keep else None
            if known is None:
                self._create(name)
                seeding[side] = self._seed(side, self._url(name), "--rows", str(rows))
            else:
                places[side] = Place(side, rows, self._url(name), **known)
        for side, process in seeding.items():
            found = json.loads(_output(process))
            places[side] = Place(side, rows, self._url(f"bench_{side}_{rows}"), **found)
            self._remember(f"bench_{side}_{rows}", found)
        return places

    def freshen(self, place: Place, rows: int) -> None:
        """Add `rows` deploys in bulk, newer than the others."""
        _output(self._seed(place.side, place.url, "--fresh", str(rows)))

    def serve(self, place: Place) -> Server:
        """Start the web tier and return it once it answers."""
        name = f"bench-{place.side}-{place.rows}"
        port = ports.choose_port(FIRST_PORT)
        size = ("--workers", str(WORKERS), "--host", ports.HOST, "--port", str(port))
        words = [*COMMANDS[place.side], str(self._threads), *size]
        env = self._env | {"DATABASE_URL": place.url, "PYTHONPATH": str(layout.ROOT)}
        self._children.start(Program(name, (sys.executable, "-m", *words)), env=env)
        address = (ports.HOST, port)
        if not self._children.wait_until(name, lambda: _answers(address), seconds=SECONDS_TO_START):
            raise WrongAnswer(f"{name} does not start; see {self._children.log(name)}")
        return Server(place, address, _pid_of(port))

    def _seed(self, side: str, url: str, *words: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", SEEDERS[side], *words]
        env = self._env | {"DATABASE_URL": url}
        return subprocess.Popen(command, cwd=layout.ROOT, env=env, stdout=subprocess.PIPE, text=True)

    def _url(self, name: str) -> str:
        parts = urlsplit(self._cluster)
        # urlunsplit would drop the empty host of an address that names a socket.
        text = urlunsplit(parts._replace(path=f"/{name}"))
        return text if "://" in text else text.replace(":", "://", 1)

    def _create(self, name: str) -> None:
        with psycopg.connect(self._cluster, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    def _known(self, name: str) -> dict[str, str] | None:
        query = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s"
        with psycopg.connect(self._cluster) as connection:
            found = connection.execute(query, (name,)).fetchone()
        return json.loads(found[0]) if found and found[0] else None

    def _remember(self, name: str, found: Mapping[str, str]) -> None:
        statement = sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(name), json.dumps(found))
        with psycopg.connect(self._cluster, autocommit=True) as connection:
            connection.execute(statement)


def _output(process: "subprocess.Popen[str]") -> str:
    printed, _ = process.communicate()
    if process.returncode != 0:
        raise SystemExit("A database could not be filled; the reason is above.")
    return printed


def _answers(address: Address) -> bool:
    with contextlib.suppress(OSError, WrongAnswer):
        return ask(address, request("GET", "/", {})).status > 0
    return False


# --- Memory ----------------------------------------------------------------------------------------------------------


def _pid_of(port: int) -> int:
    """The process whose command line names `port`: the web server's own, not its workers'."""
    found = {
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and f"--port\0{port}\0" in _text(entry / "cmdline")
    }
    workers = {child for pid in found for child in _tree(pid)[1:]}
    return next(iter(found - workers), 0)


def memory(pid: int) -> dict[str, float]:
    """MiB of the process and all below it: `pss` counts shared pages once, `rss` in every process."""
    total = {"pss": 0.0, "rss": 0.0}
    for one in _tree(pid):
        rollup = _text(Path(f"/proc/{one}/smaps_rollup"))
        for name in total:
            found = re.search(rf"^{name}:\s+(\d+) kB", rollup, re.IGNORECASE | re.MULTILINE)
            total[name] += int(found.group(1)) / 1024 if found else 0.0
    return total


def _tree(pid: int) -> list[int]:
    children = _text(Path(f"/proc/{pid}/task/{pid}/children")).split()
    return [pid, *(one for child in children for one in _tree(int(child)))]


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
