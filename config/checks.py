"""What must be true of the settings before Decklog answers anybody.

Each check has a stable id and a message that says what to do. `refuse_wrong_start` is for processes that run no
management command (the web server); commands run the same list by themselves.
"""

import ipaddress
import re
import zoneinfo
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as Concern

from config.environment import WrongStart

COLOUR = re.compile(r"#[0-9a-fA-F]{6}\Z")
LOGOS = (".svg", ".png", ".webp")


def settings_are_right(app_configs: Sequence[Any] | None = None, **_: Any) -> list[CheckMessage]:
    """Every complaint about the settings, worst first; an empty list means that the start may go on."""
    return [
        *_secret_key(),
        *_base_url(),
        *_time_zone(),
        *_broker(),
        *_credentials_in_the_clear(),
        *_slack(),
        *_webhooks(),
        *_public(),
        *_mail(),
    ]


def refuse_wrong_start() -> None:
    """Raise WrongStart with all sentences when a setting is missing or contradicts another."""
    errors = [str(found.msg) for found in settings_are_right() if isinstance(found, Error)]
    if errors:
        raise WrongStart(" ".join(errors))


def _secret_key() -> Iterable[CheckMessage]:
    if len(settings.SECRET_KEY) < 32:
        yield Error(
            "SECRET_KEY is missing or shorter than 32 characters. Set it to a long random text, or name a file that "
            "holds one in SECRET_KEY_FILE; `make run` makes one by itself.",
            id="decklog.E001",
        )


def _base_url() -> Iterable[CheckMessage]:
    base = urlsplit(settings.BASE_URL)
    if base.scheme not in {"http", "https"} or not base.hostname or base.path not in {"", "/"}:
        yield Error(
            f"BASE_URL is “{settings.BASE_URL}”. It must be the address people type, scheme and host without a path, "
            "as in https://decklog.example.com.",
            id="decklog.E002",
        )
    elif base.hostname not in settings.ALLOWED_HOSTS and "*" not in settings.ALLOWED_HOSTS:
        yield Error(
            f"ALLOWED_HOSTS does not contain {base.hostname}, the host of BASE_URL. Add it, or leave "
            "ALLOWED_HOSTS unset.",
            id="decklog.E003",
        )


def _time_zone() -> Iterable[CheckMessage]:
    if settings.ORGANISATION_TIME_ZONE not in zoneinfo.available_timezones():
        yield Error(
            f"TIME_ZONE is “{settings.ORGANISATION_TIME_ZONE}”, which is no IANA zone. Write one like Europe/Berlin.",
            id="decklog.E004",
        )


def _broker() -> Iterable[CheckMessage]:
    if settings.IS_POSTGRES and not settings.REDIS_URL:
        yield Error(
            "DATABASE_URL names PostgreSQL but REDIS_URL is not set. Workers on other machines need a Redis: set "
            "REDIS_URL, as in redis://redis.internal:6379/0.",
            id="decklog.E005",
        )


def _credentials_in_the_clear() -> Iterable[CheckMessage]:
    for name, secret in (("SLACK_API_URL", "SLACK_BOT_TOKEN"), ("OPSGENIE_API_URL", "OPSGENIE_API_KEY")):
        where = urlsplit(getattr(settings, name))
        if where.scheme == "http" and not _is_this_machine(where.hostname or ""):
            yield Error(
                f"{name} is not encrypted, so {secret} could be read on the way. Write https:// instead of http://.",
                id="decklog.E006",
            )


def _slack() -> Iterable[CheckMessage]:
    if settings.SLACK_CHANNEL and not settings.SLACK_BOT_TOKEN:
        yield Error(
            f"SLACK_CHANNEL is {settings.SLACK_CHANNEL}, but without SLACK_BOT_TOKEN nothing can be posted there. Set "
            "the token of a Slack app with the scope chat:write, or leave SLACK_CHANNEL unset.",
            id="decklog.E007",
        )


def _webhooks() -> Iterable[CheckMessage]:
    for word in settings.WEBHOOK_ALLOWED_ADDRESSES:
        if not _is_network(word):
            yield Error(
                f"WEBHOOK_ALLOWED_ADDRESSES contains {word}, which is no address or network. Write some like "
                "10.1.2.3 or 10.1.2.0/24, with commas between them.",
                id="decklog.E008",
            )
    if settings.ANNOUNCE_WEBHOOK_KEY and not settings.WEBHOOKS:
        yield Error(
            "ANNOUNCE_WEBHOOK_KEY is set, but ANNOUNCE_WEBHOOK_URL is not, so there is nothing to sign. Set both, or "
            "neither.",
            id="decklog.E009",
        )
    for endpoint in settings.WEBHOOKS.values():
        where = urlsplit(endpoint["url"])
        if where.scheme == "http" and not _is_this_machine(where.hostname or ""):
            yield Error(
                "ANNOUNCE_WEBHOOK_URL is not encrypted. Write https:// instead of http://; only an endpoint on this "
                "machine may do without.",
                id="decklog.E010",
            )


def _public() -> Iterable[CheckMessage]:
    if settings.PUBLIC_COLOUR and not COLOUR.match(settings.PUBLIC_COLOUR):
        yield Error(f"PUBLIC_COLOUR is “{settings.PUBLIC_COLOUR}”. Write one like #0b5fc4.", id="decklog.E011")
    logo = Path(settings.PUBLIC_LOGO)
    if settings.PUBLIC_LOGO and not (logo.is_file() and logo.suffix.lower() in LOGOS):
        yield Error(
            f"PUBLIC_LOGO is {logo}, where no picture is. Name an existing file that ends in {', '.join(LOGOS)}.",
            id="decklog.E012",
        )
    for link in settings.PUBLIC_LINKS:
        word, _, address = link.partition("=")
        if not word.strip() or urlsplit(address.strip()).scheme not in {"http", "https", "mailto"}:
            yield Error(
                f"PUBLIC_LINKS contains “{link}”. Write each as Word=https://example.com/page, with commas between.",
                id="decklog.E013",
            )


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_network(word: str) -> bool:
    try:
        ipaddress.ip_network(word)
    except ValueError:
        return False
    return True


def _mail() -> Iterable[CheckMessage]:
    if not settings.EMBEDDED and settings.EMAIL_BACKEND.endswith("console.EmailBackend"):
        yield Concern(
            "EMAIL_URL is not set, so mail is printed to the log and reaches nobody. Set it, as in "
            "smtp+tls://user:password@smtp.example.com:587.",
            id="decklog.W001",
        )
