"""The broker is gone, a disk is full, somebody holds the database: answers are quick or clean, and nothing is lost."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import connection
from rest_framework.test import APIClient

from tests.crash.conftest import House, Pipelines, nothing_is_missing
from tests.factories import deployment
from tests.faults.conftest import wait_until

HELD = 30.0
"""Seconds for which somebody holds the database's lock."""


def _start(house: House) -> str:
    house.start("broker")
    token = house.prepare()
    house.start("web", "worker")
    wait_until(house.answers)
    wait_until(lambda: bool(house.ask("SELECT 1 FROM notifications_mark WHERE name = 'sweeper'")))
    return token


@pytest.mark.django_db(transaction=True)
def test_a_full_disk_is_told_as_such_and_never_a_false_success(ci: APIClient) -> None:
    if settings.IS_POSTGRES:
        pytest.skip("only SQLite can be told how large it may become")
    heard: list[tuple[int, str]] = []
    with _full_disk():
        for number in range(300):
            answer: Any = ci.post("/api/v1/deployments", deployment(run_id=f"r{number}"), format="json")
            heard.append((answer.status_code, f"r{number}"))
            if answer.status_code != 201:
                break
    assert heard[-1][0] == 503
    assert answer["Retry-After"]
    kept = {row["run_id"] for row in ci.get("/api/v1/deployments").json()["results"]}
    assert kept == {run_id for status, run_id in heard if status == 201}
    assert ci.post("/api/v1/deployments", deployment(run_id=heard[-1][1]), format="json").status_code == 201


@contextlib.contextmanager
def _full_disk() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA page_count")
        pages = cursor.fetchone()[0]
        cursor.execute(f"PRAGMA max_page_count = {pages + 4}")
        try:
            yield
        finally:
            cursor.execute("PRAGMA max_page_count = 1073741823")


@pytest.mark.fault
def test_deploys_are_answered_within_a_second_whatever_becomes_of_the_broker(house: House) -> None:
    """Running, flushed, frozen, stopped: every answer is quick, and each message arrives within ten seconds."""
    pipelines = Pipelines(house, _start(house), count=1, pause=0.1)
    heard = pipelines.heard
    for trouble in ("none", "flushed", "frozen", "stopped"):
        _trouble(house, trouble)
        goal = len(heard.accepted) + 30
        wait_until(lambda goal=goal: len(heard.accepted) >= goal)  # type: ignore[misc]
    pipelines.stop()
    assert set(heard.statuses) == {201}
    assert heard.longest_wait < 1
    nothing_is_missing(house, heard)
    latest = max(_lateness(house))
    assert latest < 10
    print(f"{len(heard.accepted)} deploys, slowest answer {heard.longest_wait:.2f} s, latest mail {latest:.1f} s")  # noqa: T201


def _trouble(house: House, trouble: str) -> None:
    if trouble == "flushed":
        words = f"import redis; redis.Redis(port={house.broker_port}).flushall()"
        assert house.run("-c", words, stdout=subprocess.DEVNULL).wait(30) == 0
    elif trouble == "frozen":
        os.kill(house.broker.pid, signal.SIGSTOP)
    elif trouble == "stopped":
        house.broker.kill()
        house.broker.wait()


def _lateness(house: House) -> list[float]:
    """How many seconds after its deploy each message was taken by the mail server."""
    rows = house.ask("SELECT created_at, sent_at FROM notifications_message WHERE state = 'sent' AND channel = 'email'")
    moments = [(datetime.fromisoformat(str(asked)), datetime.fromisoformat(str(sent))) for asked, sent in rows]
    return [(sent - asked).total_seconds() for asked, sent in moments]


@pytest.mark.fault
def test_a_lock_that_somebody_holds_for_half_a_minute_is_waited_out(house: House) -> None:
    """While it is held nothing is promised, and afterwards everything goes on by itself."""
    pipelines = Pipelines(house, _start(house), count=2, pause=0.1)
    heard = pipelines.heard
    wait_until(lambda: len(heard.accepted) >= 10)
    with _held(house):
        known = len(heard.accepted)
        time.sleep(HELD)
        # What was in its commit when the lock was taken may still be answered.
        assert len(heard.accepted) <= known + 2
    released = len(heard.accepted)
    wait_until(lambda: len(heard.accepted) >= released + 20)
    pipelines.stop()
    assert house.ended() == []
    nothing_is_missing(house, heard)
    print(f"{dict(heard.statuses)}, longest wait {heard.longest_wait:.0f} s")  # noqa: T201


@contextlib.contextmanager
def _held(house: House) -> Iterator[None]:
    """Somebody writes and does not commit."""
    if house.database.startswith("sqlite"):
        with contextlib.closing(sqlite3.connect(house.database.removeprefix("sqlite:///"), timeout=20)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            yield
            holder.rollback()
        return
    with psycopg.connect(house.database) as server:
        server.execute("LOCK TABLE changes_change IN EXCLUSIVE MODE")
        yield
        server.rollback()
