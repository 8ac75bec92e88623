"""PostgreSQL is ended at once under load and started again: pipelines hear when to come back, and nothing is lost."""

import http.client
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings

from tests.crash.conftest import House, Pipelines, built, nothing_is_missing
from tests.faults.conftest import PostgresServer, wait_until

pytestmark = pytest.mark.postgres_only


@contextmanager
def _house_on(server: PostgresServer, folder: Path) -> Iterator[tuple[House, str]]:
    with built(folder, server.url) as house:
        house.start("broker")
        token = house.prepare()
        house.start("web", "worker")
        wait_until(house.answers)
        yield house, token


@pytest.fixture
def server(either_database: None) -> Iterator[PostgresServer]:
    """A PostgreSQL that only this test crashes; it waits for the disk, as a real one does."""
    if not settings.IS_POSTGRES:
        pytest.skip("the run on PostgreSQL does this")
    programs = os.environ.get("TEST_POSTGRES_PROGRAMS", "")
    if not programs:
        pytest.skip("TEST_POSTGRES_PROGRAMS names no folder; `make test` sets it")
    started = PostgresServer(Path(programs))
    yield started
    started.end()


class Reader:
    """Somebody who looks at pages all the time; `statuses` is what they met, `strange` what no page may be."""

    def __init__(self, house: House, cookie: str) -> None:
        self.statuses: set[int] = set()
        self.strange: list[str] = []
        self._house, self._cookie = house, cookie
        self._is_ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._is_ending.set()
        self._thread.join(30)

    def _run(self) -> None:
        while not self._is_ending.is_set():
            for path in ("/", "/changes", "/pipelines/checkout-deploy", "/accounts/login/", "/delivery", "/readyz"):
                self._look(path)

    def _look(self, path: str) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._house.port, timeout=15)
        try:
            connection.request("GET", path, headers={"Cookie": self._cookie})
            answer = connection.getresponse()
            said = answer.read().decode()
        except (OSError, http.client.HTTPException):
            return
        finally:
            connection.close()
        self.statuses.add(answer.status)
        is_clean = answer.status in {200, 302} or (
            answer.status == 503 and "Decklog" in said and answer.getheader("Retry-After")
        )
        if not is_clean and not (path == "/readyz" and answer.status == 503):
            self.strange.append(f"{path} {answer.status} {said[:200]}")


def _crash(server: PostgresServer, pipelines: Pipelines, *, times: int) -> float:
    """Crash it so often, and return the longest time from its return until a pipeline was answered."""
    heard, longest = pipelines.heard, 0.0
    for _ in range(times):
        goal = len(heard.accepted) + 10
        wait_until(lambda goal=goal: len(heard.accepted) >= goal)  # type: ignore[misc]
        server.crash()
        time.sleep(1)
        server.start()
        known = len(heard.accepted)
        longest = max(longest, wait_until(lambda known=known: len(heard.accepted) > known))  # type: ignore[misc]
    return longest


def test_pipelines_and_readers_meet_clean_answers_while_the_database_restarts(
    server: PostgresServer, tmp_path: Path
) -> None:
    with _house_on(server, tmp_path) as (house, token):
        pipelines = Pipelines(house, token, count=4)
        reader = Reader(house, house.cookie_of("ann@example.com"))
        longest = _crash(server, pipelines, times=1)
        heard = pipelines.stop()
        reader.stop()
        assert longest < 5
        assert heard.longest_wait < 30
        assert reader.strange == []
        assert {200, 503} <= reader.statuses
        house.let_leases_end()
        nothing_is_missing(house, heard)


@pytest.mark.fault
def test_nothing_is_lost_in_eight_restarts_of_the_database(server: PostgresServer, tmp_path: Path) -> None:
    with _house_on(server, tmp_path) as (house, token):
        pipelines = Pipelines(house, token, count=8, pause=0.01, keys=True)
        longest = _crash(server, pipelines, times=8)
        heard = pipelines.stop()
        assert longest < 5
        assert heard.longest_wait < 30
        house.let_leases_end()
        nothing_is_missing(house, heard)
        print(f"8 restarts, {len(heard.accepted)} deploys, longest {heard.longest_wait:.1f} s: {dict(heard.statuses)}")  # noqa: T201
