"""A message to one person about one subject: every personal message of change management begins here."""

from collections.abc import Sequence

from notifications.models import Message
from notifications.outbox import Fallback, NewMessage

Person = tuple[int, str]
"""(user id, e-mail)."""


def letter(to: Person, *, about: str, key: str, title: str, lines: Sequence[str], topic: str = "") -> NewMessage:
    """A mail about the subject `about` (`CHG-12`); the same `key` twice for the same person is one mail.

    The first of `lines` says who must do what by when, with the link; `topic` groups what is called off together.
    """
    person, email = to
    return NewMessage(
        dedup_key=f"{key}:{person}",
        channel="email",
        recipient=email,
        title=title,
        text="\n".join(lines),
        subject=about,
        topic=topic,
    )


def page(to: Person, *, about: str, key: str, title: str, lines: Sequence[str], topic: str = "") -> NewMessage:
    """The same as a page: at once, to the pager, and by mail where there is none."""
    person, email = to
    return NewMessage(
        dedup_key=f"{key}:{person}",
        channel="pager",
        recipient=f"user:{email}",
        title=title,
        text="\n".join(lines),
        subject=about,
        topic=topic,
        priority=Message.Priority.PAGE,
        fallbacks=(Fallback("email", email),),
    )
