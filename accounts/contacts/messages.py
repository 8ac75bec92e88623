"""The wording of what is sent about contacts, and of digests."""

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings

from accounts.contacts import unsubscribe
from accounts.contacts.letters import Letter
from accounts.contacts.models import Aside, Contact
from accounts.contacts.policy import ACCOUNT, CODE_LASTS, Urgency, Way
from accounts.contacts.queries import Addressee, code_topic, test_topic
from notifications.models import Message
from notifications.outbox import Fallback, NewMessage
from workflow.lines import brief

MOST_LISTED = 100
"""How much of one digest is told; the rest is counted."""


def settings_url() -> str:
    """The page on which people say what they want."""
    return f"{settings.BASE_URL}/settings/notifications"


def sent_by(letter: Letter, way: Way, ways: Sequence[Way], *, to: Addressee, not_before: datetime) -> NewMessage:
    """A letter on one of its `ways`. The first keeps the letter's own key, unless a contact's word must stand in it."""
    is_plain = way.word == ways[0].word and not way.word.startswith("contact")
    is_alone = all(one.word != ACCOUNT for one in ways)
    is_news_mail = letter.urgency == Urgency.NEWS and way.channel == "email"
    off = unsubscribe.address(letter.to, unsubscribe.Kind.NEWS) if is_news_mail else ""
    return NewMessage(
        dedup_key=letter.dedup_key if is_plain else f"{letter.dedup_key}+{way.word}",
        channel=way.channel,
        recipient=way.recipient,
        title=letter.title,
        text=_with_way_out(letter.text, off),
        subject=letter.subject,
        topic=letter.topic,
        priority=Message.Priority.PAGE if letter.urgency == Urgency.PAGE else Message.Priority.NORMAL,
        not_before=not_before,
        unsubscribe=off,
        fallbacks=(Fallback("email", to.person.email),) if is_alone else (),
    )


def _with_way_out(text: str, off: str) -> str:
    if not off:
        return text
    return f"{text}\n\n-- \nThis is news and asks nothing of you. Turn such mails off: {off}\nChoose: {settings_url()}"


def code_wanted(contact: Contact, code: str, *, at: datetime) -> NewMessage:
    """Brings the code that proves an address; the title does not say it, because others read titles in the log."""
    minutes = int(CODE_LASTS.total_seconds() // 60)
    page = f"{settings_url()}/contacts/{contact.pk}/verify"
    lines = [
        f"Type {code} within {minutes} minutes to have messages of Decklog sent here: {page}",
        "",
        "Somebody, most likely you, added this address to their account. If you did not, do nothing: nothing is sent.",
    ]
    return NewMessage(
        dedup_key=f"code:{contact.pk}:{at:%Y%m%d%H%M%S%f}+{contact.way}",
        channel=contact.kind,
        recipient=contact.address,
        title="Your code for Decklog",
        text="\n".join(lines),
        subject=f"USER-{contact.user_id}",
        topic=code_topic(contact.user_id),
        deadline=CODE_LASTS,
    )


def test_message(way: Way, *, user_id: int, at: datetime) -> NewMessage:
    """What somebody sends themselves to see whether it arrives. No fallback: then it would prove nothing."""
    lines = [
        f"Nothing to do: you sent yourself this test on {settings_url()}",
        "",
        "Messages of Decklog reach you here.",
    ]
    return NewMessage(
        dedup_key=f"test:{user_id}:{at:%Y%m%d%H%M%S%f}+{way.word}",
        channel=way.channel,
        recipient=way.recipient,
        title="A test from Decklog",
        text="\n".join(lines),
        subject=f"USER-{user_id}",
        topic=test_topic(user_id),
    )


def digest(asides: Sequence[Aside], *, way: Way, to: Addressee, slot: datetime) -> NewMessage:
    """One mail with everything that was put aside, what waits for the reader first."""
    asked = [one for one in asides if one.urgency == Urgency.ASK]
    news = [one for one in asides if one.urgency != Urgency.ASK]
    title = _counted(len(asked), len(news))
    off = unsubscribe.address(to.person.pk, unsubscribe.Kind.DIGEST)
    lines = [f"{title}: {settings.BASE_URL}/queue" if asked else f"{title}.", ""]
    lines += _section("Waits for you", asked) + _section("News", news)
    lines += ["-- ", f"Turn this digest off: {off}", f"Choose what comes when: {settings_url()}"]
    is_account = way.word == ACCOUNT
    return NewMessage(
        dedup_key=f"digest:{to.person.pk}:{slot:%Y%m%dT%H%M}" + ("" if is_account else f"+{way.word}"),
        channel=way.channel,
        recipient=way.recipient,
        title=title,
        text="\n".join(lines),
        subject=to.person.ref,
        topic=f"digest:{to.person.pk}",
        unsubscribe=off,
        fallbacks=() if is_account else (Fallback("email", to.person.email),),
    )


def _counted(asked: int, news: int) -> str:
    parts = [f"{asked} {'thing waits' if asked == 1 else 'things wait'} for you"] if asked else []
    parts += [f"{news} {'piece' if news == 1 else 'pieces'} of news"] if news else []
    return " and ".join(parts)


def _section(heading: str, asides: Sequence[Aside]) -> list[str]:
    if not asides:
        return []
    lines = [heading, ""]
    for one in asides[:MOST_LISTED]:
        lines += [f"- {brief(one.title)}", f"  {one.text.partition(chr(10))[0]}"]
    rest = len(asides) - MOST_LISTED
    return [*lines, *([f"- and {rest} more"] if rest > 0 else []), ""]
