"""Every write that brings Opsgenie and Decklog together: plan, apply, and the look for drift."""

from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import datetime
from typing import cast

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.callers import Caller
from oncall.models import Schedule
from oncall.providers.native import Native
from oncall.providers.protocol import Declined, Provider, Unanswered, perform
from oncall.sync import policy, queries
from oncall.sync.models import Agreed, Operation, Plan
from oncall.sync.policy import Comparison, Direction, Step
from oncall.sync.shapes import Form, State, fingerprint, is_same, people_in, pieces_of
from oncall.sync.states import OPERATION_MOVES, PLAN_MOVES
from workflow.amendments import amend
from workflow.decisions import require
from workflow.errors import Conflict
from workflow.ledger import SYSTEM, Happening, record
from workflow.transitions import move

# --- Plan ------------------------------------------------------------------------------------------------------------


def make_plan(direction: Direction, *, remote: Callable[[], Provider], by: Caller | None) -> Plan:
    """Find out what would be done and keep it; nothing else is changed. `by` is None for the command line.

    `remote` connects, after it is known who may.

    Raises Forbidden("may_plan"), Unanswered, Declined.
    """
    if by is not None:
        require(policy.may_plan(is_admin=by.is_admin, leads=queries.led_by(by.user_id)))
    native, other = Native(), remote()
    local, there = native.schedules(), other.schedules()
    here_people, there_people = native.people(), other.people()
    found = policy.compare(local, there, queries.base(), direction=direction, truths=queries.truths())
    _set_aside(found, local, here_people, there_people)
    needed = {email for form in local.values() for email in people_in(form)} if direction != "import" else set()
    with transaction.atomic():
        plan = Plan.objects.create(
            direction=direction,
            remote_hash=fingerprint(there),
            conflicts=[[*key, because] for key, because in found.conflicts],
            unmatched=[asdict(one) for one in queries.unmatched(here_people, there_people, needed=needed)],
            hours_changed=_hours_changed(found, local, there),
            known_objects=len(pieces_of(local if direction == "import" else there)),
            made_by_id=by.user_id if by else None,
        )
        Operation.objects.bulk_create(_operations(plan, found.steps))
        _note(plan, "planned", by.actor if by else SYSTEM, {"direction": direction, "steps": len(found.steps)})
    return plan


def _operations(plan: Plan, steps: Iterable[Step]) -> list[Operation]:
    return [
        Operation(
            plan=plan,
            position=place,
            side=step.side,
            object=step.key[0],
            schedule=step.key[1],
            name=step.key[2],
            before=step.before,
            after=step.after,
        )
        for place, step in enumerate(steps)
    ]


def _set_aside(found: Comparison, local: State, here: dict[str, str], there: dict[str, str]) -> None:
    """Leave out what one of the sides cannot hold, and say why."""
    odd = dict(policy.misfits(local))
    kept = []
    for step in found.steps:
        people, is_strange = queries.needed_by(step)
        missing = sorted(people - set(here if step.side == "local" else there))
        where = "here" if step.side == "local" else "in Opsgenie"
        if is_strange:
            found.conflicts.append((step.key, "An escalation takes turns in it, which Decklog does not know."))
        elif missing:
            found.conflicts.append((step.key, f"Nobody has the e-mail {missing[0]} {where}. Invite them first."))
        elif step.side == "remote" and step.after is not None and step.key in odd:
            found.conflicts.append((step.key, odd[step.key]))
        else:
            kept.append(step)
    found.steps = kept


def _hours_changed(found: Comparison, local: State, remote: State) -> int:
    crews = {crew.name.lower(): crew.people for crew in Native().crews()}
    now, total = timezone.now(), 0
    for side, state in (("local", local), ("remote", remote)):
        steps = [step for step in found.steps if step.side == side]
        total += queries.hours_between(state, _after(state, steps), crews=crews, now=now)
    return total


def _after(state: State, steps: Iterable[Step]) -> State:
    """The schedules that these steps touch, as they are afterwards; new and removed ones are not among them."""
    touched: State = {}
    for step in steps:
        noun, schedule, name = step.key
        if schedule not in state:
            continue
        known = state[schedule]
        form = touched.setdefault(
            schedule, {**known, "rotations": {**known["rotations"]}, "overrides": {**known["overrides"]}}
        )
        if noun == "schedule":
            form.update(step.after or {"is_enabled": False})
        elif step.after is None:
            form[f"{noun}s"].pop(name, None)
        else:
            form[f"{noun}s"][name] = step.after
    return touched


# --- Apply -----------------------------------------------------------------------------------------------------------


