"""The periodic duty of the public pages."""

from pathlib import Path

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from public import export
from public.changelog import actions
from public.subscriptions import actions as subscriptions
from public.subscriptions.events import events


@shared_task
def mind_change_log() -> None:
    """Publish the notes that are due; a repeated or doubled run publishes none twice."""
    actions.send_out_due(now=timezone.now())


@shared_task
def tell_subscribers() -> None:
    """Send what became public to all who want it; a repeated or doubled run sends nothing twice."""
    now = timezone.now()
    subscriptions.send(events(now=now), now=now)


@shared_task
def forget_unconfirmed() -> None:
    """Forget addresses that nobody confirmed."""
    subscriptions.forget_unconfirmed(now=timezone.now())


@shared_task
def export_public() -> None:
    """Write the public pages as files where PUBLIC_EXPORT says so."""
    if settings.PUBLIC_EXPORT:
        export.export_to(Path(settings.PUBLIC_EXPORT))
