"""The words and the legal moves of a change."""

from django.db import models


class Type(models.TextChoices):
    """Standard is ordinary planned work; emergent is urgent."""

    STANDARD = "standard", "Standard"
    EMERGENT = "emergent", "Emergent"


class Origin(models.TextChoices):
    """Who brought the record."""

    PIPELINE = "pipeline", "Pipeline"
    PERSON = "person", "Person"


class Authorization(models.TextChoices):
    """How the change was allowed."""

    REVIEWED = "reviewed", "Reviewed"
    TEMPLATE = "template", "Template"
    AUTO_EXEMPT = "auto_exempt", "Pipeline evidence"
    EMERGENCY = "emergency", "Emergency"


class State(models.TextChoices):
    """Where a change is on its way."""

    DRAFT = "draft", "Draft"
    SUBMITTED = "submitted", "Waiting for approval"
    APPROVED = "approved", "Approved"
    IN_PROGRESS = "in_progress", "In progress"
    FINISHED = "finished", "Finished"
    CLOSED = "closed", "Closed"
    REJECTED = "rejected", "Rejected"
    WITHDRAWN = "withdrawn", "Withdrawn"
    EXPIRED = "expired", "Expired"


class Outcome(models.TextChoices):
    """How it ended. `unknown` is given by Decklog when nobody told."""

    SUCCEEDED = "succeeded", "Succeeded"
    SUCCEEDED_WITH_ISSUES = "succeeded_with_issues", "Succeeded with issues"
    FAILED = "failed", "Failed"
    ROLLED_BACK = "rolled_back", "Rolled back"
    PARTIAL = "partial", "Partly done"
    NOT_DONE = "not_done", "Not done"
    UNKNOWN = "unknown", "Outcome unknown"


class Risk(models.TextChoices):
    """How much could go wrong, and so how many people must look at it first."""

    LOW = "low", "Low"
    MEDIUM = "medium", "Medium"
    HIGH = "high", "High"


class Verdict(models.TextChoices):
    """What the evidence of a pipeline deploy says."""

    EXEMPT = "exempt", "Exempt"
    PENDING = "pending", "Proof pending"
    UNPROVEN = "unproven", "Unproven"


MOVES: dict[str, frozenset[str]] = {
    State.DRAFT: frozenset({State.SUBMITTED, State.APPROVED, State.IN_PROGRESS, State.WITHDRAWN}),
    State.SUBMITTED: frozenset({State.DRAFT, State.APPROVED, State.REJECTED, State.WITHDRAWN, State.EXPIRED}),
    State.APPROVED: frozenset({State.DRAFT, State.SUBMITTED, State.IN_PROGRESS, State.WITHDRAWN, State.EXPIRED}),
    State.IN_PROGRESS: frozenset({State.FINISHED, State.CLOSED}),
    State.FINISHED: frozenset({State.CLOSED}),
    State.REJECTED: frozenset({State.DRAFT, State.WITHDRAWN}),
    State.CLOSED: frozenset(),
    State.WITHDRAWN: frozenset(),
    State.EXPIRED: frozenset(),
}
