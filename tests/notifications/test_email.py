"""E-mail through a real SMTP conversation on loopback."""

import socket
from typing import Any

import pytest

from notifications.models import Message
from notifications.parts import Line, Part
from notifications.providers.email import EmailProvider, message_id
from notifications.providers.protocol import NoAnswer, Parcel, Rejected, Sent
from notifications.relay import Lane
from tests.mail_server import MailServer
from tests.notifications.conftest import Post, send_all, state_of, verdicts_of

PARCEL = Parcel(dedup_key="unproven:CHG-12", recipient="ann@example.com", title="Prove CHG-12", text="By noon.\n.\nÄ")
EMAIL = Lane("email", Message.Priority.NORMAL)


def test_a_mail_arrives_with_its_text_and_an_id_that_every_attempt_repeats(mail_server: MailServer) -> None:
    for _ in range(2):
        assert EmailProvider().deliver(PARCEL) == Sent(ref=message_id("unproven:CHG-12"), answer="250 accepted")
    first, second = mail_server.mails
    assert first["Message-ID"] == second["Message-ID"] == message_id("unproven:CHG-12")
    assert first["Message-ID"].endswith("@127.0.0.1>")
    assert first["To"] == "ann@example.com"
    assert first["Subject"] == "Prove CHG-12"
    assert first["Auto-Submitted"] == "auto-generated"
    assert text_of(first) == PARCEL.text


def text_of(mail: Any, kind: str = "text/plain") -> str:
    """The part of a mail that is of this kind."""
    part = next(one for one in mail.walk() if one.get_content_type() == kind)
    return str(part.get_payload(decode=True).decode().replace("\r\n", "\n").strip())


def test_every_mail_says_the_same_in_html_and_only_our_own_addresses_become_links(
    mail_server: MailServer, settings: Any
) -> None:
    settings.BASE_URL = "https://decklog.example.com"
    lines = [
        "Approve CHG-7 by noon: https://decklog.example.com/changes/CHG-7",
        "",
        "Rotate <keys> as https://decklog.example.com.evil.example/x and https://evil.example say.",
        "",
        "- First",
        "  goes on: https://decklog.example.com/queue",
        "- Second",
        "",
        "-- ",
        "Turn such mails off: https://decklog.example.com/unsubscribe/abc.",
    ]
    EmailProvider().deliver(Parcel("key", "ann@example.com", "Approve <CHG-7>", "\n".join(lines)))
    html = text_of(mail_server.mails[0], "text/html")
    assert "<h1>Approve &lt;CHG-7&gt;</h1>" in html
    assert '<p class="ask"><a href="https://decklog.example.com/changes/CHG-7">Approve CHG-7 by noon</a></p>' in html
    assert "Rotate &lt;keys&gt;" in html
    assert html.count("<a ") == 3
    assert "evil.example" not in "".join(piece.partition(">")[0] for piece in html.split("<a ")[1:])
    assert "<li>Second</li>" in html
    assert 'unsubscribe/abc">' in html.partition("<footer>")[2]


def test_headings_and_lists_of_a_summary_come_as_such(mail_server: MailServer) -> None:
    parts = (Part("Today", (Line("begins at noon", label="CHG-7", url="https://x.example/CHG-7"),)),)
    EmailProvider().deliver(Parcel("key", "ann@example.com", "Monday", "plain", parts=parts))
    html = text_of(mail_server.mails[0], "text/html")
    assert '<h2>Today</h2><ul><li><a href="https://x.example/CHG-7">CHG-7</a> begins at noon</li></ul>' in html


def test_html_travels_beside_the_plain_text(mail_server: MailServer) -> None:
    EmailProvider().deliver(Parcel("key", "ann@example.com", "Title", "plain", "<p>rich</p>"))
    (mail,) = mail_server.mails
    assert [part.get_content_type() for part in mail.walk()] == ["multipart/alternative", "text/plain", "text/html"]


@pytest.mark.parametrize(
    ("verb", "answer"),
    [("DATA", "451 try again later"), ("RCPT", "450 greylisted"), ("MAIL", "421 too busy"), ("CONNECT", "554 not now")],
)
def test_a_temporary_refusal_is_tried_again(mail_server: MailServer, verb: str, answer: str) -> None:
    mail_server.answers[verb] = answer
    with pytest.raises(NoAnswer, match=answer):
        EmailProvider().deliver(PARCEL)


@pytest.mark.parametrize(
    ("verb", "answer"), [("DATA", "552 too big"), ("RCPT", "550 no such person"), ("MAIL", "553 you may not")]
)
def test_a_permanent_refusal_is_final(mail_server: MailServer, verb: str, answer: str) -> None:
    mail_server.answers[verb] = answer
    assert EmailProvider().deliver(PARCEL) == Rejected(answer)


def test_a_server_that_hangs_up_is_tried_again(mail_server: MailServer) -> None:
    mail_server.answers["DATA"] = ""
    with pytest.raises(OSError, match="closed"):
        EmailProvider().deliver(PARCEL)


@pytest.mark.parametrize("recipient", ["ann@example.com\nBcc: all@example.com", "nobody", "", "änn@example.com"])
def test_an_address_that_cannot_be_used_is_final_and_injects_nothing(mail_server: MailServer, recipient: str) -> None:
    mail_server.answers["RCPT"] = "501 not an address"
    assert isinstance(EmailProvider().deliver(Parcel("key", recipient, "Title", "text")), Rejected)
    assert mail_server.mails == []


def test_a_title_cannot_inject_a_header(mail_server: MailServer) -> None:
    EmailProvider().deliver(Parcel("key", "ann@example.com", "Hello\r\nBcc: all@example.com", "text"))
    assert mail_server.mails[0]["Subject"] == "Hello Bcc: all@example.com"
    assert mail_server.mails[0]["Bcc"] is None


def test_refused_connection_then_451_then_accepted_ends_as_sent_once(
    post: Post, mail_server: MailServer, settings: Any
) -> None:
    message = post(channel="email")
    port, settings.EMAIL_PORT = settings.EMAIL_PORT, _closed_port()
    send_all(EMAIL)
    settings.EMAIL_PORT = port
    mail_server.answers["DATA"] = "451 try again later"
    send_all(EMAIL, ahead=20)
    del mail_server.answers["DATA"]
    send_all(EMAIL, ahead=60)
    assert state_of(message) == "sent"
    assert verdicts_of(message) == ["failed", "failed", "sent"]
    assert message.tries[0]["detail"].startswith("No connection: ")
    assert message.tries[1]["detail"] == "451 try again later"
    assert len(mail_server.mails) == 1


def test_550_ends_as_not_delivered_with_the_words_of_the_server(post: Post, mail_server: MailServer) -> None:
    message = post(channel="email")
    mail_server.answers["RCPT"] = "550 no such person"
    send_all(EMAIL)
    assert state_of(message) == "dead"
    assert message.last_error == "550 no such person"


def _closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
