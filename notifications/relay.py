"""The relay: claim a message, hand it to its provider, and write down how that went.

Nothing but this and `notifications.arrival` assigns `Message.state`. A claim is committed before the network is touched
and no transaction spans a provider's answer, so whoever dies halfway leaves a lease that runs out. Every claim raises
`attempt`, and an answer counts only while `attempt` is still its own, so a late worker cannot overwrite a newer one.

Times come from the database's clock (`now`), because the machines that share this table need not agree on theirs.
"""

import random
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

import orjson
import structlog
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import QuerySet

from notifications import arrival, intake, places, policy, tallies
from notifications.models import REF, Mark, Message, Tally
from notifications.parts import from_payload
from notifications.policy import Case, Crashed, Ending, Failed, Fate
from notifications.providers import PROVIDERS
from notifications.providers.protocol import NoAnswer, Parcel, Sent
from notifications.states import MOVES
from workflow.logs import SECRET_TEXT
from workflow.statements import fetch
from workflow.transitions import is_legal

log = structlog.get_logger("decklog.relay")
State = Message.State
FINAL = frozenset({State.SENT, State.DEAD, State.CANCELLED})
BATCH = 100
"""How many rows one round of rescuing or burying looks at."""


@dataclass(frozen=True, slots=True)
class Lane:
    """Messages that queue behind each other: one channel at one priority, so that no slow one delays another."""

    channel: str
    priority: int


@dataclass(frozen=True, slots=True)
class Claim:
    """A message that this attempt alone may send until its lease ends; `payload` is JSON as stored.

    `replaced_ref` is what the provider calls the message whose place this one takes, or ""; `since` is what its latency
    is counted from.
    """

    id: int
    attempt: int
    lane: Lane
    dedup_key: str
    recipient: str
    subject: str
    payload: str
    replaced_ref: str = ""
    since: datetime | None = None


def lanes() -> list[Lane]:
    """Every lane that has a provider, pages first; a canary is always a page."""
    every = [Lane(channel, priority) for priority in Message.Priority.values for channel in PROVIDERS]
    return [lane for lane in every if lane.channel != Message.Channel.CANARY or lane.priority == Message.Priority.PAGE]


def now() -> datetime:
    """The database's clock; SQLite's is this machine's."""
    if connection.vendor != "postgresql":
        return datetime.now(UTC)
    moment: datetime = fetch("SELECT clock_timestamp()")[0][0]
    return moment


# --- Claim ---------------------------------------------------------------------------------------------------------

# The literals let both databases use the partial index of queued messages. SQLite runs the statement alone, under its
# one write lock, which makes the condition a compare-and-swap; it has no SKIP LOCKED and ignores Django's. A message
# waits while an older one whose place it takes is being sent: that one's place is known only then.
_CLAIM = """
UPDATE notifications_message SET state = 'sending', attempt = attempt + 1, lease_until = %s
WHERE state = 'pending' AND id = (
    SELECT id FROM notifications_message AS due
    WHERE state = 'pending' AND channel = %s AND priority = %s AND due_at <= %s AND deadline_at > %s
      AND NOT EXISTS (SELECT 1 FROM notifications_mark WHERE name = 'paused')
      AND (due.replaces = '' OR NOT EXISTS (
        SELECT 1 FROM notifications_message AS older WHERE older.replaces = due.replaces AND NOT (older.replaces = '')
           AND older.channel = due.channel AND older.recipient = due.recipient AND older.state = 'sending'))
    ORDER BY due_at LIMIT 1 {lock})
RETURNING id, attempt, dedup_key, recipient, subject, payload, replaces, due_at, created_at
"""


