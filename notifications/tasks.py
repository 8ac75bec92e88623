"""What Celery carries: hurry. Each of these may be dropped, repeated or late."""

from celery import shared_task

from notifications import sweeper


@shared_task
def deliver(channel: str) -> None:
    """Send what is due on this channel."""
    sweeper.hurry(channel)


@shared_task
def sweep() -> None:
    """Look after everything that is due, as the worker's own sweeper does."""
    sweeper.hurry()
