"""Every write that brings Opsgenie and Decklog together: a plan is applied, resumed, and ends compared."""

from datetime import datetime
from typing import cast

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.callers import Caller
from oncall.providers.native import Native
from oncall.providers.protocol import Declined, Provider, Unanswered, perform, present
from oncall.sync import policy, queries
from oncall.sync.models import Agreed, Operation, Plan
from oncall.sync.policy import Step
from oncall.sync.shapes import Form, State, fingerprint, is_same, pieces_of
from oncall.sync.states import OPERATION_MOVES, PLAN_MOVES
from workflow.amendments import amend
from workflow.decisions import require
from workflow.errors import Conflict
from workflow.ledger import SYSTEM, Happening, record
from workflow.transitions import move

# --- Apply -----------------------------------------------------------------------------------------------------------


@transaction.atomic
def ask_to_apply(plan: Plan, *, by: Caller | None, confirmation: str = "") -> None:
    """Let a plan be applied by `run_plan`, or go on. What is planned is not judged anew; asking twice is harmless.

    Raises Forbidden("may_apply"), Conflict("may_remove"), Conflict("was_planned") for one that could not be worked
    out, Conflict("transition_illegal") for one that ended.
    """
    require(policy.was_planned(remote_hash=plan.remote_hash), Conflict)
    if by is not None:
        touched = queries.touched_teams(plan)
        require(policy.may_apply(is_admin=by.is_admin, leads=queries.led_by(by.user_id), touched=touched))
    steps = [Step(cast("policy.Side", one.side), *_forms(one)) for one in plan.operations.all()]
    require(policy.may_remove(steps, known=plan.known_objects, confirmation=confirmation), Conflict, field="confirm")
    if plan.state == Plan.State.APPLYING:
        return
    move(plan, Plan.State.APPLYING, moves=PLAN_MOVES, beat_at=None, because="")
    note_plan(plan, "applying", by.actor if by else SYSTEM, {})


def _forms(row: Operation) -> tuple[tuple[str, str, str], Form | None, Form | None]:
    return (row.object, row.schedule, row.name), row.before, row.after


def run_plan(plan: Plan, *, remote: Provider) -> Plan:
    """Apply a plan that somebody asked for, or go on where it stopped; does nothing while somebody else is at it.

    Ends `applied`, `stale`, `failed` or, when Opsgenie does not answer, `interrupted`, to be resumed; says why.
    """
    now = timezone.now()
    mine = Q(beat_at__isnull=True) | Q(beat_at__lt=now - queries.LOST)
    if not Plan.objects.filter(mine, pk=plan.pk, state=Plan.State.APPLYING).update(beat_at=now):
        return plan
    plan.refresh_from_db()
    sides: dict[str, Provider] = {"local": Native(), "remote": remote}
    try:
        if not _is_fresh(plan, remote):
            end_plan(plan, Plan.State.STALE, "Opsgenie was changed since this was planned. Plan again.")
        elif _do_all(plan, sides):
            _conclude(plan, sides)
    except Unanswered as lost:
        end_plan(plan, Plan.State.INTERRUPTED, f"{lost.message} It goes on by itself.")
    except Declined as refusal:
        end_plan(plan, Plan.State.FAILED, refusal.message)
    return plan


def _is_fresh(plan: Plan, remote: Provider) -> bool:
    """Whether Opsgenie is as it was planned for; once begun, each operation asks about its own object instead."""
    if plan.operations.exclude(state=Operation.State.PENDING).exists():
        return True
    planned = {one.schedule for one in plan.operations.all() if one.side == "remote"}
    present = remote.schedules()
    return fingerprint(present) == plan.remote_hash or _was_begun(plan, present, planned)


