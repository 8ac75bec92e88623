"""Kill whatever carries messages, at any moment: what was accepted arrives."""

import os
import random
import signal
import time
from pathlib import Path

import pytest

from tests.faults.conftest import Installation, PostgresServer, installed, wait_until


def test_no_page_is_lost_when_workers_are_killed_while_sending(installation: Installation) -> None:
    installation.mail.delay = 0.2
    producer = installation.produce(60, every=0.02)
    for killed in range(2):
        worker = installation.start_worker()
        wait_until(lambda goal=8 * (killed + 1): len(installation.arrived()) >= goal)  # type: ignore[misc]
        worker.kill()
        worker.wait()
        installation.let_leases_end()
    accepted = producer.accepted()
    installation.start_worker()
    wait_until(lambda: installation.states() == {"sent": 60})
    assert set(installation.arrived()) == accepted
    assert len(accepted) == 60
    # A repeat is allowed only for what a killed worker had in hand: 4 pages at a time.
    assert sum(installation.arrived().values()) <= 60 + 2 * 4
    tally = installation.ask(
        "SELECT sum(count) FROM notifications_tally WHERE kind = 'state' AND word = 'sent' AND channel = 'email'"
    )
    assert int(tally[0][0]) == 60


def test_pages_go_out_within_ten_seconds_while_the_broker_is_frozen_and_when_it_is_gone(
    installation: Installation,
) -> None:
    server = installation.broker
    installation.start_worker()
    wait_until(lambda: bool(installation.ask("SELECT 1 FROM notifications_mark WHERE name = 'sweeper'")))
    server.send_signal(signal.SIGSTOP)
    assert installation.produce(2, prefix="frozen").accepted() == {"frozen-0", "frozen-1"}
    assert wait_until(lambda: len(installation.arrived()) == 2, seconds=15) < 10
    server.kill()
    assert installation.produce(2, prefix="gone").accepted() == {"gone-0", "gone-1"}
    assert wait_until(lambda: len(installation.arrived()) == 4, seconds=15) < 10


@pytest.mark.fault
def test_no_page_of_500_is_lost_under_kills_and_a_faulty_mail_server(installation: Installation) -> None:
    """About two minutes: a kill every few seconds, and a third of all conversations end badly."""
    dice = random.Random(1912)
    installation.mail.delay = 0.1
    producer = installation.produce(500, every=0.1)
    kills = 0
    while installation.states().get("sent", 0) < 480 and kills < 60:
        workers = [installation.start_worker(), installation.start_worker()]
        until = time.monotonic() + dice.uniform(4, 9)
        while time.monotonic() < until:
            installation.mail.answers = dice.choice([{}, {}, {"DATA": "451 later"}, {"DATA": ""}, {"RCPT": "450 grey"}])
            time.sleep(0.2)
        for worker in workers:
            worker.kill()
            worker.wait()
            kills += 1
    installation.mail.answers = {}
    installation.start_worker()
    wait_until(lambda: installation.states() == {"sent": 500}, seconds=180)
    accepted = producer.accepted()
    arrived = installation.arrived()
    assert set(arrived) == accepted
    print(f"{kills} kills, 500 of 500 arrived, {sum(arrived.values()) - 500} of them repeated")  # noqa: T201


@pytest.mark.fault
def test_slow_mail_does_not_delay_a_page(installation: Installation) -> None:
    """Twenty mails of two seconds each are under way when a page is due."""
    installation.mail.delay = 2.0
    installation.start_worker()
    installation.produce(20, priority=5, prefix="mail").accepted()
    wait_until(lambda: len(installation.arrived()) >= 2)
    installation.produce(1, prefix="page").accepted()
    assert wait_until(lambda: installation.arrived()["page-0"] == 1) < 5
    assert len(installation.arrived()) < 15


@pytest.mark.fault
def test_a_worker_that_starts_without_a_broker_sends_all_the_same(installation: Installation) -> None:
    """The broker is gone before the worker comes up."""
    installation.broker.kill()
    installation.broker.wait()
    installation.start_worker()
    installation.produce(3).accepted()
    wait_until(lambda: len(installation.arrived()) == 3, seconds=20)
    installation.start_broker()
    installation.produce(3, prefix="again").accepted()
    wait_until(lambda: len(installation.arrived()) == 6, seconds=20)


@pytest.mark.fault
def test_a_worker_survives_three_crashes_of_the_database_and_loses_nothing(tmp_path: Path) -> None:
    """Messages are accepted and sent while PostgreSQL is ended at once and started again, three times."""
    programs = os.environ.get("TEST_POSTGRES_PROGRAMS", "")
    if not programs:
        pytest.skip("TEST_POSTGRES_PROGRAMS names no folder; `make faults` sets it")
    server = PostgresServer(Path(programs))
    try:
        with installed(tmp_path, server.url) as installation:
            installation.mail.delay = 0.2
            worker = installation.start_worker()
            producer = installation.produce(80, every=0.1)
            for crash in range(3):
                wait_until(lambda goal=10 + 20 * crash: len(installation.arrived()) >= goal)  # type: ignore[misc]
                server.crash()
                time.sleep(1)
                server.start()
            accepted = producer.accepted()
            wait_until(lambda: installation.states() == {"sent": 80}, seconds=90)
            assert set(installation.arrived()) == accepted
            assert worker.poll() is None
    finally:
        server.end()
