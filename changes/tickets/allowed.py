"""What somebody may do with a change now, by the same rules as the actions: for buttons, and for the API."""

from accounts.callers import Caller
from changes.models import Change
from changes.states import State
from changes.tickets import policy, queries, start_policy
from changes.tickets.queries import Standing
from changes.tickets.states import VERBS
from workflow.decisions import Decision


def decision_on(verb: str, standing: Standing, *, by: Caller) -> Decision:
    """Whether `by` may do this now, and by which rule; `refused` or `allowed`.

    What depends on the moment of the deed (freezes, holds, collisions, missing parts) is said when it is tried.
    """
    if standing.change.state not in VERBS[verb]:
        because = f"It is {standing.change.get_state_display().lower()}."
        return Decision("transition_illegal", policy.REFUSED, because)
    if verb in {"approve", "reject"}:
        return _first_refusal([policy.four_eyes(by.user_id, standing.circle), _role(standing, by), _once(standing, by)])
    parts = standing.parts_of(by.user_id)
    if verb == "review":
        return _first_refusal([policy.four_eyes(by.user_id, standing.circle), policy.reviewer_role(parts)])
    if verb == "close" and standing.change.review_due_at:
        return Decision("review_required", policy.REFUSED, "Somebody else must review it first.")
    if verb == "start":
        approved_by = [one.approver_id for one in standing.standing_approvals]
        another = start_policy.another_carries_it_out(by.user_id, approved_by=approved_by)
        return _first_refusal([policy.may_carry_out(parts), another])
    return policy.may_carry_out(parts) if verb in {"finish", "close"} else policy.may_edit_change(parts)


def _role(standing: Standing, by: Caller) -> Decision:
    return policy.approver_role(by.user_id, standing.circle)


def _once(standing: Standing, by: Caller) -> Decision:
    if any(one.approver_id == by.user_id for one in standing.standing_approvals):
        return Decision("already_approved", policy.REFUSED, "You approved it already.")
    return Decision("already_approved", policy.ALLOWED, "Not yet.")


def _first_refusal(decisions: list[Decision]) -> Decision:
    return next((one for one in decisions if one.outcome == policy.REFUSED), decisions[-1])


def allowed_actions(standing: Standing, *, by: Caller) -> list[str]:
    """The verbs that `by` may use now, in the order of the way; `edit` stands for PATCH."""
    verbs = [verb for verb in VERBS if decision_on(verb, standing, by=by).outcome == policy.ALLOWED]
    change = standing.change
    fields = policy.editable(["public_note"], state=change.state, authorization=change.authorization)
    may_edit = policy.may_edit_change(standing.parts_of(by.user_id))
    if policy.REFUSED not in {fields.outcome, may_edit.outcome}:
        verbs.insert(0, "edit")
    return verbs


def may_review_deploy(change: Change, *, by: Caller) -> Decision:
    """Whether `by` may look back at what a pipeline deployed."""
    if change.state != State.FINISHED and change.review_due_at is None:
        return Decision("transition_illegal", policy.REFUSED, "There is nothing to review.")
    circle, led_by = queries.circle_of_deploy(change, reader=by.user_id)
    role = policy.reviewer_role(queries.parts_in(circle, by.user_id, led_by=led_by))
    return _first_refusal([policy.four_eyes(by.user_id, circle), role])


def present_decision(standing: Standing) -> Decision:
    """Where the question of approval stands, in words: who must still say what, or why nobody needs to."""
    change = standing.change
    if change.state == State.DRAFT:
        return policy.quorum_satisfiable(standing.circle)
    if change.state == State.SUBMITTED:
        return policy.approvals_suffice(standing.circle, [one.approver_id for one in standing.standing_approvals])
    names = sorted({str(one.approver) for one in standing.standing_approvals})
    because = f"Approved by {' and '.join(names)}." if names else f"{change.get_state_display()}."
    return Decision("approvals_suffice", change.state, because)
