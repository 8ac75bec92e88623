"""What becomes of a message after each attempt. Pure rules: no database, no clock, no dice of their own."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypedDict

from notifications.models import Message
from notifications.providers.protocol import Rejected, RetryAfter, Sent
from workflow.decisions import REFUSED, Decision

_State = Message.State
_PAGE = Message.Priority.PAGE


class Try(TypedDict):
    """One attempt as it is kept with the message: when (RFC 3339), one of the words below, and a sentence."""

    at: str
    verdict: str
    detail: str


SENT, RETRY_AFTER, REJECTED = "sent", "retry_after", "rejected"
FAILED, CRASHED, REVIVED = "failed", "crashed", "revived"
MOST_CRASHES = 5
"""How often a message may take its worker down with it before it is suspected of being the reason."""
FIRST_WAIT = {Message.Priority.PAGE: timedelta(seconds=2), Message.Priority.NORMAL: timedelta(seconds=5)}
LONGEST_WAIT = {Message.Priority.PAGE: timedelta(seconds=30), Message.Priority.NORMAL: timedelta(minutes=15)}
USEFUL_FOR = {Message.Priority.PAGE: timedelta(hours=1), Message.Priority.NORMAL: timedelta(days=1)}
"""How long a message is worth sending when its author says nothing else."""
PAGE_PATIENCE = timedelta(seconds=30)
"""How long a page may be in coming before its next way is used as well."""
PROVIDER_SECONDS = {Message.Priority.PAGE: 15.0, Message.Priority.NORMAL: 30.0}
"""How long one attempt may take in all, whatever the other side does."""
LEASE = {Message.Priority.PAGE: timedelta(seconds=25), Message.Priority.NORMAL: timedelta(seconds=45)}
"""How long nobody else touches a message that is being sent: longer than an attempt with all that belongs to it."""


CANARY_USEFUL_FOR = timedelta(minutes=2)
CANARY_IN_TIME = timedelta(seconds=30)
"""How long a canary may take; a page that needs as long goes another way too."""
CANARY_FRESH = timedelta(seconds=90)
"""How old the newest canary may be: one comes each minute, and a worker may look a little late."""
PAGE_LATE_AFTER = timedelta(seconds=60)
PING_PAUSE = timedelta(seconds=15)
"""How long after a ping that failed the next is tried."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The attempt ended without an answer that decides anything."""

    because: str


@dataclass(frozen=True, slots=True)
class Crashed:
    """The attempt never ended: whoever made it is gone."""

    because: str = "The worker ended before the answer came."


Ending = Sent | RetryAfter | Rejected | Failed | Crashed


@dataclass(frozen=True, slots=True)
class Case:
    """The facts about a message that its fate depends on; `tries` are those before this attempt."""

    priority: int
    deadline_at: datetime
    is_unwanted: bool
    tries: Sequence[Try]


@dataclass(frozen=True, slots=True)
class Fate:
    """The state that follows, when to try again if it is pending, and a sentence about why."""

    state: str
    wait: timedelta
    because: str


def word_for(ending: Ending) -> str:
    """The word under which an ending is kept and counted."""
    words: dict[type, str] = {
        Sent: SENT,
        RetryAfter: RETRY_AFTER,
        Rejected: REJECTED,
        Failed: FAILED,
        Crashed: CRASHED,
    }
    return words[type(ending)]


def detail_of(ending: Ending) -> str:
    """What the other side said, or what we noticed."""
    return ending.answer if isinstance(ending, Sent) else ending.because


def fate_after(ending: Ending, case: Case, *, now: datetime, dice: float) -> Fate:
    """What becomes of a message whose attempt ended so; `dice` in 0…1 spreads retries that began together."""
    because = detail_of(ending)
    if isinstance(ending, Sent):
        return Fate(_State.SENT, timedelta(0), because)
    if case.is_unwanted:
        return Fate(_State.CANCELLED, timedelta(0), because)
    if isinstance(ending, Rejected):
        return Fate(_State.DEAD, timedelta(0), because)
    if isinstance(ending, Crashed) and _count(case.tries, CRASHED) + 1 >= MOST_CRASHES:
        return Fate(_State.DEAD, timedelta(0), f"Its worker ended {MOST_CRASHES} times while sending it.")
    wait = _wait_after(ending, case, dice=dice)
    if now + wait >= case.deadline_at:
        return Fate(_State.DEAD, timedelta(0), f"{because} Given up: too late to try again.".strip())
    return Fate(_State.PENDING, wait, because)


