"""The rules of what Opsgenie says about our alerts. Pure: no database, no clock."""

import hashlib
import re
from collections.abc import Collection
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from workflow.decisions import Decision

ANSWERED, OPEN = "answered", "open"
ANSWERS = frozenset({"Acknowledge", "Close"})
"""The actions of Opsgenie after which it is worth looking."""
MOST_TRIES = 12
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=5), timedelta(minutes=10)
_ALIAS = re.compile(r"page:(?P<key>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})(:|\Z)")


class Seen(NamedTuple):
    """An alert as Opsgenie shows it: `by` is the e-mail of who acknowledged or closed it, empty when nobody did."""

    is_acknowledged: bool
    is_closed: bool
    by: str


def page_of(alias: str) -> UUID | None:
    """The page that an alert is about: its alias begins with the page's key. None for alerts of others."""
    found = _ALIAS.match(alias)
    return UUID(found["key"]) if found else None


def key_of(*words: str) -> str:
    """What makes an errand one: a digest of these words."""
    return hashlib.sha256("\n".join(words).encode()).hexdigest()


def was_answered(seen: Seen | None, *, known: Collection[str]) -> Decision:
    """An alert was answered when it is acknowledged, or was closed by somebody whom we know (`known`, in lower case).

    One that a rule of Opsgenie closed by itself rings nobody any more, and nobody has it.
    """
    rule = "alert_was_answered"
    if seen is None:
        return Decision(rule, OPEN, "There is no such alert.")
    if seen.is_acknowledged:
        return Decision(rule, ANSWERED, "It is acknowledged there.")
    if seen.is_closed and seen.by.lower() in known:
        return Decision(rule, ANSWERED, "Somebody closed it there.")
    return Decision(rule, OPEN, "Nobody has answered it there.")


def pause_after(tries: int) -> timedelta | None:
    """How long to wait after so many tries that failed, doubling; None when it is given up, after about an hour."""
    return min(FIRST_PAUSE * 2 ** (tries - 1), LONGEST_PAUSE) if tries < MOST_TRIES else None
