"""The periodic duties of the synchronisation; without a key of Opsgenie there are none."""

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from oncall.providers import from_settings
from oncall.sync import looking, planning


@shared_task
def mind_plans() -> None:
    """Ask Opsgenie what somebody wants to know, apply what they asked for, and go on with what was interrupted."""
    if settings.OPSGENIE_API_KEY:
        looking.look_if_wanted(remote=from_settings())
        planning.mind_plans(remote=from_settings())


@shared_task
def look_for_drift() -> None:
    """See whether somebody changed in Opsgenie what is kept here."""
    if settings.OPSGENIE_API_KEY:
        looking.look_around(remote=from_settings(), now=timezone.now())
