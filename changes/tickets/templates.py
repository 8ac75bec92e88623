"""Changes that are made from a pre-approved template."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from changes.models import Change, Template
from changes.preapproved import policy
from changes.preapproved.actions import demote_template
from changes.preapproved.queries import usability
from changes.tickets.content import Draft
from workflow.errors import Conflict

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
    if template is None:
        return
    decision = policy.template_demoted(outcome=change.outcome, caused_incident=False)
    if decision.outcome == policy.DEMOTED:
        demote_template(template, because=f"{change.ref}: {decision.because}", at=now)


def require_usable(template: Template, *, now: datetime) -> None:
    """Raise Conflict("template_usable") unless changes may be made from the template now."""
    decision = usability(template, now=now)
    if decision.outcome == policy.REFUSED:
        because = f"The template “{template.slug}” cannot be used. {decision.because}"
        raise Conflict(decision.rule, because, field="template")
