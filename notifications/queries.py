"""Reads of the outbox that stay cheap however much has been sent."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q, Sum

from notifications import relay
from notifications.models import Mark, Message, Tally
from notifications.policy import Eyes, Watched
from workflow.paging import Cursor
from workflow.statements import fetch

OPEN = (Message.State.PENDING, Message.State.SENDING)
DAY = timedelta(hours=24)
CANARIES = 20
"""How many of the newest canaries are looked at for the last that arrived; not many more are kept."""
SAMPLE = 1_000
"""How many of the newest sent pages the median looks at."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Messages that are on their way: how many, and since when the oldest could have been sent."""

    channel: str
    priority: int
    state: str
    count: int
    since: datetime


# Literals let both databases use the partial indexes, which hold only what is on its way; grouping outside keeps SQLite
# from walking all messages in the order of the groups.
_WAITING = """
SELECT channel, priority, state, count(*), min(since) FROM (
    SELECT channel, priority, state, CASE WHEN attempt = 0 THEN due_at ELSE created_at END AS since
    FROM notifications_message WHERE state = 'pending'
    UNION ALL
    SELECT channel, priority, state, created_at FROM notifications_message WHERE state = 'sending'
) AS open GROUP BY channel, priority, state
"""


def waiting() -> list[Waiting]:
    """What is queued or being sent, by channel, priority and state; costs what waits, not what was sent."""
    return [Waiting(*row) for row in fetch(_WAITING, moments=(4,))]


def for_people(rows: Sequence[Waiting]) -> list[Waiting]:
    """The same without canaries, which nobody waits for."""
    return [row for row in rows if row.channel != Message.Channel.CANARY]


def tallied(kind: str) -> dict[tuple[str, str], int]:
    """The sums of the tallies of this kind, by channel and word."""
    rows = Tally.objects.filter(kind=kind).values_list("channel", "word").order_by()
    return {(channel, word): total for channel, word, total in rows.annotate(total=Sum("count"))}


def oldest_seconds(rows: Sequence[Waiting], *, at: datetime) -> float:
    """How long the oldest of `rows` has been waiting; 0.0 when none is due."""
    return max((max(0.0, (at - row.since).total_seconds()) for row in rows), default=0.0)


@dataclass(frozen=True, slots=True)
class Health:
    """Whether the outbox moves. `sweeper_age_seconds` is None when no worker has swept yet."""

    oldest_seconds: float
    oldest_page_seconds: float
    sweeper_age_seconds: float | None
    dead: int
    is_paused: bool
    watched: Watched


def health() -> Health:
    """The state of the outbox by the database's clock."""
    return _health(waiting(), at=relay.now())


def _health(every: Sequence[Waiting], *, at: datetime) -> Health:
    rows = for_people(every)
    marks = {mark.name: mark for mark in Mark.objects.all()}
    swept = marks.get(Mark.SWEEPER)
    page_seconds = oldest_seconds([row for row in rows if row.priority == Message.Priority.PAGE], at=at)
    return Health(
        oldest_seconds=oldest_seconds(rows, at=at),
        oldest_page_seconds=page_seconds,
        sweeper_age_seconds=max(0.0, (at - swept.at).total_seconds()) if swept else None,
        dead=sum(
            count
            for (channel, word), count in tallied(Tally.Kind.STATE).items()
            if word == Message.State.DEAD and channel != Message.Channel.CANARY
        ),
        is_paused=Mark.PAUSED in marks,
        watched=_watched(marks, page_seconds=page_seconds, at=at),
    )


def _watched(marks: dict[str, Mark], *, page_seconds: float, at: datetime) -> Watched:
    newest = Message.objects.filter(channel=Message.Channel.CANARY).order_by("-id")
    canaries = list(newest.values_list("created_at", "sent_at")[:CANARIES])
    last, tried = marks.get(Mark.HEARTBEAT), marks.get(Mark.HEARTBEAT_TRY)
    released_at, sent_at = canaries[0] if canaries else (None, None)
    return Watched(
        now=at,
        canary_at=released_at,
        canary_took=sent_at - released_at if sent_at and released_at else None,
        arrived_at=max((arrived for _, arrived in canaries if arrived), default=None),
        pinged_at=last.at if last else None,
        trouble=tried.note if tried else "",
        page_late=timedelta(seconds=page_seconds),
        is_paused=Mark.PAUSED in marks,
    )


# --- The delivery log ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the reader of the delivery log filters by; an empty text does not filter."""

    state: str = ""
    channel: str = ""
    subject: str = ""


def page_of_log(wanted: Wanted, *, cursor: Cursor | None, size: int) -> list[Message]:
    """Up to `size` + 1 messages newest first from `cursor` on; the one too many says that there are more.

    With a cursor that asks for newer ones they still come newest first, and the one too many is the first.
    """
    filters = {name: getattr(wanted, name) for name in ("state", "channel", "subject") if getattr(wanted, name)}
    rows = Message.objects.filter(**filters).exclude(channel=Message.Channel.CANARY)
    if cursor is None:
        return list(rows.order_by("-id")[: size + 1])
    if cursor.is_newer:
        return list(rows.filter(pk__gt=cursor.id).order_by("id")[: size + 1])[::-1]
    return list(rows.filter(pk__lt=cursor.id).order_by("-id")[: size + 1])


def for_eyes(rows: Iterable[Message], eyes: Eyes) -> list[Message]:
    """The messages as this reader may see them; copies that are never written back."""
    shown = list(rows)
    for message in shown:
        message.recipient = eyes.see(message.recipient)
        message.last_error = eyes.see(message.last_error)
        message.tries = [{**one, "detail": eyes.see(one["detail"])} for one in message.tries]
    return shown


@dataclass(frozen=True, slots=True)
class Summary:
    """The numbers above the delivery log; `median_page_seconds` is None when no page was sent in the last day."""

    health: Health
    waiting: int
    sent_today: int
    dead_today: int
    median_page_seconds: float | None


def summary() -> Summary:
    """What waits now, and what became of the last 24 hours."""
    at = relay.now()
    rows = waiting()
    messages = Message.objects.exclude(channel=Message.Channel.CANARY)
    sent = messages.filter(sent_at__gt=at - DAY)
    dead = messages.filter(Q(state=Message.State.DEAD), Q(deadline_at__gt=at - DAY) | Q(created_at__gt=at - DAY))
    times = (
        sent.filter(priority=Message.Priority.PAGE).order_by("-sent_at").values_list("created_at", "sent_at")[:SAMPLE]
    )
    seconds = sorted((sent_at - created_at).total_seconds() for created_at, sent_at in times if sent_at)
    return Summary(
        health=_health(rows, at=at),
        waiting=sum(row.count for row in for_people(rows)),
        sent_today=sent.count(),
        dead_today=dead.count(),
        median_page_seconds=seconds[len(seconds) // 2] if seconds else None,
    )
