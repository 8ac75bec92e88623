"""The wording of what is sent about filed changes. The first line carries who must do what by when, with the link."""

from collections.abc import Sequence
from datetime import datetime

from accounts.contacts.letters import Letter
from changes.letters import Person, ask, news, page
from changes.messages import change_url


def approval_topic(ref: str) -> str:
    """What groups the messages that ask for an approval, so that a decision can call them back."""
    return f"approval:{ref}"


def review_topic(ref: str) -> str:
    """What groups the messages that ask for a review, so that the review can call them back."""
    return f"review:{ref}"


def approval_wanted(ref: str, title: str, *, to: Person, key: str, facts: Sequence[str]) -> Letter:
    """Asks somebody to approve or reject; `key` tells one submission from the next, `facts` are lines about it."""
    lines = [f"Approve or reject {ref}: {change_url(ref)}#decide", "", title, *(f"- {fact}" for fact in facts)]
    return ask(
        to,
        about=ref,
        key=f"{approval_topic(ref)}:{key}",
        title=f"{ref} waits for you: {title}",
        lines=lines,
        topic=approval_topic(ref),
    )


def decided(ref: str, title: str, *, to: Person, key: str, words: str) -> Letter:
    """Tells who filed a change, or carries it out, what was decided about it, in `words`."""
    lines = [f"{words} {change_url(ref)}", "", title]
    return news(to, about=ref, key=f"decided:{ref}:{key}", title=f"{ref}: {words}", lines=lines)


def glass_broken(ref: str, title: str, *, to: Person, who: str, because: str, reason: str) -> Letter:
    """Pages a lead at once because an emergent change began without anybody on call."""
    lines = [
        f"Look at {ref}, which {who} began as an emergency: {change_url(ref)}",
        "",
        title,
        f"- Why: {reason}",
        f"- {because}",
        "- Somebody else must review it within 24 hours.",
    ]
    return page(to, about=ref, key=f"glass:{ref}", title=f"{ref} is an emergency: {title}", lines=lines)


def review_wanted(ref: str, title: str, *, to: Person, due: datetime, step: int) -> Letter:
    """Asks somebody to look back at a change until `due`; `step` counts the reminders."""
    lines = [
        f"Review {ref} by {due:%A %d %B, %H:%M} UTC: {change_url(ref)}#review",
        "",
        title,
        "Anybody who did not request it or carry it out, and belongs to its team or leads another one, can do it.",
    ]
    return ask(
        to,
        about=ref,
        key=f"{review_topic(ref)}:{due:%Y%m%d%H%M%S%f}:{step}",
        title=f"{ref} waits for a review: {title}",
        lines=lines,
        topic=review_topic(ref),
    ).until(due)


def review_overdue(ref: str, title: str, *, to: Person, due: datetime) -> Letter:
    """Pages a lead because nobody reviewed a change in time."""
    lines = [f"Have {ref} reviewed now: {change_url(ref)}#review", "", title, f"It was due {due:%A %d %B, %H:%M} UTC."]
    return page(
        to,
        about=ref,
        key=f"{review_topic(ref)}:{due:%Y%m%d%H%M%S%f}:overdue",
        title=f"{ref} is overdue for review: {title}",
        lines=lines,
        topic=review_topic(ref),
    )
