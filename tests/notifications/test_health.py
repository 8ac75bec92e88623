"""What the machines that watch Decklog are told."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from rest_framework.test import APIClient

from notifications import actions, queries, sweeper
from notifications.models import Mark, Message
from notifications.providers.memory import MemoryProvider
from notifications.providers.protocol import NoAnswer, Rejected
from tests import factories
from tests.conftest import token_client
from tests.notifications.conftest import PAGES, Post, send_all


def test_healthz_names_the_instance_and_needs_no_database(client: Client, settings: Any) -> None:
    settings.INSTANCE = "a1b2c3"
    client.cookies[settings.SESSION_COOKIE_NAME] = "of-a-browser-on-the-same-host"
    answer = client.get("/healthz")  # without the db fixture, any query would fail
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "instance": "a1b2c3"}


def test_readyz_is_well_when_a_worker_sweeps_and_nothing_waits(client: Client, db: None) -> None:
    sweeper.round_of_watch()
    answer = client.get("/readyz")
    assert answer.status_code == 200
    told = answer.json()
    assert told.pop("sweeper_age_seconds") < 5
    assert told == {
        "status": "ready",
        "database": True,
        "outbox_oldest_seconds": 0.0,
        "page_oldest_seconds": 0.0,
        "dead": 0,
        "paused": False,
        "canary_age_seconds": None,
        "heartbeat_age_seconds": None,
        "because": [],
    }


@pytest.mark.parametrize("age", [None, 31])
def test_readyz_is_unwell_when_no_worker_sweeps(client: Client, db: None, age: int | None) -> None:
    if age:
        Mark.objects.create(name=Mark.SWEEPER, at=timezone.now() - timedelta(seconds=age))
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "No worker has looked" in answer.json()["because"][0]


def test_readyz_is_unwell_when_a_page_waits_for_over_a_minute(client: Client, post: Post) -> None:
    sweeper.round_of_watch()
    post("mail", at=timezone.now() - timedelta(minutes=9))
    assert client.get("/readyz").status_code == 200
    post("page", priority=Message.Priority.PAGE, at=timezone.now() - timedelta(seconds=61))
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["outbox_oldest_seconds"] >= 540
    assert 61 <= answer.json()["page_oldest_seconds"] < 70


def test_readyz_counts_from_the_beginning_while_a_page_is_tried_again(
    client: Client, post: Post, memory: MemoryProvider
) -> None:
    sweeper.round_of_watch()
    memory.answers.append(NoAnswer("451"))
    post("page", priority=Message.Priority.PAGE, at=timezone.now() - timedelta(seconds=61))
    send_all(PAGES)
    assert client.get("/readyz").status_code == 503


def test_a_message_for_tomorrow_is_not_late_today(post: Post) -> None:
    post(not_before=timezone.now() + timedelta(days=1))
    assert queries.health().oldest_seconds == 0


def test_readyz_tells_of_dead_messages_and_a_pause_without_being_unwell(
    client: Client, post: Post, memory: MemoryProvider
) -> None:
    memory.answers.append(Rejected("550"))
    post()
    send_all()
    actions.pause(actor="system", at=timezone.now())
    sweeper.round_of_watch()
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["dead"], answer.json()["paused"]) == (200, 1, True)


def test_readyz_says_that_the_database_is_away(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> queries.Health:
        raise OperationalError("connection refused")

    monkeypatch.setattr(queries, "health", away)
    monkeypatch.setattr("home.health.connection.close", lambda: None)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["database"] is False
    assert answer.json()["because"] == ["The database does not answer."]


def numbers(text: str) -> dict[tuple[str, ...], float]:
    """Every sample of the outbox by its name and the values of its labels."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith("decklog_") and not sample.name.startswith("decklog_http")
    }


