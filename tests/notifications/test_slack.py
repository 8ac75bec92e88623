"""Slack over HTTP on loopback: what people see there, and what becomes of a message when Slack says no."""

from collections.abc import Iterator
from typing import Any

import pytest

from notifications.models import Message
from notifications.parts import Line, Part, from_payload, to_payload
from notifications.providers import PROVIDERS
from notifications.providers.protocol import NoAnswer, Parcel, Rejected, RetryAfter, Sent
from notifications.providers.slack import SlackProvider, blocks_of
from notifications.relay import Lane
from tests.fake_services import HANG_UP, Answer, FakeSlack
from tests.notifications.conftest import Post, send_all, state_of, verdicts_of

SLACK = Lane("slack", Message.Priority.NORMAL)
PARCEL = Parcel(
    "started:CHG-12", "#changes", "CHG-12 began: Move <checkout>", "Ann began it.\nhttps://d.example/CHG-12"
)


@pytest.fixture
def slack(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSlack]:
    service = FakeSlack()
    settings.SLACK_BOT_TOKEN = service.TOKEN
    settings.SLACK_API_URL = f"{service.url}/api/"
    monkeypatch.setitem(PROVIDERS, "slack", SlackProvider())
    yield service
    service.close()


def test_a_message_arrives_in_blocks_and_in_plain_text_that_call_nobody(slack: FakeSlack) -> None:
    assert SlackProvider().deliver(PARCEL) == Sent(ref="C1:1700000000.000100", answer="200 ok")
    (call,) = slack.calls
    assert call.path == "/api/chat.postMessage"
    assert call.body["text"] == "CHG-12 began: Move &lt;checkout&gt;\nAnn began it.\nhttps://d.example/CHG-12"
    assert [block["text"]["text"] for block in call.body["blocks"]] == [
        "*CHG-12 began: Move &lt;checkout&gt;*",
        "Ann began it.\nhttps://d.example/CHG-12",
    ]


def test_a_long_text_is_split_into_sections_that_slack_takes(slack: FakeSlack) -> None:
    SlackProvider().deliver(Parcel("key", "#changes", "T" * 4_000, "x" * 7_000))
    sections = [block["text"]["text"] for block in slack.calls[0].body["blocks"]]
    assert [len(section) for section in sections] == [3_000, 3_000, 3_000, 1_000]
    assert len(slack.calls[0].body["text"]) <= 3_000


HOSTILE = Part(
    "Today <!channel>",
    [Line("@channel & <https://evil.example|here>\n*bold* https://evil.example", "CHG-12 <b>", "https://d.example/1")],
)


def test_headings_and_lists_arrive_as_blocks_in_which_only_our_links_are_links(slack: FakeSlack, post: Post) -> None:
    message = post(channel="slack", recipient="#changes", parts=(HOSTILE, Part("Quiet", [Line("Nothing.")])))
    send_all(SLACK)
    assert state_of(message) == "sent"
    _, today, quiet = slack.calls[0].body["blocks"]
    assert today["text"]["text"] == (
        "*Today &lt;!channel&gt;*\n• <https://d.example/1|CHG-12 &lt;b&gt;> @channel &amp; "
        "&lt;https://evil.example|here&gt; *bold* https://evil.example"
    )
    assert today["text"]["verbatim"] is True
    assert quiet["text"]["text"] == "*Quiet*\n• Nothing."


def test_however_much_there_is_to_say_slack_gets_what_it_takes() -> None:
    lines = [Line("&" * 9_000, "<" * 9_000, f"https://d.example/{number}") for number in range(300)]
    blocks = blocks_of("*All*", [Part("Much", lines)] * 3)
    assert len(blocks) == 50
    assert blocks[-1]["text"]["text"] == "_More did not fit._"
    assert max(len(block["text"]["text"]) for block in blocks) <= 3_000


def test_parts_that_somebody_spoilt_do_not_stop_the_text() -> None:
    assert from_payload(to_payload([HOSTILE]))[0].lines[0].label == "CHG-12 <b>"
    assert [from_payload(kept) for kept in (None, 7, [["a"]], [["a", 3, True]], {"x": 1})] == [()] * 5


