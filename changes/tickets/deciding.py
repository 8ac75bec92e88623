"""Approving, rejecting, sending back and withdrawing a filed change."""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.callers import Caller
from accounts.contacts.actions import call_off, tell_all
from changes.models import Approval
from changes.states import MOVES, State
from changes.tickets import messages, policy, queries
from changes.tickets.filing import require_reach_of
from changes.tickets.queries import Standing
from changes.tickets.states import VERBS
from workflow.amendments import amend
from workflow.decisions import require
from workflow.errors import Conflict, Unprocessable
from workflow.ledger import Happening, record
from workflow.lines import brief
from workflow.transitions import move


@transaction.atomic
def approve_change(ref: str, *, by: Caller, seen: str = "", note: str = "") -> Standing:
    """Approve what the change says now; with enough approvals it is approved.

    `seen` is the digest of what the approver read, if they say it. Raises Conflict("transition_illegal"),
    Conflict("stale_approval"), Conflict("already_approved"), and the refusals of `four_eyes` and `approver_role`.
    """
    standing, now = _to_judge(ref, "approve", by=by)
    stale = policy.approved_as_seen(seen=seen, present=standing.ticket.digest)
    require(stale, Conflict)
    require_window(standing, now=now)
    approval = _answer(standing, Approval.Answer.APPROVED, by=by, note=note, now=now)
    approved_by = [one.approver_id for one in standing.standing_approvals] + [by.user_id]
    decision = policy.approvals_suffice(standing.circle, approved_by)
    data: dict[str, object] = {"digest": approval.digest, "note": note, "because": decision.because}
    record(standing.ref, Happening("approved", by.actor, now, data, decision.rule), at=now)
    if decision.outcome == State.APPROVED:
        move(standing.change, State.APPROVED, moves=MOVES, updated_at=now)
        amend(standing.ticket, approved_at=now)
        call_off(messages.approval_topic(standing.ref))
        tell_makers(standing, "Approved: you may begin when the window opens.", key="approved", but=by.user_id, now=now)
    return queries.standing_of(ref)


@transaction.atomic
def reject_change(ref: str, *, by: Caller, reason: str) -> Standing:
    """Refuse a change, with a reason that its requester can act on. Raises what `approve_change` raises."""
    standing, now = _to_judge(ref, "reject", by=by)
    if not reason.strip():
        raise Unprocessable("reason_required", "Say why, so that it can be mended.", field="reason")
    _answer(standing, Approval.Answer.REJECTED, by=by, note=reason, now=now)
    move(standing.change, State.REJECTED, moves=MOVES, updated_at=now)
    data: dict[str, object] = {"digest": standing.ticket.digest, "reason": reason}
    record(standing.ref, Happening("rejected", by.actor, now, data, "approver_role"), at=now)
    call_off(messages.approval_topic(standing.ref))
    tell_makers(standing, f"Rejected: {brief(reason)}", key=f"rejected:{now:%Y%m%d%H%M%S}", but=by.user_id, now=now)
    return queries.standing_of(ref)


@transaction.atomic
def revise_change(ref: str, *, by: Caller, reason: str = "") -> Standing:
    """Take a change back into a draft; what was answered counts no longer. Raises Forbidden("may_edit_change")."""
    standing, now = to_act(ref, "revise", by=by)
    require(policy.may_edit_change(standing.parts_of(by.user_id)))
    _void_all(standing, now=now)
    move(standing.change, State.DRAFT, moves=MOVES, updated_at=now)
    amend(standing.ticket, submitted_at=None, approved_at=None)
    record(standing.ref, Happening("revised", by.actor, now, {"reason": reason}), at=now)
    call_off(messages.approval_topic(standing.ref))
    return queries.standing_of(ref)


@transaction.atomic
def withdraw_change(ref: str, *, by: Caller, reason: str = "") -> Standing:
    """Give a change up before it begins. Raises Forbidden("may_edit_change"), Conflict("transition_illegal")."""
    standing, now = to_act(ref, "withdraw", by=by)
    require(policy.may_edit_change(standing.parts_of(by.user_id)))
    move(standing.change, State.WITHDRAWN, moves=MOVES, updated_at=now)
    record(standing.ref, Happening("withdrawn", by.actor, now, {"reason": reason}), at=now)
    call_off(messages.approval_topic(standing.ref))
    return queries.standing_of(ref)


def to_act(ref: str, verb: str, *, by: Caller) -> tuple[Standing, datetime]:
    """The change, locked, and now; raises Conflict("transition_illegal") and Forbidden("token_limits")."""
    standing = queries.standing_of(ref, lock=True)
    require_reach_of(standing, by)
    if standing.change.state not in VERBS[verb]:
        because = f"You cannot {verb} {standing.ref}: it is {standing.change.get_state_display().lower()}."
        raise Conflict("transition_illegal", because)
    return standing, timezone.now()


def require_window(standing: Standing, *, now: datetime) -> None:
    """Raise Conflict("window_missed") once the window is over; the change expires by itself shortly after."""
    missed = policy.window_missed(state=standing.change.state, end=standing.change.window_end, now=now)
    if missed.outcome == State.EXPIRED:
        raise Conflict(missed.rule, f"{missed.because} File it again with a new window.")


def _to_judge(ref: str, verb: str, *, by: Caller) -> tuple[Standing, datetime]:
    standing, now = to_act(ref, verb, by=by)
    require(policy.four_eyes(by.user_id, standing.circle))
    require(policy.approver_role(by.user_id, standing.circle))
    return standing, now


def _answer(standing: Standing, answer: str, *, by: Caller, note: str, now: datetime) -> Approval:
    if any(one.approver_id == by.user_id for one in standing.standing_approvals):
        raise Conflict("already_approved", "You approved this already. Somebody else must add the next approval.")
    roles = sorted({f"lead:{hand.team}" if hand.is_lead else f"member:{hand.team}" for hand in _own(standing, by)})
    assert standing.change.requester_id
    approval = Approval(
        ticket=standing.ticket,
        approver_id=by.user_id,
        requester_id=standing.change.requester_id,
        implementer_id=standing.ticket.implementer_id,
        answer=answer,
        actor=by.actor,
        roles=roles,
        digest=standing.ticket.digest,
        content=standing.content,
        note=note,
        at=now,
    )
    try:
        with transaction.atomic():
            approval.save(force_insert=True)
    except IntegrityError as taken:
        # The database holds four eyes and one answer each as well; whatever slipped past the rules ends here.
        raise Conflict("already_approved", "An answer of yours stands already. Reload the change.") from taken
    return approval


def _own(standing: Standing, by: Caller) -> list[policy.Hand]:
    return [hand for hand in standing.circle.hands if hand.user_id == by.user_id]


def _void_all(standing: Standing, *, now: datetime) -> None:
    standing.ticket.approvals.filter(voided_at__isnull=True).update(voided_at=now)


def tell_makers(standing: Standing, words: str, *, key: str, but: int, now: datetime) -> None:
    """Tell who filed the change and who carries it out, except the one with the id `but`."""
    people = {standing.change.requester, standing.ticket.implementer}
    told = sorted((one.pk, one.email) for one in people if one and one.pk != but)
    title, key = standing.change.title, f"{key}:{now:%H%M%S%f}"
    tell_all([messages.decided(standing.ref, title, to=to, key=key, words=words) for to in told], at=now)
