"""When an alert is news. Pure: no database, no clock."""

from dataclasses import dataclass
from datetime import datetime

from workflow.decisions import Decision

JOINS, DECLARES, ENDS, REPEATS = "joins", "declares", "ends", "repeats"


@dataclass(frozen=True, slots=True)
class Known:
    """What is known under the key of an alert: the latest alert, when it was detected and resolved, and its incident.

    `is_orphan`: its end came and its beginning has not; `is_incident_open`: somebody is at work on its incident.
    """

    detected_at: datetime | None
    resolved_at: datetime | None
    is_orphan: bool
    is_incident_open: bool


def what_firing_means(known: Known | None, *, detected_at: datetime | None) -> Decision:
    """An alert that fires joins the incident that its key has opened, as long as that is open; else it declares one.

    Whatever the order: a repetition of what is over changes nothing, and a beginning that comes after its end is still
    an incident.
    """
    rule = "what_firing_means"
    if known is None:
        return Decision(rule, DECLARES, "Nothing is known under this key.")
    if known.is_orphan:
        return Decision(rule, DECLARES, "Only its end was known.")
    is_same = detected_at is not None and detected_at == known.detected_at
    if known.resolved_at is not None and is_same:
        return Decision(rule, REPEATS, "This is the alert that was resolved already.")
    if known.is_incident_open:
        return Decision(rule, JOINS, "Its incident is open.")
    return Decision(rule, DECLARES, "Its incident is over, and it fires again.")


def is_over_already(known: Known | None, *, detected_at: datetime | None) -> bool:
    """Whether the end of a firing that only comes now was told before: an orphan that ended after it began."""
    if known is None or not known.is_orphan or known.resolved_at is None or detected_at is None:
        return False
    return detected_at <= known.resolved_at
