"""The words of the delivery log."""

from notifications.queries import Summary
from workflow import moments

SILENT_AFTER = 30.0


def how_it_goes(summary: Summary) -> str:
    """One sentence about whether messages go out."""
    health = summary.health
    if health.is_paused:
        return f"Sending is paused. {_count(summary.waiting)} until it is resumed."
    if health.sweeper_age_seconds is None:
        return f"Nothing is being sent. No worker has started yet; {_count(summary.waiting).lower()} for one."
    if health.sweeper_age_seconds > SILENT_AFTER:
        silence = moments.duration(health.sweeper_age_seconds)
        return f"Nothing is being sent. The worker has been silent for {silence}; {_count(summary.waiting).lower()}."
    if not summary.waiting:
        return "Everything is sent that can be sent."
    page = f", the oldest page for {moments.duration(health.oldest_page_seconds)}" if health.oldest_page_seconds else ""
    return f"Messages go out: {_count(summary.waiting).lower()}{page}."


def is_stuck(summary: Summary) -> bool:
    """Whether that sentence is a problem."""
    age = summary.health.sweeper_age_seconds
    return summary.health.is_paused or age is None or age > SILENT_AFTER


def _count(number: int) -> str:
    if number == 1:
        return "1 message waits"
    return f"{number:,} messages wait" if number else "No message waits"
