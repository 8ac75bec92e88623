"""The periodic duty of the public pages."""

from celery import shared_task
from django.utils import timezone

from public.changelog import actions


@shared_task
def mind_change_log() -> None:
    """Publish the notes that are due; a repeated or doubled run publishes none twice."""
    actions.send_out_due(now=timezone.now())