def _was_begun(plan: Plan, present: State, planned: set[str]) -> bool:
    """Whether all that differs is the first operation, whose answer or journal got lost."""
    first = plan.operations.order_by("position").first()
    if first is None or first.side != "remote" or first.schedule not in planned:
        return False
    key, _, after = _forms(first)
    pieces = pieces_of(present)
    if not is_same(pieces.get(key), after):
        return False
    form = present.get(first.schedule)
    undone = {name: {**one} for name, one in present.items()}
    if first.object == "schedule" and first.before is None and form is not None:
        undone.pop(first.schedule)
    elif first.object == "schedule" and first.before is not None and form is not None:
        undone[first.schedule] |= first.before
    elif form is not None:
        rows = {**form[f"{first.object}s"]}
        rows.pop(first.name, None)
        undone[first.schedule][f"{first.object}s"] = (
            rows if first.before is None else {**rows, first.name: first.before}
        )
    return fingerprint(undone) == plan.remote_hash


def _do_all(plan: Plan, sides: dict[str, Provider]) -> bool:
    """Do what is not done; False when the plan ended."""
    for row in plan.operations.exclude(state=Operation.State.DONE).order_by("position"):
        try:
            because = _do(row, sides[row.side])
        except Declined as refusal:
            because = refusal.message
        if because:
            move(row, Operation.State.FAILED, moves=OPERATION_MOVES, because=because)
            end_plan(plan, Plan.State.FAILED, f"{row}: {because}")
            return False
        move(row, Operation.State.DONE, moves=OPERATION_MOVES, because="")
        amend(plan, beat_at=timezone.now())
    return True


def _do(row: Operation, provider: Provider) -> str:
    """Do one operation, unless it is done; why it is not, or nothing. Whoever died in the middle is taken over here."""
    key, before, after = _forms(row)
    known = present(provider, key)
    if is_same(known, after) or (known is not None and row.object in queries.ONLY_MADE):
        return ""
    if not is_same(known, before):
        return "It was changed since this was planned."
    perform(provider, key, after)
    return ""


def _conclude(plan: Plan, sides: dict[str, Provider]) -> None:
    """Compare what both sides say about the next 13 weeks, and keep what is the same now."""
    remote, native = sides["remote"], sides["local"]
    open_names = {conflict[1] for conflict in plan.conflicts}
    here, there = native.schedules(), remote.schedules()
    touched = {one.schedule for one in plan.operations.all()}
    start, left = queries.half_hour(timezone.now()), []
    for name in sorted((touched | open_names) & set(here) & set(there)):
        because = queries.first_difference(remote, native, name, start=start)
        if because and name not in open_names:
            end_plan(plan, Plan.State.FAILED, because)
            return
        left += [because] if because else []
    keep_agreed(here, there, now=timezone.now())
    end_plan(plan, Plan.State.APPLIED, policy.not_the_same(left, sorted(open_names - (set(here) & set(there)))))


@transaction.atomic
def keep_agreed(here: State, there: State, *, now: datetime) -> None:
    """Remember what is the same on both sides as the base of the next comparison."""
    known = {row.schedule: row for row in Agreed.objects.all()}
    for name in set(here) & set(there) & set(queries.truths()):
        row = known.get(name)
        form = policy.agreed(here[name], there[name], row.form if row else None)
        if form is not None and row is None:
            Agreed.objects.create(schedule=name, form=form, agreed_at=now)
        elif form is not None and row is not None:
            amend(row, form=form, agreed_at=now, drift=[])


def end_plan(plan: Plan, state: str, because: str) -> None:
    """Let a plan stand so from now on, and say why."""
    now = timezone.now()
    with transaction.atomic():
        move(plan, state, moves=PLAN_MOVES, because=because, finished_at=now, beat_at=now)
        note_plan(plan, state, SYSTEM, {"because": because})


def note_plan(plan: Plan, verb: str, actor: str, facts: dict[str, object]) -> None:
    """Put into the ledger what became of a plan."""
    now = timezone.now()
    record(plan.ref, Happening(verb, actor, now, facts, "opsgenie_plan"), at=now)
