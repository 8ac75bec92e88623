"""What a provider is given and what it may answer. A provider knows no database and keeps no state."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from notifications.parts import Part


@dataclass(frozen=True, slots=True)
class Parcel:
    """One message as a provider sees it.

    `dedup_key` is the same at every attempt, so that a provider which can drop duplicates does. `html` may be empty.
    `subject` is the ref of what it is about, or "". `replaces` is what the provider called the message whose place this
    one takes (`Sent.ref`), or "". `unsubscribe` is an address that turns mails of this kind off by a POST, or "".
    `parts`, if there are any, say the same as `text` for a channel that can show headings and lists.
    """

    dedup_key: str
    recipient: str
    title: str
    text: str
    html: str = ""
    subject: str = ""
    is_page: bool = False
    replaces: str = ""
    unsubscribe: str = ""
    parts: Sequence[Part] = ()


@dataclass(frozen=True, slots=True)
class Sent:
    """The provider took it; `ref` is how the provider names it, `answer` what it said."""

    ref: str = ""
    answer: str = ""


@dataclass(frozen=True, slots=True)
class RetryAfter:
    """Not now: the provider names the number of seconds after which it may be asked again."""

    seconds: float
    because: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """Never: asking again would bring the same answer."""

    because: str


Verdict = Sent | RetryAfter | Rejected


class NoAnswer(Exception):
    """The attempt failed in a way that may pass; the text may be shown to people and holds no secret."""


class Provider(Protocol):
    """One way to reach people."""

    def deliver(self, parcel: Parcel) -> Verdict:
        """Hand over the parcel and say how it went; any exception means that it should be tried again later."""
