"""Hurry through Celery: useful when it works, harmless when it does not."""

import os
import queue
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from config.celery import app
from launch import broker, console
from notifications import outbox, tasks
from notifications.models import Message
from notifications.nudges import Nudger
from notifications.outbox import NewMessage
from notifications.providers.memory import MemoryProvider


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[tuple[int, int]]:
    """A Redis of this test alone: its process id and port."""
    try:
        program = broker.find_server()
    except console.Refusal:
        pytest.skip("no Redis server here")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    server = subprocess.Popen(
        [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)],
        stdout=subprocess.DEVNULL,
    )
    for _ in range(200):
        with socket.socket() as caller:
            if caller.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.02)
    yield server.pid, port
    os.kill(server.pid, signal.SIGCONT)
    server.kill()
    server.wait()


def use_broker(monkeypatch: pytest.MonkeyPatch, settings: Any, url: str) -> threading.Event:
    """Publish to `url`, with a fresh nudger and no connection left from before; set once a publication has ended."""
    settings.REDIS_URL = url
    has_ended = threading.Event()
    publish = tasks.deliver.apply_async

    def watched(*words: Any, **options: Any) -> None:
        try:
            publish(*words, **options)
        finally:
            has_ended.set()

    monkeypatch.setattr(tasks.deliver, "apply_async", watched)
    monkeypatch.setattr(app.conf, "broker_url", url)
    monkeypatch.setattr(app, "_pool", None)
    monkeypatch.setattr(app.amqp, "_producer_pool", None)
    monkeypatch.setattr("notifications.outbox.NUDGER", Nudger())
    return has_ended


def enqueue_timed() -> float:
    """Enqueue and commit one message and return how many seconds that took."""
    start = time.perf_counter()
    with transaction.atomic():
        new = NewMessage(dedup_key="hello", channel="memory", recipient="ann@example.com", title="Hello", text="Look.")
        outbox.enqueue(new, at=timezone.now())
    return time.perf_counter() - start


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_is_down_delays_nobody_and_loses_nothing(
    memory: MemoryProvider, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    has_ended = use_broker(monkeypatch, settings, "redis://127.0.0.1:1/0")
    assert enqueue_timed() < 1
    assert has_ended.wait(20)
    assert Message.objects.get().state == "pending"


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_is_frozen_delays_nobody_and_loses_nothing(
    memory: MemoryProvider, redis_server: tuple[int, int], monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    pid, port = redis_server
    has_ended = use_broker(monkeypatch, settings, f"redis://127.0.0.1:{port}/0")
    os.kill(pid, signal.SIGSTOP)
    assert enqueue_timed() < 1
    assert not has_ended.is_set()
    os.kill(pid, signal.SIGKILL)
    assert has_ended.wait(20)
    assert Message.objects.get().state == "pending"


@pytest.mark.django_db(transaction=True)
def test_a_commit_hurries_the_queue_of_its_urgency(
    memory: MemoryProvider, redis_server: tuple[int, int], monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    use_broker(monkeypatch, settings, f"redis://127.0.0.1:{redis_server[1]}/0")
    enqueue_timed()
    outbox.nudge("memory", priority=Message.Priority.PAGE)
    with app.connection_for_read() as connection:
        for name in ("mail", "pages"):
            message = connection.SimpleQueue(name).get(timeout=5)
            assert message.headers["task"] == "notifications.tasks.deliver"
            assert message.headers["expires"] is not None
            message.ack()
        with pytest.raises(queue.Empty):
            connection.SimpleQueue("celery").get(timeout=0.1)


def test_a_rolled_back_message_hurries_nobody(
    memory: MemoryProvider, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, int]] = []
    monkeypatch.setattr("notifications.outbox.NUDGER.nudge", lambda *words: asked.append(words))
    with transaction.atomic():
        outbox.nudge("memory")
        transaction.set_rollback(True)
    assert asked == []


def test_many_nudges_at_once_become_few(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    published: list[tuple[str, ...]] = []
    done = threading.Event()

    def publish(words: tuple[str, ...], **_: Any) -> None:
        published.append(words)
        done.set()

    monkeypatch.setattr(tasks.deliver, "apply_async", publish)
    nudger = Nudger()
    for _ in range(1000):
        nudger.nudge("email", 5)
    assert done.wait(5)
    time.sleep(0.1)
    assert 1 <= len(published) < 20


def test_without_a_broker_nothing_is_published(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.REDIS_URL = ""
    monkeypatch.setattr(tasks.deliver, "apply_async", pytest.fail)
    threads = threading.active_count()
    Nudger().nudge("email", 5)
    assert threading.active_count() == threads
