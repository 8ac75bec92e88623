"""Every write that finds out what keeping in step with Opsgenie would do; nothing else is changed."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.callers import Caller
from oncall.providers.native import Native
from oncall.providers.protocol import Declined, Provider, Unanswered
from oncall.sync import policy, queries
from oncall.sync.actions import end_plan, note_plan, run_plan
from oncall.sync.models import Operation, Plan
from oncall.sync.policy import Comparison, Direction, Step
from oncall.sync.shapes import Key, State, fingerprint, people_in, pieces_of
from oncall.sync.states import PLAN_MOVES
from workflow.amendments import amend
from workflow.decisions import require
from workflow.ledger import SYSTEM
from workflow.transitions import move


@dataclass(frozen=True, slots=True)
class Intent:
    """In which direction, and whether people who are only here may be made in Opsgenie, which invites them."""

    direction: Direction
    invites: bool = False


def make_plan(intent: Intent, *, remote: Callable[[], Provider], by: Caller | None) -> Plan:
    """Find out what would be done and keep it. `by` is None for the command line.

    `remote` connects, after it is known who may.

    Raises Forbidden("may_plan"), Unanswered, Declined.
    """
    _require_say(by)
    found = _find_out(intent, remote())
    with transaction.atomic():
        plan = _begin(intent, by=by)
        _keep(plan, found)
    return plan


@transaction.atomic
def ask_for_plan(intent: Intent, *, by: Caller) -> Plan:
    """Let a worker find out what would be done (`work_out`), because Opsgenie may take its time.

    Raises Forbidden("may_plan").
    """
    _require_say(by)
    return _begin(intent, by=by)


def work_out(plan: Plan, *, remote: Provider) -> None:
    """Do what `ask_for_plan` asked for; nothing while somebody else does. Fails when Opsgenie does not answer."""
    now = timezone.now()
    mine = Q(beat_at__isnull=True) | Q(beat_at__lt=now - queries.LOST)
    if not Plan.objects.filter(mine, pk=plan.pk, state=Plan.State.PLANNING).update(beat_at=now):
        return
    try:
        found = _find_out(Intent(plan.direction, plan.invites), remote)  # type: ignore[arg-type]  # it was one of them
    except (Unanswered, Declined) as refusal:
        end_plan(plan, Plan.State.FAILED, f"{refusal.message} Plan again.")
        return
    with transaction.atomic():
        _keep(plan, found)


def _require_say(by: Caller | None) -> None:
    if by is not None:
        require(policy.may_plan(is_admin=by.is_admin, leads=queries.led_by(by.user_id)))


def _begin(intent: Intent, *, by: Caller | None) -> Plan:
    plan = Plan.objects.create(
        state=Plan.State.PLANNING,
        direction=intent.direction,
        invites=intent.invites,
        made_by_id=by.user_id if by else None,
    )
    note_plan(plan, "asked", by.actor if by else SYSTEM, {"direction": intent.direction, "invites": intent.invites})
    return plan


@dataclass(frozen=True, slots=True)
class _Found:
    """What would be done, and what a reader of the plan wants to know."""

    comparison: Comparison
    remote_hash: str
    unmatched: list[queries.Unmatched]
    hours_changed: int
    known_objects: int


def _find_out(intent: Intent, remote: Provider) -> _Found:
    native = Native()
    local, there = native.schedules(), remote.schedules()
    here_people, there_people = native.people(), remote.people()
    found = policy.compare(local, there, queries.base(), direction=intent.direction, truths=queries.truths())
    _set_aside(found, local, here_people, there_people, invites=intent.invites)
    found.steps = policy.in_order([*_missing_teams(found.steps, intent, native, remote), *found.steps])
    is_import = intent.direction == "import"
    needed = set() if is_import else {email for form in local.values() for email in people_in(form)}
    return _Found(
        comparison=found,
        remote_hash=fingerprint(there),
        unmatched=queries.unmatched(here_people, there_people, needed=needed),
        hours_changed=_hours_changed(found, local, there),
        known_objects=len(pieces_of(local if is_import else there)),
    )


def _keep(plan: Plan, found: _Found) -> None:
    """Keep what was found out; the plan may be applied now."""
    comparison = found.comparison
    amend(
        plan,
        remote_hash=found.remote_hash,
        conflicts=[[*key, because] for key, because in comparison.conflicts],
        unmatched=[asdict(one) for one in found.unmatched],
        hours_changed=found.hours_changed,
        known_objects=found.known_objects,
    )
    Operation.objects.bulk_create(_operations(plan, comparison.steps))
    move(plan, Plan.State.PLANNED, moves=PLAN_MOVES, beat_at=None)
    note_plan(plan, "planned", SYSTEM, {"steps": len(comparison.steps), "conflicts": len(comparison.conflicts)})


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


def _set_aside(found: Comparison, local: State, here: dict[str, str], there: dict[str, str], *, invites: bool) -> None:
    """Leave out what a side cannot hold, and say why; or make the people there first, where that is wanted."""
    odd = dict(policy.misfits(local))
    kept, invited, lost = [], set[str](), set[Key]()
    for step in found.steps:
        people, is_strange = queries.needed_by(step)
        missing = people - set(here if step.side == "local" else there)
        if invites and step.side == "remote":
            invited |= missing & set(here)
            missing -= set(here)
        because = policy.cannot_hold(step, missing=missing, is_strange=is_strange, odd=odd)
        because = because or policy.rests_on(step, lost)
        if because:
            found.conflicts.append((step.key, because))
            lost |= {step.key} if step.before is None else set()
        else:
            kept.append(step)
    found.steps = [Step("remote", ("user", "", email), None, {"name": here[email]}) for email in sorted(invited)] + kept


def _missing_teams(steps: Iterable[Step], intent: Intent, native: Provider, remote: Provider) -> list[Step]:
    """The teams that a side needs and does not have, with those of their people whom it knows or is to know."""
    found: list[Step] = []
    steps = list(steps)
    if intent.direction == "import":
        known = {crew.name.lower() for crew in native.crews()}
        mine = set(native.people())
        missing = [crew for crew in remote.crews() if crew.name.lower() not in known]
        found += [_team_step("local", crew.name, crew.people & mine) for crew in missing]
    needed = queries.teams_needed([step for step in steps if step.side == "remote"])
    if needed:
        known = {crew.name.lower() for crew in remote.crews()}
        theirs = set(remote.people()) | {step.key[2] for step in steps if step.key[0] == "user"}
        missing = [crew for crew in native.crews() if crew.name.lower() in needed - known]
        found += [_team_step("remote", crew.name, crew.people & theirs) for crew in missing]
    return found


def _team_step(side: policy.Side, name: str, people: Iterable[str]) -> Step:
    return Step(side, ("team", "", name), None, {"people": sorted(people)})


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


# --- The periodic duty -----------------------------------------------------------------------------------------------


def mind_plans(*, remote: Provider) -> None:
    """Work out what was asked for, and go on with what was interrupted or orphaned."""
    for plan in queries.due(timezone.now()):
        if plan.state == Plan.State.PLANNING:
            work_out(plan, remote=remote)
            continue
        if plan.state == Plan.State.INTERRUPTED:
            move(plan, Plan.State.APPLYING, moves=PLAN_MOVES, beat_at=None)
        run_plan(plan, remote=remote)