@transaction.atomic
def ask_to_apply(plan: Plan, *, by: Caller | None, confirmation: str = "") -> None:
    """Let a plan be applied by `run_plan`, or go on. What is planned is not judged anew; asking twice is harmless.

    Raises Forbidden("may_apply"), Conflict("may_remove"), Conflict("transition_illegal") for one that ended.
    """
    if by is not None:
        touched = queries.touched_teams(plan)
        require(policy.may_apply(is_admin=by.is_admin, leads=queries.led_by(by.user_id), touched=touched))
    steps = [Step(cast("policy.Side", one.side), *_forms(one)) for one in plan.operations.all()]
    require(policy.may_remove(steps, known=plan.known_objects, confirmation=confirmation), Conflict, field="confirm")
    if plan.state == Plan.State.APPLYING:
        return
    move(plan, Plan.State.APPLYING, moves=PLAN_MOVES, beat_at=None, because="")
    _note(plan, "applying", by.actor if by else SYSTEM, {})


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
            _end(plan, Plan.State.STALE, "Opsgenie was changed since this was planned. Plan again.")
        elif _do_all(plan, sides):
            _conclude(plan, sides)
    except Unanswered as lost:
        _end(plan, Plan.State.INTERRUPTED, f"{lost.message} It goes on by itself.")
    except Declined as refusal:
        _end(plan, Plan.State.FAILED, refusal.message)
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
    if any(one.side == "local" and one.object == "schedule" for one in plan.operations.all()):
        for crew in sides["remote"].crews():
            Native().put_team(crew)
    for row in plan.operations.exclude(state=Operation.State.DONE).order_by("position"):
        try:
            because = _do(row, sides[row.side])
        except Declined as refusal:
            because = refusal.message
        if because:
            move(row, Operation.State.FAILED, moves=OPERATION_MOVES, because=because)
            _end(plan, Plan.State.FAILED, f"{row}: {because}")
            return False
        move(row, Operation.State.DONE, moves=OPERATION_MOVES, because="")
        amend(plan, beat_at=timezone.now())
    return True


def _do(row: Operation, provider: Provider) -> str:
    """Do one operation, unless it is done; why it is not, or nothing. Whoever died in the middle is taken over here."""
    key, before, after = _forms(row)
    form = provider.schedule(row.schedule)
    present = pieces_of({row.schedule: form}).get(key) if form else None
    if is_same(present, after):
        return ""
    if not is_same(present, before):
        return "It was changed since this was planned."
    perform(provider, key, after)
    return ""


def _conclude(plan: Plan, sides: dict[str, Provider]) -> None:
    """Compare what both sides say about the next 13 weeks, and keep what is the same now."""
    remote, native = sides["remote"], sides["local"]
    open_names = {conflict[1] for conflict in plan.conflicts}
    here, there = native.schedules(), remote.schedules()
    names = sorted({one.schedule for one in plan.operations.all()} & set(here) & set(there))
    start = queries.half_hour(timezone.now())
    for name in names:
        because = "" if name in open_names else queries.first_difference(remote, native, name, start=start)
        if because:
            _end(plan, Plan.State.FAILED, because)
            return
    keep_agreed(here, there, now=timezone.now())
    _end(plan, Plan.State.APPLIED, "")


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


def _end(plan: Plan, state: str, because: str) -> None:
    now = timezone.now()
    with transaction.atomic():
        move(plan, state, moves=PLAN_MOVES, because=because, finished_at=now, beat_at=now)
        _note(plan, state, SYSTEM, {"because": because})


def mind_plans(*, remote: Provider) -> None:
    """Go on with what was interrupted or orphaned."""
    for plan in queries.due(timezone.now()):
        if plan.state == Plan.State.INTERRUPTED:
            move(plan, Plan.State.APPLYING, moves=PLAN_MOVES, beat_at=None)
        run_plan(plan, remote=remote)


# --- Drift -----------------------------------------------------------------------------------------------------------


def look_for_drift(*, remote: Provider) -> list[tuple[str, str, str]]:
    """What somebody changed in Opsgenie although it is kept here; it is remembered, and told when it is new."""
    local, there, base = Native().schedules(), remote.schedules(), queries.base()
    found = policy.drift(local, there, base, truths=queries.truths())
    now = timezone.now()
    for row in Agreed.objects.filter(schedule__in=local):
        mine = [list(key) for key in found if key[1] == row.schedule]
        with transaction.atomic():
            is_new = bool(mine) and "drift" in amend(row, drift=mine, looked_at=now)
            if is_new:
                happening = Happening("drifted", SYSTEM, now, {"objects": mine}, "opsgenie_drift")
                record(Schedule.objects.get(name=row.schedule).ref, happening, at=now)
            elif not mine:
                amend(row, drift=[], looked_at=now)
    return found


def _note(plan: Plan, verb: str, actor: str, facts: dict[str, object]) -> None:
    now = timezone.now()
    record(plan.ref, Happening(verb, actor, now, facts, "opsgenie_plan"), at=now)
