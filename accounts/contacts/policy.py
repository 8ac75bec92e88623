"""What goes to a person where and when. Pure rules: no database, no clock."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo

from accounts.zones import instant, wall_clock
from workflow.decisions import REFUSED, Decision

ALLOWED = "allowed"
NOW, HELD, DIGEST = "now", "held", "digest"
ACCOUNT, PAGER = "email", "pager"
"""The ways that everybody has: the e-mail of the account, and the pager where there is one."""


class Urgency(StrEnum):
    """How much a message wants of its reader."""

    PAGE = "page"
    ASK = "ask"
    NEWS = "news"


WORDS = {Urgency.PAGE: "Pages", Urgency.ASK: "What waits for you", Urgency.NEWS: "News"}
MEANINGS = {
    Urgency.PAGE: "Something is wrong now. Always at once.",
    Urgency.ASK: "Approvals, reviews and proof that somebody asks of you.",
    Urgency.NEWS: "What became of things that you had a part in.",
}
NEEDED = (Urgency.PAGE, Urgency.ASK)
"""Nobody can turn these off, because somebody waits for this person."""
COLLECTABLE = (Urgency.ASK, Urgency.NEWS)
DEFAULT_WAYS: dict[Urgency, tuple[str, ...]] = {
    Urgency.PAGE: (PAGER,),
    Urgency.ASK: (ACCOUNT,),
    Urgency.NEWS: (ACCOUNT,),
}
MOST_CONTACTS = 8
CODE_LASTS = timedelta(minutes=30)
MOST_TRIES = 5
"""How many wrong codes one code outlives."""
BETWEEN_CODES, CODES_AN_HOUR = timedelta(minutes=1), 6
BETWEEN_TESTS = timedelta(minutes=1)
MEMBER_ID = re.compile(r"[UW][A-Z0-9]{5,30}")


class Way(NamedTuple):
    """A way to somebody: its word in preferences, and channel and recipient for the outbox."""

    word: str
    channel: str
    recipient: str


@dataclass(frozen=True, slots=True)
class Hours:
    """A person's clock. `quiet` is [start, end) on it, over midnight when it ends earlier than it starts."""

    zone: ZoneInfo
    quiet: tuple[time, time] | None = None
    digest_hour: int = 8


class Timing(NamedTuple):
    """When a message goes: a decision with the outcome `now`, `held` or `digest`, and the moment."""

    decision: Decision
    at: datetime


# --- Where -----------------------------------------------------------------------------------------------------------


def ways_to(urgency: Urgency, chosen: Mapping[str, Sequence[str]], usable: Sequence[Way]) -> list[Way]:
    """The ways that a message takes: those the person chose that are usable, which the account's e-mail always is.

    When nothing that was chosen is usable, the account's e-mail stands in. Nothing chosen for news means no news;
    pages and what waits for somebody always have a way.
    """
    wanted = chosen.get(urgency, DEFAULT_WAYS[urgency])
    found = [way for way in usable_for(urgency, usable) if way.word in wanted]
    if found or (urgency not in NEEDED and not wanted):
        return found
    return [way for way in usable if way.word == ACCOUNT]


def usable_for(urgency: Urgency, ways: Sequence[Way]) -> list[Way]:
    """The ways that a message of this urgency may take: only a page rings the pager."""
    return [way for way in ways if urgency == Urgency.PAGE or way.word != PAGER]


def a_way_is_left(chosen: Mapping[str, Sequence[str]]) -> Decision:
    """Pages and what waits for somebody cannot be turned off: nobody else may be able to do it."""
    for urgency in NEEDED:
        if urgency in chosen and not chosen[urgency]:
            because = f"“{WORDS[urgency]}” needs at least one way, because somebody waits for you. Choose one."
            return Decision("a_way_is_left", REFUSED, because)
    return Decision("a_way_is_left", ALLOWED, "Each has a way.")


# --- When ------------------------------------------------------------------------------------------------------------


def when_to_send(
    urgency: Urgency, hours: Hours, *, at: datetime, is_collected: bool, due: datetime | None = None
) -> Timing:
    """When a message that was decided `at` goes. A page goes at once, whatever was chosen.

    What is collected waits for the digest, unless what it asks for is `due` by then. Anything else waits for the end of
    the quiet hours.
    """
    if urgency == Urgency.PAGE:
        return Timing(Decision("page_at_once", NOW, "A page is never held back."), at)
    slot = next_digest(hours, after=at)
    if is_collected and urgency in COLLECTABLE and (due is None or slot < due):
        return Timing(Decision("collected_for_digest", DIGEST, "It goes into the next digest."), slot)
    end = quiet_until(hours, at=at)
    if end > at:
        return Timing(Decision("held_in_quiet_hours", HELD, "It waits for the end of the quiet hours."), end)
    return Timing(Decision("sent_at_once", NOW, "Nothing holds it back."), at)


def quiet_until(hours: Hours, *, at: datetime) -> datetime:
    """The end of the quiet hours that `at` lies in; `at` itself when it lies in none.

    A night begins and ends by the person's clock. Where the clocks skip that time it is the end of the gap, where they
    show it twice the first time.
    """
    # One night may end where the next begins: on the day of a gap, or on one that a zone skips as a whole.
    for _ in range(4):
        end = _night_ends(hours, at)
        if end is None:
            return at
        at = end
    return at


