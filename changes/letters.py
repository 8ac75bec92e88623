"""A message to one person about one subject: every personal message of change management begins here.

Where and when it arrives is the person's own choice; `accounts.contacts.actions.tell` knows it.
"""

from collections.abc import Sequence

from accounts.contacts.letters import Letter
from accounts.contacts.policy import Urgency

Person = tuple[int, str]
"""(user id, e-mail)."""


def ask(to: Person, *, about: str, key: str, title: str, lines: Sequence[str], topic: str = "") -> Letter:
    """Asks something of somebody about the subject `about` (`CHG-12`); the same `key` twice for them is one message.

    The first of `lines` says who must do what by when, with the link; `topic` groups what is called off together.
    """
    return Letter(to[0], Urgency.ASK, f"{key}:{to[0]}", title, "\n".join(lines), about, topic)


def news(to: Person, *, about: str, key: str, title: str, lines: Sequence[str]) -> Letter:
    """Tells somebody what became of something; nothing is asked of them, so they may turn it off."""
    return Letter(to[0], Urgency.NEWS, f"{key}:{to[0]}", title, "\n".join(lines), about)


def page(to: Person, *, about: str, key: str, title: str, lines: Sequence[str], topic: str = "") -> Letter:
    """The same as `ask`, at once: to the pager, and by mail where there is none."""
    return Letter(to[0], Urgency.PAGE, f"{key}:{to[0]}", title, "\n".join(lines), about, topic)
