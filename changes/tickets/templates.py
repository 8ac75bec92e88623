"""Changes that are made from a pre-approved template."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from changes.models import Change, Template
from changes.preapproved import policy
from changes.preapproved.actions import demote_template
from changes.preapproved.queries import usability
from changes.tickets.content import LABELS, Draft, plain
from workflow.decisions import Decision
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


def as_agreed(template: Template, said: Mapping[str, Any], *, now: datetime) -> Decision:
    """Whether a change that was made from the template and says this is still what two people agreed to."""
    decision = usability(template, now=now)
    if decision.outcome == policy.REFUSED:
        return decision
    present = draft_from(template, Draft()).as_mapping()
    fixed = (*OF_TEMPLATE, "verification_plan", "services", "environment", "risk_answers")
    differing = [name for name in fixed if plain(present[name]) != plain(said[name])]
    if not differing:
        return decision
    because = f"It says something else since the change was filed ({LABELS[differing[0]].lower()}). File it again."
    return Decision(decision.rule, policy.REFUSED, because)


def note_outcome(template: Template | None, change: Change, *, now: datetime) -> None:
    """Demote the template if the change that was made from it failed."""
    if template is None:
        return
    decision = policy.template_demoted(outcome=change.outcome, caused_incident=False)
    if decision.outcome == policy.DEMOTED:
        demote_template(template, because=f"{change.ref}: {decision.because}", at=now)


def require_usable(template: Template, *, now: datetime) -> None:
    """Raise Conflict("template_usable") unless changes may be made from the template now."""
    _require(usability(template, now=now), template)


def require_as_agreed(template: Template, said: Mapping[str, Any], *, now: datetime) -> None:
    """Raise Conflict("template_usable") unless the template is usable and still says what the change says."""
    _require(as_agreed(template, said, now=now), template)


def _require(decision: Decision, template: Template) -> None:
    if decision.outcome == policy.REFUSED:
        because = f"The template “{template.slug}” cannot be used. {decision.because}"
        raise Conflict(decision.rule, because, field="template")
