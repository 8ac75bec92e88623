"""What is to be done in Opsgenie, written down in the transaction that makes it necessary."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from notifications.models import Message
from oncall.alerting.models import Errand
from oncall.alerting.policy import ANSWERS, key_of, page_of

UNDER_WAY = timedelta(seconds=20)
"""An alert whose message is being sent at this moment exists a little later."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What Opsgenie says that happened to an alert; `said_at` is its own time, in whatever unit."""

    action: str
    alert_id: str
    alias: str
    said_at: str


@transaction.atomic
def take_notice(notice: Notice) -> bool:
    """Have the alert looked at, if it is one of ours and may have been answered; return whether that is new.

    Opsgenie repeats what it says, and tells twice what several integrations tell.
    """
    if notice.action not in ANSWERS or page_of(notice.alias) is None:
        return False
    key = key_of(Errand.Kind.LOOK, notice.alert_id, notice.action, notice.said_at)
    if Errand.objects.filter(key=key).exists():
        return False
    now = timezone.now()
    errand = Errand(key=key, kind=Errand.Kind.LOOK, alias=notice.alias, made_at=now, due_at=now)
    Errand.objects.bulk_create([errand], ignore_conflicts=True)
    return True


def close_alerts(topic: str, *, at: datetime) -> None:
    """Have every alert closed that was made for a page, in the transaction that ends the page.

    Without a pager there are none. One that is being made is closed a little later.
    """
    sent = Message.objects.filter(topic=topic, channel=Message.Channel.PAGER)
    rows = sent.filter(state__in=(Message.State.SENT, Message.State.SENDING)).values_list("dedup_key", "state")
    Errand.objects.bulk_create(
        [
            Errand(
                key=key_of(Errand.Kind.CLOSE, alias),
                kind=Errand.Kind.CLOSE,
                alias=alias,
                made_at=at,
                due_at=at + UNDER_WAY if state == Message.State.SENDING else at,
            )
            for alias, state in rows
        ],
        ignore_conflicts=True,
    )
