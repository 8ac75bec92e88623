"""Templates in the words of the API. Shape only."""

from typing import Any

from accounts.callers import Caller
from changes.models import Template
from changes.preapproved import policy, queries
from changes.preapproved.content import LABELS, terms_of
from changes.preapproved.messages import template_url
from changes.preapproved.queries import Standing
from workflow.decisions import Decision


def row_json(template: Template, usable: Decision) -> dict[str, Any]:
    """A template as it stands in a list; people by e-mail."""
    return {
        "ref": template.ref,
        "url": template_url(template.slug),
        "slug": template.slug,
        "name": template.name,
        "state": template.state,
        "usable": usable.outcome == policy.ALLOWED,
        "because": usable.because,
        "title": template.title,
        "services": sorted(service.slug for service in template.services.all()),
        "environment": template.environment.slug,
        "author": template.author.email,
        "approved_until": template.approved_until,
        "digest": template.digest,
        "edition": terms_of(template).edition,
        "created_at": template.created_at,
        "updated_at": template.updated_at,
    }


def template_json(standing: Standing, *, by: Caller) -> dict[str, Any]:
    """A template with everything that is known about it and what the caller may do now."""
    template, content = standing.template, terms_of(standing.template).content
    row = row_json(template, queries.usability(template, now=standing.now))
    is_open = standing.approvable.outcome == policy.ALLOWED
    decision = standing.decision if is_open else standing.approvable
    return {
        **row,
        **{name: content[name] for name in LABELS},
        "approvals": [
            {
                "by": one.approver.email,
                "digest": one.digest,
                "note": one.note,
                "at": one.at,
                "voided_at": one.voided_at,
            }
            for one in template.approvals.all()
        ],
        "decision": {"rule": decision.rule, "outcome": decision.outcome, "because": decision.because},
        "eligible_approvers": [judge.email for judge in standing.judges] if is_open else [],
        "used": queries.outcomes_of([template.pk]).get(template.pk, {}),
        "allowed_actions": allowed_actions(standing, by=by),
    }


def allowed_actions(standing: Standing, *, by: Caller) -> list[str]:
    """The verbs that this caller may use on it now."""
    template = standing.template
    slugs = [service.slug for service in template.services.all()]
    owns = queries.owns_a_service(by.user_id, slugs)
    found = []
    if any(judge.user_id == by.user_id for judge in standing.judges) and standing.approvable.outcome == policy.ALLOWED:
        found.append("approve")
    if policy.may_propose_template(owns_a_service=owns, is_admin=by.is_admin).outcome == policy.ALLOWED:
        found += ["change", "retire"] if template.state != Template.State.RETIRED else ["change"]
    return found