def claim(lane: Lane, *, at: datetime) -> Claim | None:
    """Take the message of `lane` that is due longest, or None when none is due or sending is paused.

    One statement, committed when this returns; call it outside a transaction.
    """
    sql = _CLAIM.format(lock="FOR UPDATE SKIP LOCKED" if connection.vendor == "postgresql" else "")
    lease_until = at + policy.LEASE[Message.Priority(lane.priority)]
    rows = fetch(sql, [lease_until, lane.channel, lane.priority, at, at], moments=(7, 8))
    if not rows:
        return None
    pk, attempt, dedup_key, recipient, subject, payload, replaces, due_at, created_at = rows[0]
    replaced_ref = places.newest_ref(replaces, lane.channel, recipient) if replaces else ""
    since = _since(attempt, due_at, created_at)
    return Claim(pk, attempt, lane, dedup_key, recipient, subject, payload, replaced_ref, since)


def _since(attempt: int, due_at: datetime, created_at: datetime) -> datetime:
    """What a latency is counted from: when it was due; once it was tried again, when it was asked for."""
    return due_at if attempt <= 1 else created_at


# --- Deliver -------------------------------------------------------------------------------------------------------


def deliver(claimed: Claim) -> Ending:
    """Ask the provider, within its total time. Whatever happens in there becomes an ending, never an exception."""
    endings: list[Ending] = []
    # A socket timeout starts anew with each byte; only a thread of its own bounds what a slow drip may take.
    attempt = threading.Thread(target=lambda: endings.append(_ask(claimed)), name="delivery", daemon=True)
    attempt.start()
    seconds = policy.PROVIDER_SECONDS[Message.Priority(claimed.lane.priority)]
    attempt.join(seconds)
    return endings[0] if endings else Failed(f"No answer within {seconds:.0f} seconds.")


def _ask(claimed: Claim) -> Ending:
    try:
        return PROVIDERS[claimed.lane.channel].deliver(_parcel(claimed))
    except NoAnswer as failure:
        return Failed(str(failure))
    except OSError as failure:
        return Failed(f"No connection: {failure}")
    except BaseException as failure:
        # Whatever a message does to its provider, it must not end the loop.
        log.exception("provider_failed", message=claimed.id, channel=claimed.lane.channel)
        return Failed(f"{type(failure).__name__} while sending.")


def _parcel(claimed: Claim) -> Parcel:
    payload = orjson.loads(claimed.payload)
    title, text, html = (str(payload.get(part, "")).replace(REF, claimed.subject) for part in ("title", "text", "html"))
    return Parcel(
        dedup_key=claimed.dedup_key,
        recipient=claimed.recipient,
        title=title,
        text=text,
        html=html,
        subject=claimed.subject,
        is_page=claimed.lane.priority == Message.Priority.PAGE,
        replaces=claimed.replaced_ref,
        unsubscribe=str(payload.get("unsubscribe", "")),
        parts=from_payload(payload.get("parts")),
    )


# --- Settle --------------------------------------------------------------------------------------------------------


def finish(claimed: Claim, ending: Ending, *, at: datetime) -> bool:
    """Write down how an attempt ended. False when the attempt is no longer the message's own; then nothing changes."""
    if isinstance(ending, Sent) and claimed.since and arrival.can_write():
        tried = _try(policy.SENT, ending.answer, at=at)
        is_mine = arrival.write(claimed.id, claimed.attempt, tried, ref=ending.ref[:200], at=at, since=claimed.since)
    else:
        is_mine = _finish(claimed, ending, at=at)
    if not is_mine:
        log.warning("late_answer", message=claimed.id, attempt=claimed.attempt, verdict=policy.word_for(ending))
    return is_mine


@transaction.atomic
def _finish(claimed: Claim, ending: Ending, *, at: datetime) -> bool:
    mine = Message.objects.select_for_update().filter(pk=claimed.id, state=State.SENDING, attempt=claimed.attempt)
    message = mine.first()
    if message is not None:
        _settle(message, ending, at=at)
    return message is not None


def rescue(*, at: datetime) -> int:
    """Give back what is leased to workers that are gone, and return how many messages that were."""
    overdue = Message.objects.filter(state=State.SENDING, lease_until__lte=at)
    return _each(_some(overdue), partial(_rescue_one, at=at))