def test_metrics_tell_what_waits_what_ended_and_how_attempts_went(
    client: Client, post: Post, memory: MemoryProvider
) -> None:
    memory.answers.extend([Rejected("550"), NoAnswer("451")])
    post("dead", at=timezone.now() - timedelta(seconds=30))
    post("retrying", at=timezone.now() - timedelta(seconds=20))
    post("sent", at=timezone.now() - timedelta(seconds=10))
    send_all()
    answer = client.get("/metrics")
    assert answer.status_code == 200
    found = numbers(answer.content.decode())
    for state, count in {"pending": 1, "sending": 0, "sent": 1, "dead": 1, "cancelled": 0}.items():
        assert found["decklog_outbox_messages", "memory", state] == count
    for verdict, count in {"sent": 1, "rejected": 1, "failed": 1, "retry_after": 0, "crashed": 0}.items():
        assert found["decklog_outbox_attempts_total", "memory", verdict] == count
    assert 20 <= found["decklog_outbox_oldest_seconds", "memory"] < 30
    latency = {
        bound: found["decklog_outbox_latency_seconds_bucket", "memory", bound] for bound in ("5.0", "30.0", "+Inf")
    }
    assert latency == {"5.0": 0, "30.0": 1, "+Inf": 1}
    assert 10 <= found["decklog_outbox_latency_seconds_sum", "memory"] < 20
    assert found["decklog_outbox_oldest_seconds", "email"] == 0
    assert found[("decklog_database_up",)] == 1
    assert "decklog_http_request_seconds_bucket" in client.get("/metrics").content.decode()


def test_metrics_of_the_process_remain_when_the_database_is_away(
    client: Client, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> list[queries.Waiting]:
        raise OperationalError("connection refused")

    monkeypatch.setattr(queries, "waiting", away)
    monkeypatch.setattr("home.health.connection.close", lambda: None)
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert numbers(answer.content.decode())[("decklog_database_up",)] == 0


@pytest.mark.parametrize(
    "headers",
    [
        {"REMOTE_ADDR": "10.0.0.7"},
        {"REMOTE_ADDR": ""},
        {"REMOTE_ADDR": "10.0.0.7", "HTTP_X_FORWARDED_FOR": "127.0.0.1"},
        {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "203.0.113.9"},
        {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "127.0.0.1"},
        {"REMOTE_ADDR": "127.0.0.1", "HTTP_FORWARDED": "for=203.0.113.9"},
    ],
)
def test_metrics_are_not_for_strangers_nor_for_those_behind_a_proxy(
    client: Client, db: None, headers: dict[str, Any]
) -> None:
    answer = client.get("/metrics", **headers)
    assert answer.status_code == 401
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_metrics_are_for_this_machine(client: Client, db: None, address: str) -> None:
    assert client.get("/metrics", REMOTE_ADDR=address).status_code == 200


def test_metrics_are_for_tokens_that_may_read(shop: factories.Shop) -> None:
    reader, deployer = token_client(shop.ann, "read"), token_client(shop.ann, "deploy")
    assert reader.get("/metrics", REMOTE_ADDR="10.0.0.7").status_code == 200
    assert deployer.get("/metrics", REMOTE_ADDR="10.0.0.7").status_code == 403
    stranger = APIClient()
    stranger.credentials(HTTP_AUTHORIZATION="Bearer dlk_nonsense")
    assert stranger.get("/metrics", REMOTE_ADDR="10.0.0.7").status_code == 401


def test_the_command_pauses_resumes_and_tells(post: Post, capsys: pytest.CaptureFixture[str]) -> None:
    post()
    call_command("outbox", "pause")
    call_command("outbox", "status")
    call_command("outbox", "resume")
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "Sending is paused."
    assert said[1] == "Sending is paused."
    assert said[2].startswith("1 waiting")
    assert said[-1] == "Sending goes on."


ASK_TWICE = """
import django
django.setup()
from django.test import Client
machine = Client(SERVER_NAME="localhost")
print([machine.get("/metrics") for _ in range(2)][1].content.decode())
"""


def test_each_family_comes_once_when_several_web_processes_share_their_numbers(tmp_path: Path) -> None:
    shared = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "DATABASE_URL": f"sqlite:///{tmp_path}/away/decklog.sqlite3"}
    env = os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings"} | shared
    told = subprocess.run([sys.executable, "-c", ASK_TWICE], env=env, capture_output=True, text=True, check=True)
    types = [line for line in told.stdout.splitlines() if line.startswith("# TYPE")]
    assert "# TYPE decklog_database_up gauge" in types
    assert "# TYPE decklog_http_request_seconds histogram" in types
    assert len(types) == len(set(types))
