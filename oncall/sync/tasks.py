"""The periodic duties of the synchronisation; without a key of Opsgenie there are none."""

import structlog
from celery import shared_task
from django.conf import settings

from oncall.providers import from_settings
from oncall.providers.protocol import Declined, Unanswered
from oncall.sync import actions

log = structlog.get_logger(__name__)


@shared_task
def mind_plans() -> None:
    """Apply what somebody asked for, and go on with what was interrupted."""
    if settings.OPSGENIE_API_KEY:
        actions.mind_plans(remote=from_settings())


@shared_task
def look_for_drift() -> None:
    """See whether somebody changed in Opsgenie what is kept here."""
    if not settings.OPSGENIE_API_KEY:
        return
    try:
        actions.look_for_drift(remote=from_settings())
    except (Declined, Unanswered) as refusal:
        log.warning("opsgenie_not_read", because=refusal.message)
