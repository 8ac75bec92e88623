"""What answers of HTTP services have in common: how long they ask to wait, and words that are fit to be shown."""

from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def seconds_of(value: str | None) -> float | None:
    """A Retry-After header in seconds, whether it is a number or a date; None when it is neither."""
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None


def one_line(text: str, *, secrets: Iterable[str] = (), longest: int = 200) -> str:
    """The text on one line, without what it may repeat of our secrets."""
    for secret in filter(None, secrets):
        text = text.replace(secret, "[hidden]")
    return " ".join(text.split())[:longest]


def shortened(text: str, longest: int) -> str:
    """The text, with … where it had to be cut."""
    return text if len(text) <= longest else text[: longest - 1] + "…"
