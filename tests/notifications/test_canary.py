"""Whoever watches from outside hears that all is well only while a message goes through all of it each minute."""

import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from notifications import actions, canary, policy, queries, relay
from notifications.models import Mark, Message
from notifications.policy import Watched, may_ping
from notifications.providers import heartbeat
from notifications.relay import Lane
from tests import factories
from tests.fake_services import Answer, FakeService
from tests.notifications.conftest import Post
from tests.notifications.test_health import numbers

CANARIES = Lane("canary", Message.Priority.PAGE)
NOON = datetime(2026, 11, 24, 12, 0, 7, tzinfo=UTC)
SECRET = "/ping/3b1c-the-secret-part"


@pytest.fixture
def outside(settings: Any) -> Iterator[FakeService]:
    service = FakeService()
    settings.HEARTBEAT_URL = service.url + SECRET
    yield service
    service.close()


@pytest.fixture
def at_noon(db: None, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A clock that the test sets: call it with the seconds since noon."""
    moment = [NOON]
    monkeypatch.setattr(relay, "now", lambda: moment[0])

    def set_clock(seconds: float) -> None:
        moment[0] = NOON + timedelta(seconds=seconds)

    return set_clock


@pytest.fixture
def admin(shop: factories.Shop, client: Client) -> Client:
    """A browser in which an administrator is signed in."""
    client.force_login(shop.admin)
    return client


def come_through() -> int:
    return relay.work(CANARIES, clock=relay.now)


def test_a_ping_goes_out_once_for_each_canary_that_came_through(outside: FakeService, at_noon: Any) -> None:
    canary.watch()
    assert outside.calls == []  # it is still under way
    assert come_through() == 1
    for _ in range(3):
        canary.watch()
    assert [call.path for call in outside.calls] == [SECRET]
    at_noon(60)
    canary.watch()
    come_through()
    canary.watch()
    assert len(outside.calls) == 2


@pytest.mark.parametrize(
    ("facts", "because"),
    [
        ({}, ""),
        ({"is_paused": True}, "paused"),
        ({"page_late": timedelta(seconds=61)}, "A page has been waiting for 61 seconds."),
        ({"canary_at": None}, "No canary was released in time."),
        ({"canary_at": NOON - timedelta(seconds=91)}, "No canary was released in time."),
        ({"canary_took": None}, "has not arrived"),
        ({"canary_took": timedelta(seconds=31)}, "arrived late"),
    ],
)
def test_it_is_silent_for_anything_that_is_not_proven(facts: dict[str, Any], because: str) -> None:
    well = {"now": NOON, "canary_at": NOON - timedelta(seconds=9), "canary_took": timedelta(seconds=1)}
    decision = may_ping(Watched(**{**well, **facts}))
    assert (decision.outcome == "allowed") == (not because)
    assert because in decision.because


def test_no_canary_flies_while_sending_is_paused_and_none_is_missed_afterwards(
    outside: FakeService, at_noon: Any
) -> None:
    actions.pause(actor="system", at=NOON)
    canary.watch()
    assert not Message.objects.exists()
    actions.resume(actor="system", at=NOON)
    canary.watch()
    come_through()
    canary.watch()
    assert len(outside.calls) == 1


def test_a_late_page_stops_the_ping_though_the_canary_arrives(outside: FakeService, post: Post, at_noon: Any) -> None:
    post("page", priority=Message.Priority.PAGE, at=NOON - timedelta(seconds=61))
    canary.watch()
    assert come_through() == 1
    canary.watch()
    assert outside.calls == []


def test_each_minute_has_one_canary_however_many_watch_and_however_long_nobody_did(at_noon: Any) -> None:
    assert canary.release(at=NOON)
    assert not canary.release(at=NOON + timedelta(seconds=50))
    after_an_hour = NOON + timedelta(hours=1)
    assert [canary.release(at=after_an_hour) for _ in range(2)] == [True, False]
    assert Message.objects.count() == 2  # what nobody did for an hour is not made up for


def test_canaries_do_not_pile_up(at_noon: Any) -> None:
    for minute in range(40):
        at_noon(60 * minute)
        canary.watch()
        come_through()
    assert Message.objects.count() <= 17


@pytest.mark.parametrize(
    ("answer", "because"),
    [
        (Answer(500, {}), "It answered 500."),
        (Answer(302, {}, {"Location": "http://127.0.0.1:1/"}), "It redirects, which is not followed."),
        (Answer(0), "It did not answer"),
    ],
)
def test_a_ping_that_is_not_taken_is_shown_without_its_secret_and_tried_again(
    outside: FakeService, admin: Client, at_noon: Any, answer: Answer, because: str
) -> None:
    outside.answers.append(answer)
    canary.watch()
    come_through()
    canary.watch()
    Mark.objects.create(name=Mark.SWEEPER, at=NOON)
    page = admin.get("/delivery").content.decode()
    assert f"did not take the last ping: {because}" in page
    assert "the-secret-part" not in page
    canary.watch()
    assert len(outside.calls) == 1  # not at once
    at_noon(policy.PING_PAUSE.total_seconds() + 1)
    canary.watch()
    assert len(outside.calls) == 2
    assert "The service outside was told" in admin.get("/delivery").content.decode()


def test_a_service_that_drips_does_not_hold_the_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "ALL_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert heartbeat.ping(f"http://127.0.0.1:{silent.getsockname()[1]}/") == "No answer within 0 seconds."


def test_canaries_are_for_machines_only(client: Client, admin: Client, at_noon: Any) -> None:
    Mark.objects.create(name=Mark.SWEEPER, at=NOON)
    canary.release(at=NOON)
    assert "No message has been sent yet." in admin.get("/delivery").content.decode()
    assert client.get("/readyz").json()["canary_age_seconds"] is None
    come_through()
    at_noon(20)
    assert client.get("/readyz").json()["canary_age_seconds"] == 20
    found = numbers(client.get("/metrics").content.decode())
    assert found[("decklog_canary_arrived_seconds",)] == NOON.timestamp()
    assert found["decklog_outbox_latency_seconds_count", "canary"] == 1


def test_a_canary_that_is_stuck_is_no_late_page(client: Client, at_noon: Any) -> None:
    canary.release(at=NOON)
    at_noon(70)
    Mark.objects.create(name=Mark.SWEEPER, at=relay.now())
    assert client.get("/readyz").status_code == 200
    assert may_ping(queries.health().watched).outcome == "refused"


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_one_releases_the_canary_and_one_pings(outside: FakeService) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time")
    canary.watch()
    come_through()

    def watch() -> None:
        canary.watch()
        connection.close()

    watchers = [threading.Thread(target=watch) for _ in range(6)]
    for one in watchers:
        one.start()
    for one in watchers:
        one.join()
    assert Message.objects.count() == len(outside.calls) == 1
