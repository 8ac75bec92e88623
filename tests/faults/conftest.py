"""A whole Decklog of its own to break: a database, a broker, a mail server, and worker processes to kill."""

import contextlib
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from psycopg.conninfo import conninfo_to_dict

from launch import broker, console
from tests.mail_server import MailServer

ROOT = Path(__file__).resolve().parent.parent.parent
WORKER = "-m celery -A config --skip-checks worker -P threads -c 2 --loglevel WARNING --without-gossip --without-mingle"


class Installation:
    """What runs beside the test, in processes of its own. Every process is ended by its id."""

    def __init__(self, folder: Path, database: str) -> None:
        self.folder = folder
        self.database = database
        self.mail = MailServer()
        self.broker_port = free_port()
        self._processes: list[subprocess.Popen[Any]] = []
        self.env = {
            **os.environ,
            "DATABASE_URL": database,
            "REDIS_URL": f"redis://127.0.0.1:{self.broker_port}/0",
            "EMAIL_URL": f"smtp://127.0.0.1:{self.mail.port}",
            "DJANGO_SETTINGS_MODULE": "config.settings",
        }

    def run(self, *words: str, **options: Any) -> "subprocess.Popen[str]":
        """Start a Python process of this installation; its standard error goes to a file in the folder."""
        with (self.folder / "errors.log").open("ab") as errors:
            process = subprocess.Popen(
                [sys.executable, *words], cwd=ROOT, env=self.env, stderr=errors, text=True, **options
            )
        self._processes.append(process)
        return process

    def start_broker(self) -> None:
        """Start a Redis that keeps nothing, as `broker`."""
        words = ["--port", str(self.broker_port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self.folder)]
        self.broker = subprocess.Popen([broker.find_server(), *words], stdout=subprocess.DEVNULL)
        self._processes.append(self.broker)

    def start_worker(self) -> "subprocess.Popen[str]":
        """Start a worker as `make run` does."""
        return self.run(*WORKER.split(), stdout=subprocess.DEVNULL)

    def produce(
        self, count: int, *, every: float = 0.0, priority: int = 0, prefix: str = "page", channel: str = "email"
    ) -> "Producer":
        """Start a process that enqueues so many messages."""
        words = ["-m", "tests.faults.producer", str(count), str(every), str(priority), prefix, channel]
        return Producer(self.run(*words, stdout=subprocess.PIPE))

    def arrived(self) -> Counter[str]:
        """How often each message has arrived, by its key."""
        return Counter(mail["Subject"] for mail in self.mail.mails)

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a statement on the installation's database and return its rows."""
        if self.database.startswith("sqlite"):
            connection = sqlite3.connect(self.database.removeprefix("sqlite:///"), timeout=20)
            try:
                with connection:
                    return connection.execute(sql).fetchall()
            finally:
                connection.close()
        with psycopg.connect(self.database, autocommit=True) as server:
            cursor = server.execute(sql)
            return cursor.fetchall() if cursor.description else []

    def states(self) -> dict[str, int]:
        """How many messages for people are in each state."""
        for_people = "SELECT state, count(*) FROM notifications_message WHERE channel <> 'canary' GROUP BY state"
        return dict(self.ask(for_people))

    def let_leases_end(self) -> None:
        """Let the time of all leases pass at once: their worker is dead, and the test need not wait."""
        self.ask("UPDATE notifications_message SET lease_until = created_at WHERE state = 'sending'")

    def end(self) -> None:
        """End everything."""
        for process in reversed(self._processes):
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.wait()
        self.mail.close()


class Producer:
    """A process that enqueues."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def accepted(self) -> set[str]:
        """The keys of all messages whose transaction was committed; waits for the end."""
        said, _ = self._process.communicate(timeout=300)
        assert self._process.returncode == 0
        return set(said.split())


def free_port() -> int:
    """A port of loopback that nobody uses."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_until(is_so: Callable[[], bool], *, seconds: float = 60) -> float:
    """Wait until it is so and return how long that took; fail after so many seconds."""
    start = time.monotonic()
    while not is_so():
        if time.monotonic() - start > seconds:
            pytest.fail(f"It was not so within {seconds} seconds.")
        time.sleep(0.05)
    return time.monotonic() - start


def new_database(folder: Path) -> Iterator[str]:
    """The address of an empty database of the kind that this test run uses, removed afterwards."""
    if not settings.IS_POSTGRES:
        yield f"sqlite:///{folder / 'decklog.sqlite3'}"
        return
    server = os.environ.get("TEST_POSTGRES_URL", "")
    if not server:
        pytest.skip("TEST_POSTGRES_URL names no server; `make test` starts one")
    name = f"fault_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
    parts = conninfo_to_dict(server)
    yield f"postgres://{parts.get('user', '')}@/{name}?host={parts['host']}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextlib.contextmanager
def installed(folder: Path, database: str) -> Iterator[Installation]:
    """An installation on an empty database, with a broker and without a worker."""
    try:
        broker.find_server()
    except console.Refusal:
        pytest.skip("no Redis server here")
    built = Installation(folder, database)
    try:
        built.start_broker()
        assert built.run("manage.py", "migrate", "-v0", stdout=subprocess.DEVNULL).wait(120) == 0
        yield built
    finally:
        built.end()


@pytest.fixture
def installation(tmp_path: Path, either_database: None) -> Iterator[Installation]:
    """An installation on the kind of database that this test run uses."""
    for database in new_database(tmp_path):
        with installed(tmp_path, database) as built:
            yield built


class PostgresServer:
    """A PostgreSQL of one test, to crash; it is durable, as a real one is."""

    def __init__(self, programs: Path) -> None:
        # A short path, because that of a Unix socket may not be longer than about 100 letters.
        self.folder = Path(tempfile.mkdtemp(prefix="dl-"))
        self._programs = programs
        self._prefix = ["unshare", "--user", "--map-user=1000"] if os.geteuid() == 0 else []
        words = ["-D", f"{self.folder}/data", "-U", "decklog", "--auth=trust", "--encoding=UTF8", "--no-locale"]
        subprocess.run([*self._prefix, str(programs / "initdb"), *words], check=True, stdout=subprocess.DEVNULL)
        self.start()

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        options = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={self.folder}"]
        command = [*self._prefix, str(self._programs / "postgres"), "-D", f"{self.folder}/data", *options]
        self._process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        wait_until(self._answers)

    def crash(self) -> None:
        """End it at once, as a power cut would for its clients: no connection is told, nothing more is written."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(30)

    def end(self) -> None:
        """End it for good."""
        self.crash()
        shutil.rmtree(self.folder)

    @property
    def url(self) -> str:
        """The address of its database."""
        return f"postgres://decklog@/postgres?host={self.folder}"

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url).close()
        except psycopg.OperationalError:
            return False
        return True