def test_what_began_and_ended_is_one_message_that_was_changed(slack: FakeSlack, post: Post) -> None:
    for key, text in (("started", "It began."), ("ended", "It ended well.")):
        message = post(key, channel="slack", recipient="#changes", text=text, replaces="progress:CHG-12")
        send_all(SLACK)
        assert state_of(message) == "sent"
    assert [call.path for call in slack.calls] == ["/api/chat.postMessage", "/api/chat.update"]
    (seen,) = slack.messages.values()
    assert "It ended well." in seen["text"]


def test_a_message_that_was_deleted_in_slack_is_posted_anew(slack: FakeSlack) -> None:
    parcel = Parcel("ended:CHG-12", "#changes", "CHG-12 ended", "Well.", replaces="C1:1600000000.000100")
    assert isinstance(SlackProvider().deliver(parcel), Sent)
    assert [call.path for call in slack.calls] == ["/api/chat.update", "/api/chat.postMessage"]


@pytest.mark.parametrize(
    "answer",
    [
        Answer(429, {"ok": False, "error": "ratelimited"}, {"Retry-After": "7"}),
        Answer(200, {"ok": False, "error": "ratelimited"}, {"Retry-After": "7"}),
        Answer(429, "busy", {"Retry-After": "7"}),
    ],
)
def test_when_slack_is_busy_it_is_left_alone_for_as_long_as_it_says(
    slack: FakeSlack, post: Post, answer: Answer
) -> None:
    slack.answers.append(answer)
    message = post(channel="slack", recipient="#changes")
    assert send_all(SLACK) == 1
    assert verdicts_of(message) == ["retry_after"]
    assert send_all(SLACK, ahead=6) == 0
    assert send_all(SLACK, ahead=8) == 1
    assert state_of(message) == "sent"
    assert len(slack.calls) == 2


def test_without_a_time_slack_gets_half_a_minute(slack: FakeSlack) -> None:
    slack.answers.append(Answer(429, {"ok": False, "error": "ratelimited"}))
    assert SlackProvider().deliver(PARCEL) == RetryAfter(30.0, "429 Slack is asked too often.")


@pytest.mark.parametrize(
    "answer",
    [
        Answer(500, {"ok": False, "error": "internal_error"}),
        Answer(503, "<html>Service unavailable</html>"),
        Answer(200, {"ok": False, "error": "internal_error"}),
        Answer(200, "<html>A proxy says hello</html>"),
        HANG_UP,
    ],
)
def test_trouble_of_slack_is_tried_again_by_the_relay_alone(slack: FakeSlack, answer: Answer) -> None:
    slack.answers.append(answer)
    with pytest.raises((NoAnswer, OSError)):
        SlackProvider().deliver(PARCEL)
    assert len(slack.calls) == 1


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("channel_not_found", "Slack knows no channel #changes"),
        ("is_archived", "The channel #changes is archived."),
        ("invalid_auth", "Slack does not accept SLACK_BOT_TOKEN."),
        ("missing_scope", "lacks the scope chat:write"),
        ("some_new_error", "Slack refuses it: some_new_error."),
    ],
)
def test_what_slack_will_never_take_is_refused_in_words(slack: FakeSlack, code: str, words: str) -> None:
    slack.answers.append(slack.refusal(code))
    verdict = SlackProvider().deliver(PARCEL)
    assert isinstance(verdict, Rejected)
    assert words in verdict.because


def test_the_token_is_in_no_log_and_not_with_the_message(
    slack: FakeSlack, post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    slack.answers.extend([slack.refusal("invalid_auth"), HANG_UP, Answer(500, f"you sent {slack.TOKEN}")])
    for key in "abc":
        post(key, channel="slack", recipient="#changes")
    send_all(SLACK)
    assert len(slack.calls) == 3
    kept = [f"{message.last_error} {message.tries}" for message in Message.objects.all()]
    assert not any(slack.TOKEN in text for text in (*kept, caplog.text))
