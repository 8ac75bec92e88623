"""The periodic duties of accounts."""

from importlib import import_module

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from accounts.contacts import digests


@shared_task
def forget_ended_sessions() -> None:
    """Drop the rows of sessions that have ended."""
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()


@shared_task
def make_digests() -> None:
    """Make every digest that is due; twice, or late, is as good as once."""
    digests.make_due_digests(now=timezone.now())


@shared_task
def forget_old_asides() -> None:
    """Drop what went into digests long ago."""
    digests.forget_old(now=timezone.now())
