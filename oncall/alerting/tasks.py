"""The periodic duty of our alerts in Opsgenie; without a key of Opsgenie there is none."""

from celery import shared_task
from django.conf import settings

from oncall.alerting import errands
from oncall.providers import alerting_from_settings


@shared_task
def mind_alerts() -> None:
    """Look at the alerts that are said to be answered, and close those whose page is over."""
    if settings.OPSGENIE_API_KEY:
        errands.run_due(remote=alerting_from_settings())