@transaction.atomic
def _rescue_one(pk: int, *, at: datetime) -> bool:
    leased = Message.objects.select_for_update().filter(pk=pk, state=State.SENDING, lease_until__lte=at)
    message = leased.first()
    if message is None:
        return False
    _settle(message, Crashed(), at=at)
    return True


def _settle(message: Message, ending: Ending, *, at: datetime) -> None:
    """Move a message that was being sent to what follows from the ending; the caller holds its row."""
    case = Case(message.priority, message.deadline_at, message.is_unwanted, message.tries)
    fate = policy.fate_after(ending, case, now=at, dice=random.random())  # noqa: S311 - spreads retries, guards nothing
    verdict, is_sent = policy.word_for(ending), isinstance(ending, Sent)
    tries = _with_try(message, verdict, policy.detail_of(ending), at=at)
    _move(
        message,
        fate.state,
        tries=tries,
        due_at=at + fate.wait,
        lease_until=None,
        last_error="" if is_sent else _readable(fate.because),
        sent_at=at if is_sent else None,
        provider_ref=ending.ref[:200] if isinstance(ending, Sent) else message.provider_ref,
    )
    took = at - _since(message.attempt, message.due_at, message.created_at)
    latency = tallies.latency(took.total_seconds()) if is_sent else []
    tallies.count((message.channel, *one) for one in [(Tally.Kind.VERDICT, verdict, 1), *latency])
    if fate.state == State.DEAD:
        _mourn(message, fate, at=at)
    elif policy.goes_another_way_too(fate, priority=message.priority, since=message.created_at, now=at):
        _substitute(message, at=at)


def _move(message: Message, end: str, **columns: object) -> None:
    """Change the state of a row that the caller holds."""
    start = message.state
    if not is_legal(MOVES, start, end):
        raise RuntimeError(f"A message that is {start} cannot become {end}.")
    Message.objects.filter(pk=message.pk, state=start).update(state=end, **columns)
    tallies.count(
        (message.channel, Tally.Kind.STATE, state, change)
        for state, change in ((start, -1), (end, 1))
        if state in FINAL
    )


def _with_try(message: Message, verdict: str, detail: str, *, at: datetime) -> list[policy.Try]:
    return [*message.tries, _try(verdict, detail, at=at)]


def _try(verdict: str, detail: str, *, at: datetime) -> policy.Try:
    return policy.Try(at=at.astimezone(UTC).isoformat(), verdict=verdict, detail=_readable(detail))


def _readable(text: str) -> str:
    return SECRET_TEXT.sub("[hidden]", text.replace("\x00", ""))[:500]


def _mourn(message: Message, fate: Fate, *, at: datetime) -> None:
    """Say loudly that a message is given up, and send it another way if there is one."""
    substitute = _substitute(message, at=at)
    log.error(
        "message_not_delivered",
        message=message.pk,
        channel=message.channel,
        subject=message.subject,
        because=_readable(fate.because),
        fallback=substitute.channel if substitute else "none",
    )


def _substitute(message: Message, *, at: datetime) -> Message | None:
    """The message that goes another way in its place; one, however often it is asked for."""
    substitute = intake.fallback_for(message, now=at)
    return intake.insert(substitute, at=at) if substitute else None


def bury(*, at: datetime) -> int:
    """Give up what waited beyond its deadline or has no provider any more; return how many. Not while paused."""
    if is_paused():
        return 0
    queued = Message.objects.filter(state=State.PENDING)
    orphaned = [channel for channel in Message.Channel.values if channel not in PROVIDERS]
    late, lost = "It was not sent before its deadline.", "No provider delivers to this channel."
    return _each(_some(queued.filter(deadline_at__lte=at)), partial(_bury_one, because=late, at=at)) + _each(
        _some(queued.filter(channel__in=orphaned)), partial(_bury_one, because=lost, at=at)
    )


def _some(rows: "QuerySet[Message]") -> list[int]:
    return list(rows.values_list("pk", flat=True)[:BATCH])


def _each(pks: Iterable[int], duty: Callable[[int], bool]) -> int:
    """Do a duty for each message and count; one that breaks is left alone, so that it cannot hold up the others."""
    done = 0
    for pk in pks:
        try:
            done += duty(pk)
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            log.exception("message_broken", message=pk)
    return done


