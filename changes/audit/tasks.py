"""What Celery carries for auditors. It may be dropped, repeated or late."""

from celery import shared_task
from django.utils import timezone

from changes.audit import actions


@shared_task
def make_packs() -> None:
    """Make the evidence packs that wait, one after the other."""
    while actions.make_next(now=timezone.now()):
        pass
