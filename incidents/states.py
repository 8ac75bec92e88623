"""The words and the legal moves of an incident."""

from django.db import models


class State(models.TextChoices):
    """Where an incident is on its way."""

    TRIAGE = "triage", "Triage"
    INVESTIGATING = "investigating", "Investigating"
    IDENTIFIED = "identified", "Identified"
    MITIGATED = "mitigated", "Mitigated"
    RESOLVED = "resolved", "Resolved"
    CLOSED = "closed", "Closed"
    CANCELLED = "cancelled", "Cancelled"
    MERGED = "merged", "Merged"


class Severity(models.TextChoices):
    """How bad it is; 1 is the worst."""

    SEV1 = "sev1", "Sev 1"
    SEV2 = "sev2", "Sev 2"
    SEV3 = "sev3", "Sev 3"
    SEV4 = "sev4", "Sev 4"


class Level(models.TextChoices):
    """How badly a service is hurt while it is."""

    DEGRADED = "degraded", "Degraded"
    PARTIAL = "partial", "Partly down"
    DOWN = "down", "Down"


class Scope(models.TextChoices):
    """Who is hurt."""

    INTERNAL = "internal", "Only ourselves"
    FEW = "few", "A few customers"
    MANY = "many", "Many customers"
    ALL = "all", "All customers"


class DetectionSource(models.TextChoices):
    """Who noticed first."""

    ALERT = "alert", "An alert"
    CUSTOMER = "customer", "A customer"
    PERSON = "person", "One of us"


PATH = (
    State.TRIAGE,
    State.INVESTIGATING,
    State.IDENTIFIED,
    State.MITIGATED,
    State.RESOLVED,
    State.CLOSED,
)
"""The ordinary way, one step at a time. A step that leaves one out, or goes back, needs a reason."""

MOVES: dict[str, frozenset[str]] = {
    State.TRIAGE: frozenset({*PATH[1:5], State.CANCELLED, State.MERGED}),
    State.INVESTIGATING: frozenset({*PATH[2:5], State.CANCELLED, State.MERGED}),
    State.IDENTIFIED: frozenset({State.INVESTIGATING, *PATH[3:5], State.CANCELLED, State.MERGED}),
    State.MITIGATED: frozenset({State.INVESTIGATING, State.RESOLVED, State.MERGED}),
    State.RESOLVED: frozenset({State.INVESTIGATING, State.CLOSED, State.MERGED}),
    State.CLOSED: frozenset({State.INVESTIGATING}),
    State.CANCELLED: frozenset(),
    State.MERGED: frozenset(),
}

OPEN = frozenset({State.TRIAGE, State.INVESTIGATING, State.IDENTIFIED, State.MITIGATED})
"""Somebody is at work on it."""
HURTING = OPEN - {State.MITIGATED}
"""It may still hurt."""
SKIPPABLE = frozenset({State.INVESTIGATING, State.IDENTIFIED})
"""Where `advance` leads; every other state has a verb of its own."""