def goes_another_way_too(fate: Fate, *, priority: int, since: datetime, now: datetime) -> bool:
    """Whether a page that was asked for at `since` uses its next way while the first is still tried.

    A person who is told twice is better than one who is told when the pager's own trouble is over.
    """
    return fate.state == _State.PENDING and priority == _PAGE and now + fate.wait >= since + PAGE_PATIENCE


def _wait_after(ending: Ending, case: Case, *, dice: float) -> timedelta:
    if isinstance(ending, RetryAfter):
        return timedelta(seconds=min(max(ending.seconds, 1.0), 86_400.0))
    if isinstance(ending, Crashed):
        return timedelta(0)
    return backoff(_count(case.tries, FAILED) + 1, priority=case.priority, dice=dice)


def backoff(failures: int, *, priority: int, dice: float) -> timedelta:
    """How long to wait after so many failures: doubling up to a ceiling, ± a quarter."""
    urgency = Message.Priority.PAGE if priority == _PAGE else Message.Priority.NORMAL
    doubled = FIRST_WAIT[urgency] * (1 << min(failures - 1, 20))
    return min(doubled, LONGEST_WAIT[urgency]) * (0.75 + dice / 2)


def _count(tries: Sequence[Try], word: str) -> int:
    """How often `word` came since somebody last brought the message back."""
    count = 0
    for each in reversed(tries):
        if each["verdict"] == REVIVED:
            break
        count += each["verdict"] == word
    return count


def may_steer_delivery(*, is_admin: bool) -> Decision:
    """Administrators send a message again or call it off; everybody signed in sees the log."""
    if is_admin:
        return Decision("may_steer_delivery", "allowed", "Administrator.")
    return Decision("may_steer_delivery", "refused", "Only an administrator can do this. Ask one of them.")


_ADDRESS = re.compile(r"[^\s@<>,;:()\"']+(?=@[\w.-]+)")
_MEMBER = re.compile(r"(?<![\w.@-])[UW][A-Z0-9]{7,}(?![\w@])")


@dataclass(frozen=True, slots=True)
class Eyes:
    """Who looks at the delivery log, and the addresses at which they can be reached themselves."""

    is_admin: bool
    own: Collection[str] = ()

    def see(self, text: str) -> str:
        """The text as this reader may read it: of other people's addresses only `a***@example.com` or `U***`.

        Everybody reads the log to see whether messages go out; where others can be reached is for administrators, who
        mend what does not arrive.
        """
        if self.is_admin:
            return text
        own = {address.casefold() for address in self.own}
        masked = _MEMBER.sub(lambda found: found[0] if found[0].casefold() in own else f"{found[0][0]}***", text)
        return _ADDRESS.sub(lambda found: _masked(found, own), masked)


def _masked(found: re.Match[str], own: Collection[str]) -> str:
    host = re.match(r"@[\w.-]+", found.string[found.end() :])
    whole = f"{found[0]}{host[0] if host else ''}".rstrip(".").casefold()
    return found[0] if whole in own else f"{found[0][0]}***"


@dataclass(frozen=True, slots=True)
class Watched:
    """What the self-watch knows, by the database's clock.

    `canary_at` is when the newest canary was released and `canary_took` how long it needed, None while it is under way
    or given up. `arrived_at` is when the last one arrived, `pinged_at` when a ping was last taken outside, and
    `trouble` why the newest was not.
    """

    now: datetime
    canary_at: datetime | None = None
    canary_took: timedelta | None = None
    arrived_at: datetime | None = None
    pinged_at: datetime | None = None
    trouble: str = ""
    page_late: timedelta = timedelta(0)
    is_paused: bool = False


def may_ping(found: Watched) -> Decision:
    """Somebody outside is told that all is well only while that is proven: by the newest canary, and by every page."""
    because = _doubt(found)
    return Decision("may_ping", REFUSED if because else "allowed", because or "The newest canary arrived in time.")


def _doubt(found: Watched) -> str:
    if found.is_paused:
        return "Sending is paused."
    if found.page_late > PAGE_LATE_AFTER:
        return f"A page has been waiting for {found.page_late.total_seconds():.0f} seconds."
    if found.canary_at is None or found.now - found.canary_at > CANARY_FRESH:
        return "No canary was released in time."
    if found.canary_took is None:
        return "The newest canary has not arrived."
    return "The newest canary arrived late." if found.canary_took > CANARY_IN_TIME else ""
