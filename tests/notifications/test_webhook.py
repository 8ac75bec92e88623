"""Webhooks over HTTP on loopback: what the endpoint can check, and where a webhook never goes."""

import ipaddress
import json
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from notifications.models import Message
from notifications.providers import PROVIDERS, webhook
from notifications.providers.protocol import NoAnswer, Parcel, Rejected, RetryAfter, Sent
from notifications.providers.webhook import WebhookProvider, may_call, signature
from notifications.relay import Lane
from tests.fake_services import HANG_UP, Answer, FakeService
from tests.notifications.conftest import Post, send_all, state_of, verdicts_of

WEBHOOK = Lane("webhook", Message.Priority.NORMAL)
PARCEL = Parcel("announce:INC-3", "announcements", "Checkout is <slow>", "We are on it.", subject="INC-3")
SECRET_PATH = "/services/T0/B0/the-secret-part"


@pytest.fixture
def endpoint(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeService]:
    service = FakeService()
    settings.WEBHOOKS = {"announcements": {"url": service.url + SECRET_PATH, "key": "shared-key"}}
    monkeypatch.setitem(PROVIDERS, "webhook", WebhookProvider())
    yield service
    service.close()


def leads_to(settings: Any, url: str) -> None:
    settings.WEBHOOKS = {"announcements": {"url": url, "key": ""}}


