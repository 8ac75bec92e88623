"""Carrying a filed change out, looking back at it, and what happens when nobody does."""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts.callers import Caller
from accounts.contacts.actions import call_off, tell_all
from changes import edit_policy
from changes.models import Change, Review
from changes.states import MOVES, Authorization, Outcome, State
from changes.tickets import messages, policy, queries, start_policy
from changes.tickets.broadcasts import tell_progress
from changes.tickets.deciding import require_window, tell_makers, to_act
from changes.tickets.filing import require_reach_of
from changes.tickets.queries import Standing
from changes.tickets.reviewing import require_reviewer
from changes.tickets.scheduling import require_nothing_forbids
from changes.tickets.states import WHEN_CORRECTED
from changes.tickets.templates import note_outcome, require_as_agreed
from workflow.amendments import amend
from workflow.decisions import Decision, require
from workflow.errors import Conflict, Unprocessable
from workflow.ledger import SYSTEM, Happening, record
from workflow.transitions import move

TELLABLE = frozenset(Outcome) - {Outcome.UNKNOWN}
"""The outcomes that a person may report."""


@transaction.atomic
def start_change(ref: str, *, by: Caller) -> Standing:
    """Begin an approved change.

    Before its window it may begin too, is flagged, and is reviewed afterwards. Raises Forbidden("may_carry_out"),
    Forbidden("four_eyes") for its approvers, Conflict("window_missed"), Conflict("freeze_active"),
    Conflict("hold_open"), Conflict("stale_approval") and Conflict("template_usable").
    """
    standing, now = to_act(ref, "start", by=by)
    change, ticket = standing.change, standing.ticket
    require(policy.may_carry_out(standing.parts_of(by.user_id)))
    require(policy.approved_as_seen(seen=ticket.digest, present=standing.digest), Conflict)
    _require_approvals(standing, by=by, now=now)
    warnings = require_nothing_forbids(standing, now=now)
    window = policy.started_in_window(start=change.window_start, end=change.window_end, now=now)
    flags = {*change.flags.split(), *warnings, *({window.outcome} - {policy.ALLOWED})}
    columns = {"started_at": now, "at": now, "flags": " ".join(sorted(flags)), "updated_at": now}
    move(change, State.IN_PROGRESS, moves=MOVES, **columns)
    data: dict[str, object] = {"because": window.because, "digest": ticket.digest, "warnings": sorted(warnings)}
    record(change.ref, Happening("started", by.actor, now, data, window.rule), at=now)
    tell_progress(standing, at=now)
    _had_a_hand(standing, by=by)
    return standing


def _had_a_hand(standing: Standing, *, by: Caller) -> None:
    """Whoever begins a change or says how it ended has a part in it, and so does not look back at it."""
    ticket = standing.ticket
    makers = {standing.change.requester_id, ticket.implementer_id, *ticket.written_by}
    if by.user_id not in makers:
        amend(ticket, written_by=sorted({*ticket.written_by, by.user_id}))


def _require_approvals(standing: Standing, *, by: Caller, now: datetime) -> None:
    """Nothing starts on approvals that do not bind to what it says; edits see to that already, and this checks it."""
    require_window(standing, now=now)
    template = standing.ticket.template
    if template and standing.change.authorization == Authorization.TEMPLATE:
        require_as_agreed(queries.template_named(template.slug) or template, standing.said, now=now)
        return
    approved_by = {one.approver_id for one in standing.standing_approvals}
    require(start_policy.another_carries_it_out(by.user_id, approved_by=approved_by))
    if approved_by:
        return
    raise Conflict("stale_approval", "What was approved is not what the change says now. Have it approved again.")


@transaction.atomic
def finish_change(ref: str, *, by: Caller, outcome: str, note: str = "") -> Standing:
    """Say how a change ended. It waits for a review where one is needed, else for being closed.

    Raises Forbidden("may_carry_out"), Unprocessable("outcome_required").
    """
    standing, now = to_act(ref, "finish", by=by)
    change = standing.change
    require(policy.may_carry_out(standing.parts_of(by.user_id)))
    if outcome not in TELLABLE:
        words = ", ".join(sorted(TELLABLE))
        raise Unprocessable("outcome_required", f"Say how it ended: {words}.", field="outcome")
    needed = _review_needed(change, outcome)
    due = None
    if needed.outcome == policy.NEEDED:
        # An emergency's 24 hours began with it; nothing that happens on the way gives it more.
        due = change.review_due_at or now + policy.REVIEW_WITHIN
    move(change, State.FINISHED, moves=MOVES, outcome=outcome, finished_at=now, review_due_at=due, updated_at=now)
    _had_a_hand(standing, by=by)
    data: dict[str, object] = {"outcome": outcome, "note": note, "because": needed.because}
    record(change.ref, Happening("finished", by.actor, now, data, needed.rule), at=now)
    tell_progress(standing, at=now)
    note_outcome(standing.ticket.template, change, now=now)
    if due:
        _ask_for_review(standing, due=due, now=now)
    return standing


