"""Filed changes in the words of the API. Shape only."""

from typing import Any

from accounts.callers import Caller
from changes.models import Approval, Change, Review
from changes.serializers import change_json
from changes.tickets import allowed, policy, scheduling
from changes.tickets.queries import Standing


def with_ticket(change: Change, *, by: Caller) -> dict[str, Any]:
    """A change in full, whoever brought it, with what `by` may do; all that it names must be loaded."""
    standing = Standing(change, change.ticket, reader=by.user_id) if hasattr(change, "ticket") else None
    review: Review | None = getattr(change, "review", None)
    shown = change_json(change) | {
        "review": {
            "reviewer": review.reviewer.email,
            "answers": review.answers,
            "note": review.note,
            "at": review.at,
        }
        if review
        else None,
    }
    return shown | (_ticket(standing, by) if standing else _deploy(change, by))


def _deploy(change: Change, by: Caller) -> dict[str, Any]:
    may_review = allowed.may_review_deploy(change, by=by).outcome == policy.ALLOWED
    return {
        "services": [change.service.slug],
        "risk": None,
        "approvals": [],
        "required_approvals": 0,
        "eligible_approvers": [],
        "collisions": [],
        "allowed_actions": ["review"] if may_review else [],
    }


def _ticket(standing: Standing, by: Caller) -> dict[str, Any]:
    ticket, circle = standing.ticket, standing.circle
    demand = policy.demanded_approvals(circle.level, circle.teams)
    decision = allowed.present_decision(standing)
    is_reviewed = ticket.template_id is None and not ticket.is_break_glass
    return {
        **standing.said,
        "template": ticket.template.slug if ticket.template else None,
        "incident": ticket.incident or None,
        "is_break_glass": ticket.is_break_glass,
        "risk": risk_json(standing),
        "digest": ticket.digest,
        "edition": standing.edition,
        "submitted_at": ticket.submitted_at,
        "approved_at": ticket.approved_at,
        "approvals": [_approval(one) for one in standing.approvals],
        "required_approvals": demand.number if is_reviewed else 0,
        "required_leads": sorted(demand.lead_of) if is_reviewed else [],
        "required_teams": sorted(demand.peer_of) if is_reviewed else [],
        "eligible_approvers": [judge.email for judge in policy.judges(circle)],
        "decision": {"rule": decision.rule, "outcome": decision.outcome, "because": decision.because},
        **_schedule(standing),
        "allowed_actions": allowed.allowed_actions(standing, by=by),
    }


def _schedule(standing: Standing) -> dict[str, Any]:
    met, slot = scheduling.collisions_and_slot(standing)
    return {
        "collisions": [
            {
                "ref": one.ref,
                "title": one.title,
                "window_start": one.start,
                "window_end": one.end,
                "reason": one.reason,
                "detail": one.words,
                "blocks": one.blocks,
            }
            for one in met
        ],
        "next_free_slot": {"start": slot[0], "end": slot[1]} if slot else None,
    }


def risk_json(standing: Standing) -> dict[str, Any]:
    """The level with everything that adds to it."""
    found = standing.risk
    return {
        "level": standing.change.risk,
        "points": found.points,
        "contributions": [{"code": one.code, "words": one.words, "points": one.points} for one in found.contributions],
    }


def _approval(one: Approval) -> dict[str, Any]:
    return {
        "by": one.approver.email,
        "answer": one.answer,
        "roles": one.roles,
        "digest": one.digest,
        "note": one.note,
        "at": one.at,
        "voided_at": one.voided_at,
    }
