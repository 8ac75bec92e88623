"""A process with wrong settings ends with a sentence instead of doing half its work."""

from typing import Any

import pytest

from config.celery import app
from config.checks import refuse_wrong_start
from config.environment import WrongStart


@pytest.mark.parametrize("start", [refuse_wrong_start, app.loader.on_worker_init], ids=["web", "worker and beat"])
def test_nothing_starts_on_postgres_without_a_broker_that_others_reach(settings: Any, start: Any) -> None:
    settings.IS_POSTGRES, settings.REDIS_URL = True, ""
    with pytest.raises(WrongStart, match="Workers on other machines need a Redis: set REDIS_URL"):
        start()


def test_every_mistake_is_named_at_once(settings: Any) -> None:
    settings.SECRET_KEY, settings.ORGANISATION_TIME_ZONE = "short", "Mars/Olympus"
    settings.BASE_URL = "https://decklog.example.com/log"
    with pytest.raises(WrongStart) as refusal:
        refuse_wrong_start()
    assert all(name in str(refusal.value) for name in ("SECRET_KEY", "TIME_ZONE", "BASE_URL"))


def test_a_right_start_goes_on(settings: Any) -> None:
    settings.SECRET_KEY, settings.REDIS_URL = "only-for-tests-0123456789abcdefghijkl", "redis://redis.internal:6379/0"
    settings.BASE_URL, settings.ALLOWED_HOSTS = "https://decklog.example.com", ["decklog.example.com"]
    refuse_wrong_start()