@transaction.atomic
def finish_and_close(ref: str, *, by: Caller, outcome: str, note: str = "") -> Standing:
    """Say how a change ended, and close it unless somebody must review it. Raises what `finish_change` raises."""
    standing = finish_change(ref, by=by, outcome=outcome, note=note)
    return standing if standing.change.review_due_at else close_change(ref, by=by)


def _review_needed(change: Change, outcome: str) -> Decision:
    return policy.review_needed(
        policy.EndFacts(
            type=change.type,
            authorization=change.authorization,
            risk=change.risk,
            outcome=outcome,
            number=change.pk,
            flags=change.flags.split(),
        )
    )


def _ask_for_review(standing: Standing, *, due: datetime, now: datetime) -> None:
    people = [(hand.user_id, hand.email) for hand in reviewers(standing)]
    title = standing.change.title
    tell_all([messages.review_wanted(standing.ref, title, to=to, due=due, step=0) for to in people], at=now)


def reviewers(standing: Standing) -> list[policy.Hand]:
    """Members of the owning teams who may look back at it, each once."""
    circle = standing.circle
    known = {hand.user_id: hand for hand in circle.hands}
    return [hand for user_id, hand in known.items() if policy.four_eyes(user_id, circle).outcome == policy.ALLOWED]


@transaction.atomic
def review_change(ref: str, *, by: Caller, note: str = "", answers: Mapping[str, bool] | None = None) -> Change:
    """Look back at a finished change, whoever brought it, and close it.

    Raises Conflict("transition_illegal"), and the refusals of `four_eyes` and `reviewer_role`.
    """
    change, now = queries.finished_change(ref), timezone.now()
    judged = require_reviewer(change, by=by)
    unknown = sorted(set(answers or {}) - set(policy.REVIEW_QUESTIONS))
    if unknown:
        because = f"“{unknown[0][:40]}” is no question. They are {', '.join(policy.REVIEW_QUESTIONS)}."
        raise Unprocessable("unknown_question", because, field="answers")
    # After a correction it is looked at again; the ledger keeps each review, and the change shows the last one.
    Review.objects.update_or_create(
        change=change,
        defaults={
            "reviewer_id": by.user_id,
            "requester_id": judged.requester_id,
            "implementer_id": judged.implementer_id,
            "actor": by.actor,
            "answers": dict(answers or {}),
            "note": note,
            "at": now,
        },
    )
    data: dict[str, object] = {"note": note, "answers": dict(answers or {})}
    record(change.ref, Happening("reviewed", by.actor, now, data, "reviewer_role"), at=now)
    if change.state == State.FINISHED:
        move(change, State.CLOSED, moves=MOVES, review_due_at=None, updated_at=now)
    else:
        amend(change, review_due_at=None, updated_at=now)
    call_off(messages.review_topic(change.ref))
    return change


@transaction.atomic
def close_change(ref: str, *, by: Caller, note: str = "") -> Standing:
    """Close a finished change that owes no review; a closed one stays as it is.

    Raises Forbidden("may_carry_out"), Conflict("review_required").
    """
    standing = queries.standing_of(ref, lock=True)
    if standing.change.state == State.CLOSED:
        return standing
    standing, now = to_act(ref, "close", by=by)
    require(policy.may_carry_out(standing.parts_of(by.user_id)))
    _close(standing.change, by.actor, note=note, now=now)
    return standing


def _close(change: Change, actor: str, *, note: str, now: datetime) -> None:
    if change.review_due_at:
        raise Conflict("review_required", "Somebody else must review it first. That closes it as well.")
    move(change, State.CLOSED, moves=MOVES, updated_at=now)
    record(change.ref, Happening("closed", actor, now, {"note": note}), at=now)


