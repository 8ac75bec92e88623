"""A provider that keeps what it is given, and a real mail server on loopback that answers as told."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from notifications import relay
from notifications.models import Message
from notifications.outbox import NewMessage, enqueue
from notifications.providers import PROVIDERS
from notifications.providers.memory import MemoryProvider
from notifications.relay import Lane
from tests.mail_server import MailServer

MAIL = Lane("memory", Message.Priority.NORMAL)
PAGES = Lane("memory", Message.Priority.PAGE)


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> MemoryProvider:
    """The provider of the channel `memory`, which exists only while a test uses this."""
    provider = MemoryProvider()
    monkeypatch.setitem(PROVIDERS, "memory", provider)
    return provider


Post = Callable[..., Message]


@pytest.fixture
def post(memory: MemoryProvider, db: None) -> Post:
    """Enqueues a message; pass what should differ."""

    def post_one(key: str = "hello", *, at: datetime | None = None, **changed: Any) -> Message:
        fields: dict[str, Any] = {
            "channel": "memory",
            "recipient": "ann@example.com",
            "title": "Hello",
            "text": "Look.",
        }
        with transaction.atomic():
            return enqueue(NewMessage(dedup_key=key, **{**fields, **changed}), at=at or timezone.now())

    return post_one


def later(seconds: float) -> Callable[[], datetime]:
    """A clock that runs ahead by so many seconds."""
    return lambda: timezone.now() + timedelta(seconds=seconds)


def state_of(message: Message) -> str:
    """The state as the database has it now."""
    message.refresh_from_db()
    return message.state


def verdicts_of(message: Message) -> list[str]:
    """How the attempts ended, oldest first."""
    message.refresh_from_db()
    return [each["verdict"] for each in message.tries]


@pytest.fixture
def mail_server(settings: Any) -> Iterator[MailServer]:
    """A mail server on a free port of loopback to which Decklog sends its mail."""
    server = MailServer()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST = "127.0.0.1"
    settings.EMAIL_PORT = server.port
    yield server
    server.close()


def send_all(lane: Lane = MAIL, *, ahead: float = 0) -> int:
    """Send what is due in a lane, so many seconds ahead of now."""
    return relay.work(lane, clock=later(ahead))
