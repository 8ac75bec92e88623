"""The kernel's periodic duties."""

from celery import shared_task
from django.utils import timezone

from workflow import idempotency, ledger


@shared_task
def seal_ledger() -> None:
    """Seal what has settled, batch by batch."""
    while ledger.seal_batch(now=timezone.now()) is not None:
        pass


@shared_task
def forget_old_replies() -> None:
    """Drop the stored replies of idempotent requests after their 24 hours."""
    idempotency.forget_old_replies(now=timezone.now())