@transaction.atomic
def correct_outcome(ref: str, *, by: Caller, outcome: str, reason: str) -> Standing:
    """Say that a finished or closed change ended otherwise than was said; both stay in the record.

    One that was closed is finished again until somebody else has reviewed it once more. Raises
    Forbidden("may_carry_out"), Conflict("outcome_correctable"), Conflict("outcome_as_said"),
    Unprocessable("outcome_required"), Unprocessable("reason_required").
    """
    standing, now = queries.standing_of(ref, lock=True), timezone.now()
    require_reach_of(standing, by)
    change = standing.change
    require(policy.may_carry_out(standing.parts_of(by.user_id)))
    correctable = edit_policy.outcome_correctable(state=change.state, finished_at=change.finished_at, now=now)
    require(correctable, Conflict)
    if outcome not in TELLABLE:
        raise Unprocessable("outcome_required", "Say how it ended instead.", field="outcome")
    if outcome == change.outcome:
        raise Conflict("outcome_as_said", "This is how it ended by what is said already.", field="outcome")
    if not reason.strip():
        raise Unprocessable("reason_required", "Say what was found out.", field="reason")
    before, needed, due = change.outcome, _review_after_correction(change, outcome), change.review_due_at
    if needed.outcome == policy.NEEDED and due is None:
        due = now + policy.REVIEW_WITHIN
        amend(standing.ticket, reminded=0)
        _ask_for_review(standing, due=due, now=now)
    columns = {"outcome": outcome, "review_due_at": due, "updated_at": now}
    if change.state == State.CLOSED:
        move(change, State.FINISHED, moves=WHEN_CORRECTED, **columns)
    else:
        amend(change, **columns)
    _had_a_hand(standing, by=by)
    data: dict[str, object] = {"outcome": outcome, "before": before, "reason": reason, "because": needed.because}
    record(change.ref, Happening("corrected", by.actor, now, data, needed.rule), at=now)
    tell_progress(standing, at=now)
    note_outcome(standing.ticket.template, change, now=now)
    return standing


def _review_after_correction(change: Change, outcome: str) -> Decision:
    again = edit_policy.correction_reviewed(state=change.state)
    return again if again.outcome == policy.NEEDED else _review_needed(change, outcome)


# --- What happens by itself ------------------------------------------------------------------------------------------


@transaction.atomic
def expire_change(change_id: int, *, now: datetime) -> None:
    """Let a change expire whose window passed before it began."""
    change = Change.objects.select_for_update().get(pk=change_id)
    decision = policy.window_missed(state=change.state, end=change.window_end, now=now)
    if decision.outcome != State.EXPIRED:
        return
    move(change, State.EXPIRED, moves=MOVES, updated_at=now)
    record(change.ref, Happening("expired", SYSTEM, now, {"because": decision.because}, decision.rule), at=now)
    call_off(messages.approval_topic(change.ref))
    standing = queries.standing_of(change.ref)
    words = "Expired: its window passed before it began. Revise nothing; file it again with a new window."
    tell_makers(standing, words, key="expired", but=0, now=now)


@transaction.atomic
def close_settled(change_id: int, *, now: datetime) -> None:
    """Close a finished change that nobody must review and nobody corrected for a day."""
    change = Change.objects.select_for_update().get(pk=change_id)
    is_settled = change.finished_at and change.finished_at + policy.SETTLED_AFTER <= now
    if change.state == State.FINISHED and change.review_due_at is None and is_settled:
        _close(change, SYSTEM, note="Nothing was corrected for a day.", now=now)


@transaction.atomic
def remind_of_review(change_id: int, *, now: datetime) -> None:
    """Remind who can review a change at 12 and 20 of its 24 hours; at the end page the leads, once."""
    change = Change.objects.select_for_update().get(pk=change_id)
    if change.review_due_at is None:
        return
    standing = queries.standing_of(change.ref)
    ticket = standing.ticket
    decision = policy.reminder_due(due_at=change.review_due_at, reminded=ticket.reminded, now=now)
    if decision.outcome == "quiet":
        return
    due, title = change.review_due_at, change.title
    people = reviewers(standing)
    if decision.outcome == "page":
        # Leads who made the change cannot review it, but they can see to it that somebody does.
        leads = sorted({(hand.user_id, hand.email) for hand in standing.circle.hands if hand.is_lead})
        tell_all([messages.review_overdue(change.ref, title, to=lead, due=due) for lead in leads], at=now)
    step = policy.reminders_passed(due_at=due, now=now)
    if decision.outcome == "remind":
        asked = [(hand.user_id, hand.email) for hand in people]
        tell_all([messages.review_wanted(change.ref, title, to=to, due=due, step=step) for to in asked], at=now)
    amend(ticket, reminded=step)
    data: dict[str, object] = {"because": decision.because, "how": decision.outcome}
    record(change.ref, Happening("reminded", SYSTEM, now, data, decision.rule), at=now)
