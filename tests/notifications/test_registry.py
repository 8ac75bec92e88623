"""Which channels there are, and who carries the libraries that deliver to them."""

import os
import subprocess
import sys
from typing import Any

import pytest
from django.conf import settings as django_settings

from config import checks
from notifications import providers

WEB = (
    "import sys, django; django.setup(); import config.urls, config.wsgi;"
    "from notifications.providers import PROVIDERS; print(sorted(PROVIDERS));"
    "print([name for name in ('slack_sdk', 'opsgenie_sdk', 'icalendar') if name in sys.modules])"
)


def test_the_web_process_knows_every_channel_and_loads_no_library_for_any() -> None:
    given = {
        "SLACK_BOT_TOKEN": "xoxb-1",
        "OPSGENIE_API_KEY": "key",
        "ANNOUNCE_WEBHOOK_URL": "https://hooks.example.com/x",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "SENTRY_DSN": "",
    }
    ended = subprocess.run(
        [sys.executable, "-c", WEB],
        env={**os.environ, **given},
        cwd=django_settings.ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.split("\n")[:2] == ["['canary', 'email', 'pager', 'slack', 'webhook']", "[]"]


def test_a_channel_exists_only_with_the_settings_that_it_needs(settings: Any) -> None:
    settings.SLACK_BOT_TOKEN = settings.OPSGENIE_API_KEY = ""
    settings.WEBHOOKS = {}
    assert sorted(providers.configured()) == ["canary", "email"]
    settings.OPSGENIE_API_KEY = "key"
    assert sorted(providers.configured()) == ["canary", "email", "pager"]


@pytest.mark.parametrize(
    ("given", "id_", "words"),
    [
        ({"SLACK_API_URL": "http://slack.internal/api/"}, "decklog.E006", "SLACK_API_URL is not encrypted"),
        ({"OPSGENIE_API_URL": "http://10.0.0.1"}, "decklog.E006", "OPSGENIE_API_URL is not encrypted"),
        ({"SLACK_CHANNEL": "#changes", "SLACK_BOT_TOKEN": ""}, "decklog.E007", "without SLACK_BOT_TOKEN"),
        ({"WEBHOOK_ALLOWED_ADDRESSES": ["inside"]}, "decklog.E008", "contains inside"),
        ({"PUBLIC_COLOUR": "red; x"}, "decklog.E011", "Write one like #0b5fc4"),
        ({"PUBLIC_LOGO": "/nowhere.svg"}, "decklog.E012", "where no picture is"),
        ({"PUBLIC_LINKS": ["Terms=javascript:x"]}, "decklog.E013", "Write each as Word="),
        ({"ANNOUNCE_WEBHOOK_KEY": "key", "WEBHOOKS": {}}, "decklog.E009", "nothing to sign"),
        (
            {"WEBHOOKS": {"announcements": {"url": "http://example.com/secret", "key": ""}}},
            "decklog.E010",
            "ANNOUNCE_WEBHOOK_URL is not encrypted",
        ),
    ],
)
def test_a_contradiction_stops_the_start_with_a_sentence(
    settings: Any, given: dict[str, Any], id_: str, words: str
) -> None:
    for name, value in given.items():
        setattr(settings, name, value)
    (found,) = [one for one in checks.settings_are_right() if one.id == id_]
    assert words in found.msg
    assert "secret" not in found.msg


def test_what_stays_on_this_machine_may_do_without_encryption(settings: Any) -> None:
    settings.SLACK_API_URL = settings.OPSGENIE_API_URL = "http://127.0.0.1:5000"
    settings.WEBHOOKS = {"announcements": {"url": "http://localhost:5000/x", "key": ""}}
    assert not [one for one in checks.settings_are_right() if one.id in {"decklog.E006", "decklog.E010"}]
