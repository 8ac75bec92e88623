"""The periodic duties of change management."""

from collections.abc import Callable, Iterable
from datetime import datetime

import structlog
from celery import shared_task
from django.utils import timezone

from changes.audit.actions import make_next
from changes.pipelines import actions, queries
from changes.preapproved import actions as template_actions
from changes.preapproved import queries as templates
from changes.tickets import doing
from changes.tickets import queries as tickets

log = structlog.get_logger(__name__)


@shared_task
def settle_verdicts() -> None:
    """Look again at every run that owes a word."""
    now = timezone.now()
    _each(queries.due_for_settling(now=now), actions.settle, now=now)


@shared_task
def mind_tickets() -> None:
    """Let changes expire whose window passed, remind of reviews, and close what is settled."""
    now = timezone.now()
    _each(tickets.missed_windows(now=now), doing.expire_change, now=now)
    _each(tickets.reviews_to_remind_of(now=now), doing.remind_of_review, now=now)
    _each(tickets.settled(now=now), doing.close_settled, now=now)


@shared_task
def mind_templates() -> None:
    """Tell the authors of templates whose approval ends soon."""
    now = timezone.now()
    _each(templates.expiring(now=now), template_actions.tell_of_expiry, now=now)


def _each(ids: Iterable[int], duty: Callable[..., None], *, now: datetime) -> None:
    """Do a duty for each; one that fails is logged and does not stop the others."""
    for pk in ids:
        try:
            duty(pk, now=now)
        except Exception:
            log.exception("duty_failed", duty=duty.__name__, id=pk)


@shared_task
def make_packs() -> None:
    """Make the evidence packs that wait, one after the other."""
    while make_next(now=timezone.now()):
        pass
