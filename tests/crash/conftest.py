"""A Decklog in production shape to kill: two web workers, a worker, beat, a broker; and pipelines that never stop."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from launch import broker, console
from tests.factories import SHA
from tests.faults.conftest import Installation, free_port, new_database, wait_until

ORGANISATION = Path(__file__).parent / "organisation.yaml"
PATIENCE = 60.0
"""Seconds for which a pipeline goes on asking for an answer."""

_MANAGE = """
import sys, django
from django.core.management import call_command
django.setup()
for words in sys.argv[1:]:
    call_command(*words.split())
"""
_SEAL_AND_VERIFY = """
import sys, django
django.setup()
from datetime import timedelta
from django.core.management import call_command
from django.utils import timezone
from workflow.ledger import seal_batch
while seal_batch(now=timezone.now() + timedelta(days=1)): pass
call_command("verify_ledger")
"""

_SIGN_IN = """
import sys, django
django.setup()
from django.conf import settings
from django.test import Client
from accounts.models import User
client = Client()
client.force_login(User.objects.get(email=sys.argv[1]))
print(settings.SESSION_COOKIE_NAME + "=" + client.cookies[settings.SESSION_COOKIE_NAME].value)
"""


class House(Installation):
    """The whole of it. `kill` ends a part without warning, and starts it again as a supervisor would."""

    def __init__(self, folder: Path, database: str) -> None:
        super().__init__(folder, database)
        self.port = free_port()
        self.env |= {"BASE_URL": f"http://127.0.0.1:{self.port}", "LOG_LEVEL": "WARNING"}
        self._parts: dict[str, subprocess.Popen[Any]] = {}

    def prepare(self) -> str:
        """Make the tables and the organisation, and return a token that may log deploys."""
        tokens = self.folder / "tokens.json"
        commands = ["migrate -v0", f"apply_organisation {ORGANISATION} --tokens {tokens}"]
        assert self.run("-c", _MANAGE, *commands, stdout=subprocess.DEVNULL).wait(120) == 0
        text: str = json.loads(tokens.read_text())["ci"]
        return text

    def start(self, *names: str) -> None:
        """Start parts by name: `broker`, `web`, `worker`, `beat`."""
        for name in names:
            if name == "broker":
                self.start_broker()
                self._parts[name] = self.broker
            elif name == "worker":
                self._parts[name] = self.start_worker()
            else:
                self._parts[name] = self._start_group(*self._words(name))

    def _words(self, name: str) -> list[str]:
        if name == "beat":
            words = "-m celery -A config --skip-checks beat --loglevel WARNING --pidfile= --schedule"
            return [*words.split(), str(self.folder / "beat")]
        # A worker that dies is started again by its parent, a parent by whoever supervises it.
        return f"-m config.serve --host 127.0.0.1 --port {self.port} --workers 2 --threads 4".split()

    def _start_group(self, *words: str) -> "subprocess.Popen[str]":
        return self.run(*words, stdout=subprocess.DEVNULL, start_new_session=True)

    def kill(self, name: str) -> None:
        """Kill a part and start it again; `web-worker` is one of the processes that answer requests."""
        if name == "web-worker":
            # The one that was killed last may still be starting anew, and its sister be gone before.
            wait_until(lambda: bool(self._web_workers()))
            os.kill(self._web_workers()[0], signal.SIGKILL)
            return
        process = self._parts[name]
        process.kill()
        process.wait()
        if name == "web":
            # What a supervisor does with the rest of a service before it starts it anew.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        self.start(name)

    def _web_workers(self) -> list[int]:
        listed = subprocess.run(
            ["ps", "-o", "pid=,args=", "--ppid", str(self._parts["web"].pid)],
            capture_output=True,
            text=True,
            check=False,
        ).stdout
        return [int(line.split()[0]) for line in listed.splitlines() if "resource_tracker" not in line]

    def answers(self) -> bool:
        """Whether a web worker answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def ended(self) -> list[str]:
        """The parts that ended by themselves."""
        return [name for name, process in self._parts.items() if process.poll() is not None]

    def cookie_of(self, email: str) -> str:
        """The cookie of somebody who is signed in."""
        process = self.run("-c", _SIGN_IN, email, stdout=subprocess.PIPE)
        said, _ = process.communicate(timeout=60)
        return said.strip()

    def seal_and_verify(self) -> None:
        """Seal the whole ledger, and have it verified."""
        process = self.run("-c", _SEAL_AND_VERIFY, stdout=subprocess.PIPE)
        said, _ = process.communicate(timeout=60)
        assert process.returncode == 0, said + (self.folder / "errors.log").read_text()[-3000:]

    def end(self) -> None:
        """End everything, also what a killed parent left behind."""
        for name in ("web", "beat"):
            if name in self._parts:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._parts[name].pid, signal.SIGKILL)
        super().end()


@contextlib.contextmanager
def built(folder: Path, database: str) -> Iterator[House]:
    """A house on an empty database, with nothing started."""
    try:
        broker.find_server()
    except console.Refusal:
        pytest.skip("no Redis server here")
    house = House(folder, database)
    try:
        yield house
    finally:
        house.end()


@pytest.fixture
def house(tmp_path: Path, either_database: None) -> Iterator[House]:
    """A house on the kind of database that this test run uses."""
    for database in new_database(tmp_path):
        with built(tmp_path, database) as one:
            yield one


