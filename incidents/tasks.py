"""The periodic duties of incidents."""

import structlog
from celery import shared_task
from django.utils import timezone

from incidents import queries
from incidents.paging import follow_pages
from incidents.rca import promises
from incidents.rca.reminding import remind_of_analyses

log = structlog.get_logger(__name__)


@shared_task
def mind_incidents() -> None:
    """Take over what people answered to pages; one that fails is logged and does not stop the others."""
    now = timezone.now()
    for pk in queries.paged_and_unacknowledged():
        try:
            follow_pages(pk, now=now)
        except Exception:
            log.exception("duty_failed", duty="follow_pages", id=pk)


@shared_task
def remind_of_promises() -> None:
    """Remind of corrective actions and of analyses that are owed; a repeated run reminds nobody twice on one day."""
    now = timezone.now()
    promises.remind(now=now)
    remind_of_analyses(now=now)
