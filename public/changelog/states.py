"""The words and the legal moves of a note in the public change log."""

from django.db import models


class State(models.TextChoices):
    """Where a note is on its way. What outsiders see is decided by `public.boundary` at the moment they look."""

    DRAFT = "draft", "Waits"
    PUBLISHED = "published", "Published"
    WITHDRAWN = "withdrawn", "Not published"


class Kind(models.TextChoices):
    """What a change means for a customer."""

    NEW = "new", "New"
    BETTER = "better", "Better"
    FIXED = "fixed", "Fixed"
    ACT = "act", "You may need to act"


MOVES: dict[str, frozenset[str]] = {
    State.DRAFT: frozenset({State.PUBLISHED, State.WITHDRAWN}),
    State.PUBLISHED: frozenset({State.WITHDRAWN}),
    State.WITHDRAWN: frozenset({State.DRAFT}),
}
"""A note that was withdrawn becomes a draft again before it is published again, so that somebody looks at it."""
