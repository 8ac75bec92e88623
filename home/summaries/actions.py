"""Sending summaries. Messages are all that this room ever writes.

What makes a summary one is its key (kind, local day, channel), unique in the database. So two clocks at once, a
restart, or a clock that jumps ask for what is there already.
"""

from datetime import datetime

import structlog
from django.conf import settings
from django.db import DatabaseError, transaction

from accounts.models import User
from home.summaries import messages, policy, queries
from home.summaries.policy import Kind
from home.summaries.queries import Audience, Day, key_of
from notifications import outbox
from notifications.models import Message
from workflow.decisions import require
from workflow.errors import Conflict

log = structlog.get_logger("decklog.summaries")
SLACK = "slack"


def send_due(*, now: datetime) -> int:
    """Enqueue every summary that is due and not there yet; returns how many. Each is its own transaction."""
    if not outbox.reaches(SLACK):
        return 0
    due = [
        (kind, Day(audience, audience.morning.day_at(now), now))
        for audience in queries.audiences()
        for kind in audience.kinds
        if policy.summary_is_due(kind, audience.morning, now=now).outcome == policy.DUE
    ]
    there = queries.messages_of(key_of(kind, day.day, day.audience.channel) for kind, day in due)
    missing = [(kind, day) for kind, day in due if key_of(kind, day.day, day.audience.channel) not in there]
    return sum(_sent(kind, day) for kind, day in missing)


def _sent(kind: Kind, day: Day) -> bool:
    try:
        send(kind, day)
    except DatabaseError:
        # The next minute tries again; until then the other channels must not go without theirs.
        log.exception("summary_failed", kind=kind, channel=day.audience.channel)
        return False
    return True


@transaction.atomic
def send(kind: Kind, day: Day) -> Message:
    """Enqueue a summary for its channel, or return the one that is there.

    One that has nothing to tell is written down and called off at once where quiet days are not told, so that the day
    is settled.
    """
    told = messages.summary(kind, day)
    is_worth_sending = settings.SUMMARY_WHEN_QUIET or not told.is_quiet
    new = messages.to_channel(kind, day, is_worth_sending=is_worth_sending, told=told)
    message = outbox.enqueue(new, at=day.now)
    if not is_worth_sending:
        outbox.cancel(messages.QUIET)
    return message


@transaction.atomic
def send_test(kind: Kind, audience: Audience, *, by: User, is_to_channel: bool, at: datetime) -> Message:
    """Send what would be told now, to the person by e-mail or to the channel; asking twice in a minute sends it once.

    Raises Forbidden("may_test_in_channel"), and Conflict("no_slack") where nothing can be posted.
    """
    day = Day(audience, audience.morning.day_at(at), at)
    to = ("email", by.email)
    if is_to_channel:
        leads = bool(audience.teams) and queries.leads_any(by, audience.teams)
        require(policy.may_test_in_channel(is_admin=by.is_admin, leads_team=leads))
        if not (outbox.reaches(SLACK) and audience.channel):
            raise Conflict("no_slack", "Nothing can be posted: there is no Slack here, or no channel. Send it by mail.")
        to = (SLACK, audience.channel)
    told = messages.summary(kind, day)
    return outbox.enqueue(messages.as_test(kind, day, to=to, by=by.pk, told=told), at=at)
