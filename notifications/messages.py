"""The words of the delivery log."""

from notifications.policy import Watched, may_ping
from notifications.queries import Summary
from workflow import moments
from workflow.decisions import REFUSED

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


def self_watch(found: Watched, *, is_told: bool) -> str:
    """For administrators: whether messages are proven to move, and whether somebody outside is told each minute."""
    arrived = "has not arrived yet"
    if found.arrived_at:
        arrived = f"last arrived {moments.duration(found.now - found.arrived_at)} ago"
    canary = f"A canary is sent each minute through all that a message passes; it {arrived}."
    if not is_told:
        return f"{canary} HEARTBEAT_URL is not set, so nobody outside notices when everything stops."
    decision = may_ping(found)
    if decision.outcome == REFUSED:
        return f"{canary} The service outside is not told that all is well: {decision.because}"
    if found.trouble:
        return f"{canary} The service outside did not take the last ping: {found.trouble}"
    if found.pinged_at is None:
        return canary
    return f"{canary} The service outside was told {moments.duration(found.now - found.pinged_at)} ago."


def _count(number: int) -> str:
    if number == 1:
        return "1 message waits"
    return f"{number:,} messages wait" if number else "No message waits"
