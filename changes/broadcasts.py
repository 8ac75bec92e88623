"""Telling everybody in Slack, during the day, what customers may feel: one message for each change and channel.

It is posted when the change begins and changed when it ends or somebody corrects how it ended. What has a public
note is also announced to the community, once it has succeeded. Without a Slack and a community nothing is written.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.conf import settings

from catalog.models import Environment, Service
from changes.messages import Progress, announcement, progress
from changes.states import Outcome, Risk
from notifications import outbox

CHANNEL, COMMUNITY = "slack", "webhook"


def is_news(*, customer_impacting: bool, risk: str = "") -> bool:
    """Whether everybody wants to know: customers may feel it, or much could go wrong. Nothing is news to nobody."""
    return (customer_impacting or risk == Risk.HIGH) and (outbox.reaches(CHANNEL) or outbox.reaches(COMMUNITY))


def tell(told: Progress, *, services: Sequence[Service], environment: Environment, at: datetime) -> None:
    """Enqueue what there is to say about a change in production, in the caller's transaction."""
    if not environment.is_production:
        return
    for channel in channels_of(services) if outbox.reaches(CHANNEL) else ():
        outbox.enqueue(progress(told, to=channel, at=at), at=at)
    if is_for_the_community(told) and outbox.reaches(COMMUNITY):
        public = [service.name for service in services if service.is_public]
        outbox.enqueue(announcement(told, services=public), at=at)


def is_for_the_community(told: Progress) -> bool:
    """Whether customers are told: it concerns them, somebody wrote a note for them, and it went well."""
    return told.is_felt and bool(told.note.strip()) and told.outcome == Outcome.SUCCEEDED


def channels_of(services: Iterable[Service]) -> list[str]:
    """The organisation's channel and those of the teams that own the services, each once."""
    channels = [settings.SLACK_CHANNEL, *(service.team.slack_channel for service in services)]
    return list(dict.fromkeys(channel.strip() for channel in channels if channel.strip()))
