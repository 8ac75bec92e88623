"""Telling everybody in Slack, during the day, what customers may feel: one message for each change and channel.

It is posted when the change begins and changed when it ends or somebody corrects how it ended. Without a Slack nothing
is written. What customers are told is another matter, and decided by `public.boundary`.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.conf import settings

from catalog.models import Environment, Service
from changes.messages import Progress, progress
from changes.states import Risk
from notifications import outbox

CHANNEL = "slack"


def is_news(*, customer_impacting: bool, risk: str = "") -> bool:
    """Whether everybody wants to know: customers may feel it, or much could go wrong. Nothing is news to nobody."""
    return (customer_impacting or risk == Risk.HIGH) and outbox.reaches(CHANNEL)


def tell(told: Progress, *, services: Sequence[Service], environment: Environment, at: datetime) -> None:
    """Enqueue what there is to say about a change in production, in the caller's transaction."""
    if not environment.is_production:
        return
    for channel in channels_of(services) if outbox.reaches(CHANNEL) else ():
        outbox.enqueue(progress(told, to=channel, at=at), at=at)


def channels_of(services: Iterable[Service]) -> list[str]:
    """The organisation's channel and those of the teams that own the services, each once."""
    channels = [settings.SLACK_CHANNEL, *(service.team.slack_channel for service in services)]
    return list(dict.fromkeys(channel.strip() for channel in channels if channel.strip()))