def _night_ends(hours: Hours, at: datetime) -> datetime | None:
    if hours.quiet is None:
        return None
    start, end = hours.quiet
    today = wall_clock(at, hours.zone).date()
    for day in (today - timedelta(days=1), today):
        last = day + timedelta(days=1) if end < start else day
        begins = instant(datetime.combine(day, start), hours.zone)
        ends = instant(datetime.combine(last, end), hours.zone)
        if begins <= at < ends:
            return ends
    return None


def next_digest(hours: Hours, *, after: datetime) -> datetime:
    """The first time after `after` at which the person's digest is due."""
    today = wall_clock(after, hours.zone).date()
    times = [
        instant(datetime.combine(today + timedelta(days=days), time(hours.digest_hour)), hours.zone)
        for days in range(-1, 4)
    ]
    return next(at for at in times if at > after)


def quiet_hours_are_hours(start: time | None, end: time | None) -> Decision:
    """Quiet hours have a beginning and an end, and they differ."""
    rule = "quiet_hours_are_hours"
    if (start is None) != (end is None):
        return Decision(rule, REFUSED, "Quiet hours need a beginning and an end. Set both, or leave both empty.")
    if start is not None and start == end:
        return Decision(rule, REFUSED, "These quiet hours would last all day. Choose another end.")
    return Decision(rule, ALLOWED, "They are whole.")


def digest_is_not_quiet(start: time | None, end: time | None, digest_hour: int) -> Decision:
    """A digest does not come in the quiet hours."""
    hour = time(digest_hour)
    if start is None or end is None:
        is_quiet = False
    elif start < end:
        is_quiet = start <= hour < end
    else:
        is_quiet = hour >= start or hour < end
    if is_quiet:
        because = f"{digest_hour}:00 is in your quiet hours. Choose another hour for the digest."
        return Decision("digest_is_not_quiet", REFUSED, because)
    return Decision("digest_is_not_quiet", ALLOWED, "The digest comes outside of the quiet hours.")


# --- Addresses -------------------------------------------------------------------------------------------------------


def address_fits(kind: str, address: str) -> Decision:
    """A Slack address is the id of a member, which a name that can be changed is not."""
    if kind == "slack" and not MEMBER_ID.fullmatch(address):
        because = "Write your member id, as in U024BE7LH. Slack shows it in your profile under “Copy member ID”."
        return Decision("address_fits", REFUSED, because)
    return Decision("address_fits", ALLOWED, "It can be an address.")


def contacts_are_few(count: int) -> Decision:
    """Nobody needs many addresses, and each of them could be somebody else's."""
    if count >= MOST_CONTACTS:
        return Decision("contacts_are_few", REFUSED, f"You have {count} addresses already. Remove one first.")
    return Decision("contacts_are_few", ALLOWED, "There is room.")


def code_wait(sent: Sequence[datetime], *, now: datetime) -> timedelta:
    """How long somebody waits for their next code, given when the last ones were sent; zero if not at all.

    One a minute and six an hour, whatever address they go to, because the address may be a stranger's.
    """
    waits = [max(sent) + BETWEEN_CODES - now] if sent else []
    recent = sorted(one for one in sent if one > now - timedelta(hours=1))
    if len(recent) >= CODES_AN_HOUR:
        waits.append(recent[-CODES_AN_HOUR] + timedelta(hours=1) - now)
    return max([timedelta(0), *waits])


def code_counts(*, is_same: bool, until: datetime | None, tries: int, now: datetime) -> Decision:
    """A code counts for half an hour and for five wrong tries; then a new one is needed."""
    if until is None or now >= until or tries >= MOST_TRIES:
        return Decision("code_counts", REFUSED, "This code is used up. Ask for a new one.")
    if not is_same:
        return Decision("code_counts", REFUSED, "This is not the code that was sent last. Look again, or ask for one.")
    return Decision("code_counts", ALLOWED, "It is the code that was sent.")


# --- Reach -----------------------------------------------------------------------------------------------------------


def can_be_reached(*, is_active: bool, has_come: bool, pages: Sequence[Way], mail_leaves: bool) -> Decision:
    """Whether a page would reach somebody. `has_come`: they set a password, so their account's e-mail is theirs.

    A Slack member or another address counts because they typed the code that was sent there.
    """
    rule = "can_be_reached"
    if not is_active:
        return Decision(rule, REFUSED, "The account is deactivated.")
    if any(way.word not in {ACCOUNT, PAGER} and (way.channel != "email" or mail_leaves) for way in pages):
        return Decision(rule, ALLOWED, "A verified address is chosen for pages.")
    if not has_come:
        return Decision(rule, REFUSED, "They never signed in, so nobody knows that their e-mail arrives.")
    if any(way.word == PAGER for way in pages):
        return Decision(rule, ALLOWED, "The pager is chosen for pages.")
    if not mail_leaves:
        return Decision(rule, REFUSED, "Pages would go by e-mail, and this installation sends none.")
    return Decision(rule, ALLOWED, "Pages go by e-mail.")
