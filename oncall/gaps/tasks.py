"""Looking for gaps."""

from celery import shared_task
from django.utils import timezone

from oncall.gaps.actions import tell_of_gaps


@shared_task
def warn_of_gaps() -> None:
    """Tell the teams whose watch has gaps; once a week for each."""
    tell_of_gaps(now=timezone.now())
