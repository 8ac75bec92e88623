"""Changes that are made from a pre-approved template."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from changes.models import Change, Template
from changes.tickets.content import Draft

OF_TEMPLATE = ("description", "reason", "customer_impacting", "test_evidence", "rollback_plan", "rollback_minutes")


def draft_from(template: Template, draft: Draft) -> Draft:
    """The draft with everything that the template says; title, window, implementer and commits are the draft's own."""
    parts: dict[str, Any] = {name: getattr(template, name) for name in (*OF_TEMPLATE, "verification_plan")}
    return replace(
        draft,
        title=draft.title or template.title,
        services=tuple(template.services.values_list("slug", flat=True)),
        environment=template.environment.slug,
        public_note=draft.public_note or template.public_note,
        risk_answers=dict(template.risk_answers),
        **parts,
    )


def note_outcome(template: Template | None, change: Change, *, now: datetime) -> None:
    """Demote the template if the change that was made from it failed."""