def resolved(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Every name means these addresses."""

    def lookup(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)


def test_the_endpoint_can_check_who_called_and_when(endpoint: FakeService) -> None:
    assert WebhookProvider().deliver(PARCEL) == Sent(answer='200 {"ok": true}')
    (call,) = endpoint.calls
    assert (call.method, call.path) == ("POST", SECRET_PATH)
    timestamp = call.headers["x-decklog-timestamp"]
    assert abs(int(timestamp) - time.time()) < 60
    assert call.headers["x-decklog-signature"] == signature("shared-key", timestamp, call.raw)
    assert call.headers["x-decklog-signature"] != signature("shared-key", str(int(timestamp) + 1), call.raw)
    assert call.headers["x-decklog-signature"] != signature("another-key", timestamp, call.raw)
    assert json.loads(call.raw) == {
        "id": call.headers["x-decklog-id"],
        "about": "INC-3",
        "title": "Checkout is <slow>",
        "text": "*Checkout is &lt;slow&gt;*\nWe are on it.",
    }


def test_every_attempt_carries_the_same_id(endpoint: FakeService) -> None:
    for _ in range(2):
        WebhookProvider().deliver(PARCEL)
    assert len({call.headers["x-decklog-id"] for call in endpoint.calls}) == 1


def test_an_endpoint_without_a_key_gets_no_signature(endpoint: FakeService, settings: Any) -> None:
    settings.WEBHOOKS["announcements"]["key"] = ""
    WebhookProvider().deliver(PARCEL)
    assert "x-decklog-signature" not in endpoint.calls[0].headers


def test_a_name_that_the_settings_do_not_know_is_refused(endpoint: FakeService) -> None:
    assert WebhookProvider().deliver(Parcel("k", "elsewhere", "T", "t")) == Rejected(
        "The settings name no webhook “elsewhere”."
    )


def test_a_redirect_is_not_followed(endpoint: FakeService) -> None:
    endpoint.answers.append(Answer(302, {}, {"Location": endpoint.url + "/elsewhere"}))
    verdict = WebhookProvider().deliver(PARCEL)
    assert isinstance(verdict, Rejected)
    assert "moved" in verdict.because
    assert len(endpoint.calls) == 1


def test_when_the_endpoint_is_busy_it_is_left_alone_for_as_long_as_it_says(endpoint: FakeService, post: Post) -> None:
    endpoint.answers.append(Answer(429, {}, {"Retry-After": "7"}))
    message = post(channel="webhook", recipient="announcements")
    send_all(WEBHOOK)
    assert verdicts_of(message) == ["retry_after"]
    assert send_all(WEBHOOK, ahead=6) == 0
    send_all(WEBHOOK, ahead=8)
    assert state_of(message) == "sent"


def test_a_time_to_wait_may_be_a_date(endpoint: FakeService) -> None:
    endpoint.answers.append(Answer(503, {}, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}))
    assert WebhookProvider().deliver(PARCEL) == RetryAfter(0.0, "503 {}")


@pytest.mark.parametrize("answer", [Answer(500, {}), Answer(429, {}), Answer(503, "<html>"), HANG_UP])
def test_trouble_of_the_endpoint_is_tried_again(endpoint: FakeService, answer: Answer) -> None:
    endpoint.answers.append(answer)
    with pytest.raises((NoAnswer, OSError)):
        WebhookProvider().deliver(PARCEL)
    assert len(endpoint.calls) == 1


def test_what_the_endpoint_will_never_take_is_refused_in_its_words(endpoint: FakeService) -> None:
    endpoint.answers.append(Answer(404, "no_service"))
    assert WebhookProvider().deliver(PARCEL) == Rejected("404 no_service")


def test_a_yes_that_drips_is_a_yes_within_the_attempts_time(
    endpoint: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "SECONDS", 0.4)
    endpoint.drip = 0.1
    endpoint.answers.append(Answer(200, "slowly " * 100))
    begun = time.monotonic()
    assert isinstance(WebhookProvider().deliver(PARCEL), Sent)
    assert time.monotonic() - begun < 5


def test_silence_ends_with_the_attempts_time(endpoint: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "SECONDS", 0.3)
    endpoint.delay = 30
    begun = time.monotonic()
    with pytest.raises((NoAnswer, OSError)):
        WebhookProvider().deliver(PARCEL)
    assert time.monotonic() - begun < 5


def test_of_an_endless_answer_only_the_beginning_is_read(endpoint: FakeService) -> None:
    endpoint.answers.append(Answer(200, "x" * 1_000_000))
    verdict = WebhookProvider().deliver(PARCEL)
    assert isinstance(verdict, Sent)
    assert len(verdict.answer) < 300


# --- Where a webhook never goes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.1.2.3",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fd00:ec2::254",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
        "ff02::1",
    ],
)
def test_no_webhook_goes_inside_unless_that_is_allowed(address: str) -> None:
    assert not may_call(ipaddress.ip_address(address), allowed=[], is_encrypted=True)


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1"])
def test_webhooks_go_to_the_public_internet_and_only_encrypted(address: str) -> None:
    assert may_call(ipaddress.ip_address(address), allowed=[], is_encrypted=True)
    assert not may_call(ipaddress.ip_address(address), allowed=[], is_encrypted=False)


def test_an_operator_allows_what_is_inside_but_never_in_the_clear() -> None:
    allowed = [ipaddress.ip_network("10.1.2.0/24"), ipaddress.ip_network("127.0.0.1")]
    assert may_call(ipaddress.ip_address("10.1.2.3"), allowed=allowed, is_encrypted=True)
    assert not may_call(ipaddress.ip_address("10.1.3.3"), allowed=allowed, is_encrypted=True)
    assert not may_call(ipaddress.ip_address("10.1.2.3"), allowed=allowed, is_encrypted=False)
    assert may_call(ipaddress.ip_address("127.0.0.1"), allowed=allowed, is_encrypted=False)


@pytest.mark.parametrize("host", ["inside.example.com", "169.254.169.254"])
def test_a_name_that_leads_inside_is_refused_before_anything_is_sent(
    endpoint: FakeService, settings: Any, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    resolved(monkeypatch, "127.0.0.1" if host.startswith("inside") else host)
    leads_to(settings, f"https://{host}:{endpoint.url.rpartition(':')[2]}/hook")
    verdict = WebhookProvider().deliver(PARCEL)
    assert isinstance(verdict, Rejected)
    assert "WEBHOOK_ALLOWED_ADDRESSES" in verdict.because
    assert endpoint.calls == []


def test_the_address_that_was_judged_is_the_one_that_is_called(
    endpoint: FakeService, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.WEBHOOK_ALLOWED_ADDRESSES = ["127.0.0.1"]
    leads_to(settings, f"http://rebind.example.com:{endpoint.url.rpartition(':')[2]}/hook")
    questions: list[str] = []
    answers = iter([["169.254.169.254", "127.0.0.1"], ["169.254.169.254"]])

    def lookup(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        # A connection asks about the plain address once more; only names are looked up by anybody's server.
        found = [host] if host[0].isdigit() else next(answers)
        questions.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    assert isinstance(WebhookProvider().deliver(PARCEL), Sent)
    assert questions.count("rebind.example.com") == 1
    assert endpoint.calls[0].headers["host"].startswith("rebind.example.com")


def test_an_endpoint_without_encryption_gets_nothing_over_https(endpoint: FakeService, settings: Any) -> None:
    leads_to(settings, f"https://127.0.0.1:{endpoint.url.rpartition(':')[2]}/hook")
    with pytest.raises(OSError, match="SSL"):
        WebhookProvider().deliver(PARCEL)
    assert endpoint.calls == []


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for hooks.example.com that nobody trusts, with its key, in one file."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no openssl to make a certificate with")
    file = tmp_path / "endpoint.pem"
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=hooks.example.com"
    names = ["-addext", "subjectAltName=DNS:hooks.example.com", "-keyout", str(file), "-out", str(tmp_path / "cert")]
    subprocess.run([openssl, *words.split(), *names], check=True, capture_output=True)
    file.write_text(file.read_text() + (tmp_path / "cert").read_text())
    return file


@pytest.mark.parametrize(
    ("name", "is_trusted"), [("hooks.example.com", True), ("hooks.example.com", False), ("other.example.com", True)]
)
def test_a_pinned_address_must_still_prove_the_name(
    settings: Any, monkeypatch: pytest.MonkeyPatch, certificate: Path, name: str, is_trusted: bool
) -> None:
    is_sent = is_trusted and name == "hooks.example.com"
    service = FakeService(certificate=certificate)
    settings.WEBHOOK_ALLOWED_ADDRESSES = ["127.0.0.1"]
    leads_to(settings, f"https://{name}:{service.url.rpartition(':')[2]}/hook")
    resolved(monkeypatch, "127.0.0.1")
    if is_trusted:
        trusting = ssl.create_default_context(cafile=str(certificate))
        monkeypatch.setattr(ssl, "create_default_context", lambda: trusting)
    try:
        if is_sent:
            assert isinstance(WebhookProvider().deliver(PARCEL), Sent)
        else:
            with pytest.raises(ssl.SSLCertVerificationError):
                WebhookProvider().deliver(PARCEL)
        assert len(service.calls) == int(is_sent)
    finally:
        service.close()


def test_neither_key_nor_address_is_in_a_log_or_with_the_message(
    endpoint: FakeService, post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    endpoint.answers.extend([Answer(400, f"bad call of {SECRET_PATH} with shared-key"), HANG_UP])
    for key in "ab":
        post(key, channel="webhook", recipient="announcements")
    send_all(WEBHOOK)
    assert len(endpoint.calls) == 2
    kept = [f"{message.last_error} {message.tries} {message.recipient}" for message in Message.objects.all()]
    for secret in ("shared-key", "the-secret-part"):
        assert not any(secret in text for text in (*kept, caplog.text))


@pytest.mark.django_db(transaction=True)
def test_a_slow_endpoint_delays_no_other_channel(endpoint: FakeService, post: Post) -> None:
    endpoint.delay = 30
    slow = post("slow", channel="webhook", recipient="announcements")
    quick = post("quick")
    carrier = threading.Thread(target=_carry, args=(WEBHOOK,))
    carrier.start()
    begun = time.monotonic()
    while not endpoint.calls and time.monotonic() - begun < 10:
        time.sleep(0.01)
    send_all()
    assert state_of(quick) == "sent"
    assert state_of(slow) == "sending"
    endpoint.close()
    carrier.join(10)
    assert state_of(slow) in {"sent", "pending"}


def _carry(lane: Lane) -> None:
    send_all(lane)
    connection.close()
