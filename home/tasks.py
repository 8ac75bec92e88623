"""The periodic duty of the pages across rooms."""

from celery import shared_task
from django.utils import timezone

from home.summaries import actions


@shared_task
def send_summaries() -> None:
    """Enqueue the summaries that are due; a repeated, doubled or late run enqueues none twice."""
    actions.send_due(now=timezone.now())
