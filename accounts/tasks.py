"""The periodic duties of accounts."""

from importlib import import_module

from celery import shared_task
from django.conf import settings


@shared_task
def forget_ended_sessions() -> None:
    """Drop the rows of sessions that have ended."""
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
