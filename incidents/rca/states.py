"""The words and the legal moves of root cause analyses, causes and corrective actions."""

from django.db import models


class State(models.TextChoices):
    """Where an analysis is on its way."""

    DRAFT = "draft", "Draft"
    IN_REVIEW = "in_review", "In review"
    REVIEWED = "reviewed", "Reviewed"
    PUBLISHED = "published", "Published"
    WAIVED = "waived", "Waived"


MOVES: dict[str, frozenset[str]] = {
    State.DRAFT: frozenset({State.IN_REVIEW, State.WAIVED}),
    State.IN_REVIEW: frozenset({State.DRAFT, State.REVIEWED, State.WAIVED}),
    State.REVIEWED: frozenset({State.DRAFT, State.PUBLISHED, State.WAIVED}),
    State.PUBLISHED: frozenset(),
    State.WAIVED: frozenset({State.DRAFT}),
}


class Path(models.TextChoices):
    """What a why asks about."""

    OCCURRENCE = "occurrence", "Why did it happen?"
    DETECTION = "detection", "Why did we see it no sooner?"
    RECOVERY = "recovery", "Why did it take so long?"


class Claim(models.TextChoices):
    """How sure we are."""

    HYPOTHESIS = "hypothesis", "Hypothesis"
    SUPPORTED = "supported", "Supported"
    REFUTED = "refuted", "Refuted"


class Category(models.TextChoices):
    """What kind of thing a root cause is, and an action against one."""

    TECHNOLOGY = "technology", "Technology"
    PROCESS = "process", "Process"
    TRAINING = "training", "Training"


class Effect(models.TextChoices):
    """What an action does about it."""

    PREVENT = "prevent", "Prevents"
    DETECT = "detect", "Detects"
    MITIGATE = "mitigate", "Mitigates"


class ActionState(models.TextChoices):
    """Where a promise is on its way."""

    OPEN = "open", "Open"
    IN_PROGRESS = "in_progress", "In progress"
    DONE = "done", "Done, unproven"
    VERIFIED = "verified", "Verified"
    INEFFECTIVE = "ineffective", "Did not work"
    WONT_DO = "wont_do", "Will not be done"


ACTION_MOVES: dict[str, frozenset[str]] = {
    ActionState.OPEN: frozenset({ActionState.IN_PROGRESS, ActionState.DONE, ActionState.WONT_DO}),
    ActionState.IN_PROGRESS: frozenset({ActionState.DONE, ActionState.WONT_DO}),
    ActionState.DONE: frozenset({ActionState.VERIFIED, ActionState.INEFFECTIVE, ActionState.IN_PROGRESS}),
    ActionState.VERIFIED: frozenset({ActionState.INEFFECTIVE}),
    ActionState.INEFFECTIVE: frozenset({ActionState.IN_PROGRESS, ActionState.DONE, ActionState.WONT_DO}),
    ActionState.WONT_DO: frozenset({ActionState.IN_PROGRESS}),
}
OWED = frozenset({ActionState.OPEN, ActionState.IN_PROGRESS, ActionState.INEFFECTIVE})
"""Somebody still has to do it."""
KEPT = frozenset({ActionState.DONE, ActionState.VERIFIED})
"""It is said to be done; if its cause hurts again, it did not work."""
