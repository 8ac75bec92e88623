"""The pages of summaries as their templates show them."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlencode

from home.summaries import policy, queries
from home.summaries.policy import Kind
from home.summaries.queries import Audience, Day
from notifications.models import Message

NAMES = {Kind.DAILY: "Every day", Kind.WEEKLY: "What is coming, on Mondays"}


class Row(NamedTuple):
    """A summary of a channel: the last message if there is one, and when the next is due."""

    audience: Audience
    name: str
    url: str
    last: Message | None
    next_at: datetime


def audience_of(channel: str) -> Audience | None:
    """Who reads this channel; "" is the organisation, whether it has a channel or not."""
    if not channel:
        return queries.organisation()
    return next((one for one in queries.audiences() if one.channel == channel), None)


def preview_url(kind: Kind, audience: Audience) -> str:
    """The page that shows what would be told now."""
    query = f"?{urlencode({'channel': audience.channel})}" if audience.channel else ""
    return f"/summaries/{kind}{query}"


def rows(*, now: datetime) -> list[Row]:
    """Each kind for each channel, the organisation's first. Two statements."""
    audiences = queries.audiences()
    keys = [key for one in audiences for kind in one.kinds for key in queries.sent_of(one, kind, now=now)]
    there = queries.messages_of(keys)
    return [_row(one, kind, there, now) for one in audiences for kind in one.kinds]


def _row(audience: Audience, kind: Kind, there: Mapping[str, Message], now: datetime) -> Row:
    of_days = [there.get(key) for key in queries.sent_of(audience, kind, now=now)]
    last = next((message for message in of_days if message), None)
    next_at = policy.next_time(kind, audience.morning, now=now, is_sent=of_days[0] is not None)
    return Row(audience, NAMES[kind], preview_url(kind, audience), last, next_at)


def siblings(kind: Kind, audience: Audience) -> Iterator[tuple[str, str, bool]]:
    """The kinds that this channel reads, as (name, address, whether it is this one)."""
    return ((NAMES[one], preview_url(one, audience), one == kind) for one in audience.kinds)


def day_of(audience: Audience, *, now: datetime) -> Day:
    """The present day of a channel."""
    return Day(audience, audience.morning.day_at(now), now)