@dataclass
class Heard:
    """What all pipelines have heard; `strange` is every answer that a pipeline need not expect."""

    accepted: dict[str, str] = field(default_factory=dict)
    repeated: int = 0
    statuses: Counter[int | str] = field(default_factory=Counter)
    strange: list[str] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)
    longest_wait: float = 0.0


class Pipelines:
    """Threads that log one deploy after another, each until it has an answer; every third deploy brings no proof."""

    def __init__(self, house: House, token: str, *, count: int, pause: float = 0.02, keys: bool = False) -> None:
        self.heard = Heard()
        self._house, self._token, self._pause, self._keys = house, token, pause, keys
        self._lock = threading.Lock()
        self._is_ending = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(number,), daemon=True) for number in range(count)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> Heard:
        """Let every pipeline get its last answer, and return what they heard."""
        self._is_ending.set()
        for thread in self._threads:
            thread.join(PATIENCE + 20)
        return self.heard

    def _run(self, number: int) -> None:
        turn = 0
        while not self._is_ending.is_set():
            self._log(f"{number}-{turn}", is_proven=turn % 3 > 0)
            turn += 1
            time.sleep(self._pause)

    def _log(self, run_id: str, *, is_proven: bool) -> None:
        body = json.dumps(_deploy(run_id, is_proven=is_proven))
        begun, tries = time.monotonic(), 0
        while time.monotonic() - begun < PATIENCE:
            tries += 1
            status, headers, said = self._ask(run_id, body)
            with self._lock:
                self.heard.statuses[status] += 1
                if status in {200, 201}:
                    self.heard.accepted[run_id] = json.loads(said)["ref"]
                    self.heard.repeated += tries > 1
                    self.heard.longest_wait = max(self.heard.longest_wait, time.monotonic() - begun)
                    return
                if not _is_expected(status, headers, said):
                    self.heard.strange.append(f"{status} {headers} {said[:300]!r}")
            time.sleep(0.1)
        self.heard.given_up.append(run_id)

    def _ask(self, run_id: str, body: str) -> tuple[int | str, dict[str, str], bytes]:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        if self._keys:
            headers["Idempotency-Key"] = run_id
        connection = http.client.HTTPConnection("127.0.0.1", self._house.port, timeout=15)
        try:
            connection.request("POST", "/api/v1/deployments", body, headers)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        except (OSError, http.client.HTTPException) as failure:
            return type(failure).__name__, {}, b""
        finally:
            connection.close()


def _is_expected(status: int | str, headers: dict[str, str], said: bytes) -> bool:
    """A broken connection, a 503 that says when to come back, or the first request with this key still at work."""
    if status == 503:
        problem = {name.lower(): value for name, value in headers.items()}
        is_clean = problem.get("content-type") == "application/problem+json" and "retry-after" in problem
        return is_clean and json.loads(said)["code"] == "database_away"
    return isinstance(status, str) or (status == 409 and b"idempotency_in_flight" in said)


def _deploy(run_id: str, *, is_proven: bool) -> dict[str, Any]:
    now = timezone.now().isoformat()
    proof = {"evidence": {"tests": {"passed": 412, "failed": 0, "sha": SHA}}} if is_proven else {}
    # What a trusted pipeline cannot prove would suspend it, so what nobody proves comes from one that nobody knows.
    pipeline = "checkout-deploy" if is_proven else "strange-deploy"
    known = {"service": "checkout", "environment": "production", "pipeline": pipeline, "status": "succeeded"}
    return {**known, "run_id": run_id, "version": "2.14.0", "sha": SHA, "finished_at": now, **proof}


def nothing_is_missing(house: House, heard: Heard) -> None:
    """Every accepted deploy is there once, whole, with its verdict; every message it owed has arrived."""
    assert heard.strange == []
    assert heard.given_up == []
    rows = house.ask(
        "SELECT r.run_id, c.id, c.verdict, c.state, r.status,"
        " (SELECT count(*) FROM workflow_entry e WHERE e.subject = 'CHG-' || c.id AND e.verb = 'finished')"
        " FROM changes_change c LEFT JOIN changes_run r ON r.change_id = c.id"
    )
    assert {run_id: f"CHG-{pk}" for run_id, pk, *_ in rows} == heard.accepted
    assert len(rows) == len(heard.accepted)
    for run_id, _, verdict, state, status, entries in rows:
        is_proven = int(run_id.split("-")[1]) % 3 > 0
        assert (verdict, status, entries) == ("exempt" if is_proven else "unproven", "succeeded", 1), run_id
        assert state in {"closed", "finished"}
    owed = {f"CHG-{pk}" for _, pk, verdict, *_ in rows if verdict == "unproven"}
    messages_arrive(house, owed)
    house.seal_and_verify()


def messages_arrive(house: House, owed: set[str]) -> None:
    """Wait until a mail about each change has arrived, and no other; say where they are if they do not."""
    give_up_at = time.monotonic() + 60
    while house.states() != {"sent": len(owed)} and time.monotonic() < give_up_at:
        time.sleep(0.2)
    arrived = {subject.split()[0] for subject in house.arrived()}
    waiting = house.ask(
        "SELECT state, due_at, lease_until, tries FROM notifications_message"
        " WHERE NOT (state = 'sent' OR channel = 'canary')"
    )
    assert (house.states(), waiting[:5], house.ended()) == ({"sent": len(owed)}, [], [])
    assert arrived == owed
