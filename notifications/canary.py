"""Self-watch: a canary each minute, and a ping to somebody outside for each one that arrived.

Every worker does this every few seconds; that it happens once follows from the canary's key, which is its minute, and
from a compare-and-swap on the mark of the last ping. So it needs neither beat nor broker, and two of either do no harm.
"""

from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction

from notifications import intake, outbox, policy, queries, relay
from notifications.models import Mark, Message
from notifications.policy import Watched
from notifications.providers import heartbeat
from workflow.decisions import REFUSED

log = structlog.get_logger("decklog.canary")
KEPT = timedelta(minutes=15)
"""How long a canary is kept once it came to its end."""


def watch() -> None:
    """Release the canary of this minute, forget old ones, and ping if the newest came through."""
    at = relay.now()
    release(at=at)
    forget(at=at)
    found = queries.health().watched
    if settings.HEARTBEAT_URL and policy.may_ping(found).outcome != REFUSED and _is_my_turn(found, at=at):
        _ping(at=at)


def release(*, at: datetime) -> bool:
    """Enqueue the canary of the minute of `at` unless it is there or sending is paused; True when it is new."""
    minute = at.replace(second=0, microsecond=0)
    key = f"canary:{minute:%Y-%m-%dT%H:%M}Z"
    if relay.is_paused() or Message.objects.filter(dedup_key=key).exists():
        return False
    canary = intake.NewMessage(
        dedup_key=key,
        channel=Message.Channel.CANARY,
        recipient="nobody",
        title="Canary",
        text="Shows that messages move.",
        priority=Message.Priority.PAGE,
        deadline=policy.CANARY_USEFUL_FOR,
    )
    with transaction.atomic():
        outbox.enqueue(canary, at=at)
    return True


def forget(*, at: datetime) -> int:
    """Delete canaries that came to their end a while ago; return how many."""
    ended = Message.objects.filter(channel=Message.Channel.CANARY, state__in=relay.FINAL, created_at__lt=at - KEPT)
    return ended.delete()[0]


def _is_my_turn(found: Watched, *, at: datetime) -> bool:
    """Whether this process is the one that pings for the newest canary: once if it succeeds, else again after a while.

    Two that ask at once do not both hear yes: the mark moves for one of them.
    """
    newest, last = found.canary_at, found.pinged_at
    if newest is None or (last is not None and last >= newest):
        return False
    mark, is_new = Mark.objects.get_or_create(name=Mark.HEARTBEAT_TRY, defaults={"at": at})
    if is_new:
        return True
    if at - mark.at < policy.PING_PAUSE:
        return False
    return Mark.objects.filter(name=Mark.HEARTBEAT_TRY, at=mark.at).update(at=at) == 1


def _ping(*, at: datetime) -> None:
    trouble = heartbeat.ping(settings.HEARTBEAT_URL)
    Mark.objects.filter(name=Mark.HEARTBEAT_TRY).update(note=trouble)
    if trouble:
        log.warning("heartbeat_not_taken", because=trouble)
    else:
        Mark.objects.update_or_create(name=Mark.HEARTBEAT, defaults={"at": at})
