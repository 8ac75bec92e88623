"""The periodic duties of change management."""

import structlog
from celery import shared_task
from django.utils import timezone

from changes.audit.actions import make_next
from changes.pipelines import actions, queries

log = structlog.get_logger(__name__)


@shared_task
def settle_verdicts() -> None:
    """Look again at every run that owes a word; one that fails is logged and does not stop the others."""
    now = timezone.now()
    for change_id in queries.due_for_settling(now=now):
        try:
            actions.settle(change_id, now=now)
        except Exception:
            log.exception("settle_failed", change=change_id)


@shared_task
def make_packs() -> None:
    """Make the evidence packs that wait, one after the other."""
    while make_next(now=timezone.now()):
        pass