@transaction.atomic
def _bury_one(pk: int, *, because: str, at: datetime) -> bool:
    message = Message.objects.select_for_update().filter(pk=pk, state=State.PENDING).first()
    if message is None:
        return False
    _move(message, State.DEAD, last_error=because)
    _mourn(message, Fate(State.DEAD, timedelta(0), because), at=at)
    return True


# --- What people ask for -------------------------------------------------------------------------------------------


def withdraw(topic: str) -> int:
    """Call off every message of `topic` in the caller's transaction and return how many will not be sent.

    One that is being sent at this moment may still arrive, but is not tried again.
    """
    rows = Message.objects.select_for_update().filter(topic=topic, state__in=(State.PENDING, State.SENDING))
    return sum(_call_off(message) for message in rows.order_by("pk"))


def withdraw_one(pk: int) -> bool:
    """The same for one message; False when it is neither queued nor being sent."""
    rows = Message.objects.select_for_update().filter(pk=pk, state__in=(State.PENDING, State.SENDING))
    message = rows.first()
    if message is not None:
        _call_off(message)
    return message is not None


def _call_off(message: Message, *, because: str = "") -> bool:
    if message.state == State.SENDING:
        Message.objects.filter(pk=message.pk).update(is_unwanted=True)
        return False
    _move(message, State.CANCELLED, last_error=because or message.last_error)
    return True


def supersede(message: Message) -> None:
    """Call off what waits and whose place `message` takes, in the caller's transaction."""
    if message.replaces:
        older = places.same_place(message).filter(pk__lt=message.pk, state__in=(State.PENDING, State.SENDING))
        for one in older.select_for_update().order_by("pk"):
            _call_off(one, because="A newer message took its place.")


def revive(pk: int, *, by: str, at: datetime) -> Message | None:
    """Make a message due at once, with its whole time before it, in the caller's transaction.

    None when it is neither queued nor given up, or a newer one took its place. `by` is kept with its attempts.
    """
    rows = Message.objects.select_for_update().filter(pk=pk, state__in=(State.PENDING, State.DEAD))
    if (message := rows.first()) is None or places.same_place(message).filter(pk__gt=pk).exists():
        return None
    deadline_at = max(message.deadline_at, at + policy.USEFUL_FOR[Message.Priority(message.priority)])
    columns = {"due_at": at, "deadline_at": deadline_at, "is_unwanted": False}
    tries = _with_try(message, policy.REVIVED, by, at=at)
    if message.state == State.DEAD:
        _move(message, State.PENDING, tries=tries, **columns)
    else:
        Message.objects.filter(pk=pk).update(tries=tries, **columns)
    return message


def is_paused() -> bool:
    """Whether sending is paused; messages are taken in all the same."""
    return Mark.objects.filter(name=Mark.PAUSED).exists()


# --- Rounds --------------------------------------------------------------------------------------------------------


def work(lane: Lane, *, clock: Callable[[], datetime] = now, should_stop: Callable[[], bool] = lambda: False) -> int:
    """Send what is due in `lane`, one after another, and return how many attempts that took."""
    attempts = 0
    while not should_stop() and (claimed := claim(lane, at=clock())) is not None:
        ending = deliver(claimed)
        _write_down(claimed, ending, clock)
        attempts += 1
    return attempts


def _write_down(claimed: Claim, ending: Ending, clock: Callable[[], datetime]) -> None:
    """Finish an attempt even if the database is away for a moment, since forgetting it means to send twice."""
    urgency = Message.Priority(claimed.lane.priority)
    give_up_at = time.monotonic() + policy.LEASE[urgency].total_seconds() - policy.PROVIDER_SECONDS[urgency]
    while True:
        try:
            finish(claimed, ending, at=clock())
        except (OperationalError, InterfaceError):
            if time.monotonic() > give_up_at:
                raise
            connection.close()
            time.sleep(0.5)
        else:
            return
