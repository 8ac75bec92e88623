"""Opsgenie over HTTP on loopback: a page is sent only when the alert exists, and exists only once."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from notifications.models import Message
from notifications.outbox import Fallback
from notifications.providers import PROVIDERS, opsgenie
from notifications.providers.memory import MemoryProvider
from notifications.providers.opsgenie import OpsgenieProvider
from notifications.providers.protocol import NoAnswer, Parcel, Rejected, RetryAfter, Sent
from notifications.relay import Lane
from tests.fake_services import HANG_UP, Answer, FakeOpsgenie
from tests.notifications.conftest import Post, send_all, state_of, verdicts_of

PAGER = Lane("pager", Message.Priority.PAGE)
PARCEL = Parcel(
    "page:INC-3:1",
    "schedule:payments-primary",
    "INC-3 is a Sev-1: " + "x" * 200,
    "Acknowledge INC-3.",
    subject="INC-3",
    is_page=True,
)


@pytest.fixture
def pager(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeOpsgenie]:
    service = FakeOpsgenie()
    settings.OPSGENIE_API_KEY = service.KEY
    settings.OPSGENIE_API_URL = service.url
    monkeypatch.setattr(opsgenie, "FIRST_LOOK", 0.01)
    monkeypatch.setitem(PROVIDERS, "pager", OpsgenieProvider())
    yield service
    service.close()


def a_page(post: Post, key: str = "page:INC-3:1", **changed: Any) -> Message:
    fields: dict[str, Any] = {"channel": "pager", "recipient": "schedule:payments-primary", "subject": "INC-3"}
    return post(key, priority=Message.Priority.PAGE, **{**fields, **changed})


def test_a_page_becomes_an_alert_and_counts_as_sent_once_it_exists(pager: FakeOpsgenie) -> None:
    pager.processed_at_look = 3
    assert OpsgenieProvider().deliver(PARCEL) == Sent(ref="alert-page:INC-3:1", answer="Created alert")
    assert [call.method for call in pager.calls] == ["POST", "GET", "GET", "GET"]
    alert = pager.calls[0].body
    assert (alert["alias"], alert["priority"], alert["entity"]) == ("page:INC-3:1", "P1", "INC-3")
    assert len(alert["message"]) == 130
    assert alert["message"].endswith("…")
    assert alert["description"] == "Acknowledge INC-3."
    assert alert["responders"] == [{"type": "schedule", "name": "payments-primary"}]
    assert alert["details"]["about"] == "INC-3"


def test_a_person_is_paged_by_their_name_at_opsgenie(pager: FakeOpsgenie) -> None:
    OpsgenieProvider().deliver(Parcel("key", "user:ann@example.com", "Title", "Text"))
    alert = pager.calls[0].body
    assert alert["responders"] == [{"type": "user", "username": "ann@example.com"}]
    assert alert["priority"] == "P3"


@pytest.mark.parametrize("recipient", ["ann@example.com", "pigeon:ann", "team:", ""])
def test_a_recipient_that_cannot_be_paged_is_refused_before_anything_is_sent(
    pager: FakeOpsgenie, recipient: str
) -> None:
    verdict = OpsgenieProvider().deliver(Parcel("key", recipient, "Title", "Text"))
    assert isinstance(verdict, Rejected)
    assert "schedule:payments-primary" in verdict.because
    assert pager.calls == []


def test_an_answer_that_got_lost_makes_no_second_alert(pager: FakeOpsgenie, post: Post) -> None:
    pager.answers.append(HANG_UP)
    message = a_page(post)
    send_all(PAGER)
    assert state_of(message) == "pending"
    send_all(PAGER, ahead=60)
    assert state_of(message) == "sent"
    assert verdicts_of(message) == ["failed", "sent"]
    assert list(pager.alerts) == ["page:INC-3:1"]
    assert len(pager.alerts["page:INC-3:1"]) == 2


@pytest.mark.parametrize(
    "headers", [{"Retry-After": "7"}, {"X-RateLimit-Period-In-Sec": "7", "X-RateLimit-State": "THROTTLED"}]
)
def test_when_opsgenie_is_busy_it_is_left_alone_for_as_long_as_it_says(
    pager: FakeOpsgenie, post: Post, headers: dict[str, str]
) -> None:
    pager.answers.append(Answer(429, {"message": "You are making too many requests!", "took": 0.0}, headers))
    message = a_page(post)
    send_all(PAGER)
    assert verdicts_of(message) == ["retry_after"]
    assert send_all(PAGER, ahead=6) == 0
    assert len(pager.calls) == 1
    send_all(PAGER, ahead=8)
    assert state_of(message) == "sent"


def test_without_a_time_opsgenie_gets_ten_seconds(pager: FakeOpsgenie) -> None:
    pager.answers.append(Answer(429, {"message": "Slow down."}))
    assert OpsgenieProvider().deliver(PARCEL) == RetryAfter(10.0, "429 Opsgenie is asked too often. Slow down.")


@pytest.mark.parametrize(
    "answer",
    [
        Answer(500, {"message": "Internal error"}),
        Answer(503, "<html>Sorry</html>"),
        Answer(404, "<html>Not this way</html>"),
        HANG_UP,
    ],
)
def test_trouble_of_opsgenie_is_tried_again_by_the_relay_alone(pager: FakeOpsgenie, answer: Answer) -> None:
    pager.answers.append(answer)
    with pytest.raises(NoAnswer):
        OpsgenieProvider().deliver(PARCEL)
    assert len(pager.calls) == 1


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            Answer(422, {"message": "Request body is not processable.", "errors": {"alias": "too long"}}),
            "422 Opsgenie refuses the alert. Request body is not processable. alias: too long",
        ),
        (
            Answer(403, {"message": "You are not authorized.", "code": 40301}),
            "403 Opsgenie does not let OPSGENIE_API_KEY do this. You are not authorized.",
        ),
    ],
)
def test_what_opsgenie_will_never_take_is_refused_in_words(pager: FakeOpsgenie, answer: Answer, words: str) -> None:
    pager.answers.append(answer)
    assert OpsgenieProvider().deliver(PARCEL) == Rejected(words)


def test_an_alert_that_is_accepted_but_fails_is_not_called_sent(pager: FakeOpsgenie) -> None:
    pager.failure = "Responder does not exist"
    assert OpsgenieProvider().deliver(PARCEL) == Rejected("Opsgenie could not do it: Responder does not exist")


def test_an_alert_that_is_never_confirmed_is_asked_for_again_within_the_attempts_time(
    pager: FakeOpsgenie, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opsgenie, "SECONDS", 0.2)
    pager.processed_at_look = 1_000
    begun = time.monotonic()
    with pytest.raises(NoAnswer, match="did not confirm"):
        OpsgenieProvider().deliver(PARCEL)
    assert time.monotonic() - begun < 2


def test_a_page_that_opsgenie_refuses_goes_out_as_a_mail(
    pager: FakeOpsgenie, post: Post, memory: MemoryProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    pager.answers.append(Answer(422, {"message": "No such schedule"}))
    message = a_page(post, fallbacks=(Fallback("memory", "ann@example.com"),))
    send_all(PAGER)
    assert state_of(message) == "dead"
    assert send_all(Lane("memory", Message.Priority.PAGE)) == 1
    assert [parcel.recipient for parcel in memory.delivered] == ["ann@example.com"]


def test_two_keys_never_mix(pager: FakeOpsgenie, settings: Any) -> None:
    OpsgenieProvider().deliver(PARCEL)
    settings.OPSGENIE_API_KEY = "another-key"
    OpsgenieProvider().deliver(PARCEL)
    settings.OPSGENIE_API_KEY = pager.KEY
    OpsgenieProvider().deliver(PARCEL)
    keys = [call.headers["authorization"] for call in pager.calls if call.method == "POST"]
    assert keys == [f"GenieKey {pager.KEY}", "GenieKey another-key", f"GenieKey {pager.KEY}"]


def test_the_key_is_in_no_log_and_not_with_the_message(
    pager: FakeOpsgenie, post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    pager.answers.extend([Answer(403, {"message": f"The key {pager.KEY} is not valid"}), HANG_UP])
    for key in "ab":
        a_page(post, key)
    send_all(PAGER)
    kept = [f"{message.last_error} {message.tries}" for message in Message.objects.all()]
    assert any("[hidden]" in text for text in kept)
    assert not any(pager.KEY in text for text in (*kept, caplog.text))
