"""What a plan does: the three-way comparison, its order and its guards. Pure: no database, no clock, no network."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from oncall.models import Schedule
from oncall.sync.shapes import Form, Key, State, is_same, pieces_of
from workflow.decisions import Decision

Direction = Literal["import", "push", "both", "adopt"]
"""`adopt` takes over what was changed in Opsgenie although it is kept here; `push` restores it there."""
Side = Literal["local", "remote"]
BOTH_CHANGED = "It was changed on both sides since they were last the same. Make one of them like the other."
ORDER = ("user", "team", "schedule", "rotation", "override")


@dataclass(frozen=True, slots=True)
class Step:
    """One change of one side: what is there `before`, what is to be there `after`; None is nothing."""

    side: Side
    key: Key
    before: Form | None
    after: Form | None

    @property
    def kind(self) -> str:
        """In the API's words."""
        return "add" if self.before is None else "remove" if self.after is None else "change"


@dataclass
class Comparison:
    """What would be done, and what a person has to decide, with the reason."""

    steps: list[Step] = field(default_factory=list)
    conflicts: list[tuple[Key, str]] = field(default_factory=list)


def compare(local: State, remote: State, base: State, *, direction: Direction, truths: Mapping[str, str]) -> Comparison:
    """Bring both sides together; `base` is what was last the same on both, `truths` by schedule's name.

    A schedule that only Opsgenie has is adopted by an import and otherwise left alone.
    """
    found = Comparison()
    here, there, before = pieces_of(local), pieces_of(remote), pieces_of(base)
    for key in sorted({*here, *there, *before}):
        ours, theirs, common = here.get(key), there.get(key), before.get(key)
        side = side_of(key, direction=direction, truths=truths, is_here=ours is not None)
        if is_same(ours, theirs) or side is None or (direction == "adopt" and is_same(theirs, common)):
            continue
        because = _conflict(key, ours, theirs, common)
        if side == "both":
            side = "remote" if is_same(theirs, common) else "local"
            because = because or _both_changed(ours, theirs, common)
        elif direction == "adopt" and not is_same(ours, common):
            because = BOTH_CHANGED
        elif side == "remote" and ours is None and common is None:
            because = "Only Opsgenie has this. Import it, or take it away there."
        if because:
            found.conflicts.append((key, because))
        elif side == "remote":
            found.steps.append(Step("remote", key, theirs, ours))
        else:
            found.steps.append(Step("local", key, ours, theirs))
    found.steps = in_order(found.steps)
    return found


def side_of(
    key: Key, *, direction: Direction, truths: Mapping[str, str], is_here: bool
) -> Literal["local", "remote", "both"] | None:
    """Which side an object is changed on; None is neither."""
    truth = truths.get(key[1])
    if direction == "adopt":
        return "local" if truth not in {None, Schedule.Truth.REMOTE.value} else None
    if truth is None:
        return "local" if direction == "import" else None
    if truth == Schedule.Truth.REMOTE:
        return "local" if direction != "push" else None
    if truth == Schedule.Truth.OVERRIDES_BOTH and key[0] == "override":
        return "both"
    return "remote" if direction != "import" else None


def _conflict(key: Key, ours: Form | None, theirs: Form | None, common: Form | None) -> str:
    """Why an object that changed on both sides is left to a person; empty for none."""
    if common is None or ours is None or theirs is None or key[0] == "override":
        return ""
    return _both_changed(ours, theirs, common)


def _both_changed(ours: Form | None, theirs: Form | None, common: Form | None) -> str:
    if common is None and (ours is None or theirs is None):
        return ""
    if is_same(ours, common) or is_same(theirs, common):
        return ""
    return BOTH_CHANGED


def in_order(steps: Iterable[Step]) -> list[Step]:
    """Schedules before their rotations before overrides; what is taken away comes last, in reverse."""

    def place(step: Step) -> tuple[bool, int, Key]:
        level = ORDER.index(step.key[0])
        is_end = step.after is None
        return is_end, -level if is_end else level, step.key

    return sorted(steps, key=place)


def drift(local: State, remote: State, base: State, *, truths: Mapping[str, str]) -> list[Key]:
    """What somebody changed in Opsgenie although it is kept here, since both were last the same."""
    here, there, before = pieces_of(local), pieces_of(remote), pieces_of(base)
    kept = [key for key in {*there, *before} if truths.get(key[1]) not in {None, Schedule.Truth.REMOTE.value}]
    return sorted(
        key
        for key in kept
        if not is_same(there.get(key), before.get(key)) and not is_same(there.get(key), here.get(key))
    )


def may_remove(steps: Sequence[Step], *, known: int, confirmation: str) -> Decision:
    """A plan takes away one object, or a tenth of them, by itself; more only when somebody types how many."""
    count = sum(step.after is None for step in steps)
    words = f"remove {count}"
    if count <= max(1, known // 10) or confirmation.strip().lower() == words:
        return Decision("may_remove", "allowed", "Few enough, or confirmed.")
    because = f"This plan takes away {count} of {known} objects. To do it all the same, confirm with “{words}”."
    return Decision("may_remove", "refused", because)


def was_planned(*, remote_hash: str) -> Decision:
    """Only what was worked out is applied."""
    if remote_hash:
        return Decision("was_planned", "allowed", "It is known what would be done.")
    return Decision("was_planned", "refused", "It is not known yet what this plan would do.")


def cannot_hold(step: Step, *, missing: Collection[str], is_strange: bool, odd: Mapping[Key, str]) -> str:
    """Why the side of a step cannot hold what it says; empty when it can."""
    where = "here" if step.side == "local" else "in Opsgenie"
    if is_strange:
        return "An escalation takes turns in it, which Decklog does not know."
    if missing:
        return f"Nobody has the e-mail {min(missing)} {where}. Invite them first."
    return odd.get(step.key, "") if step.side == "remote" and step.after is not None else ""


def rests_on(step: Step, lost: Collection[Key]) -> str:
    """Why a step cannot be done without what was left out, `lost`, on its side; empty when it can."""
    noun, schedule, _ = step.key
    if noun != "schedule" and ("schedule", schedule, "") in lost:
        return "Its schedule is left to you."
    named = (step.after or {}).get("rotations", []) if noun == "override" else []
    missing = [name for name in named if ("rotation", schedule, name) in lost]
    return f"Its rotation {missing[0]} is left to you." if missing else ""


def not_the_same(differences: Sequence[str], one_sided: Sequence[str]) -> str:
    """What a plan that was applied says about schedules with something that is left to people; empty for none."""
    lines = [f"Not the same yet, because something in it is left to you. {one}" for one in differences]
    lines += [f"{name} is not on both sides yet, because something in it is left to you." for name in one_sided]
    return " ".join(lines)


def misfits(state: State) -> list[tuple[Key, str]]:
    """What Opsgenie cannot hold: minutes other than 0 and 30."""
    found = []
    for key, form in pieces_of(state).items():
        edges = [form.get("start"), form.get("end")]
        if any(edge and edge[14:] not in {"00:00Z", "30:00Z"} for edge in edges):
            found.append((key, "Opsgenie knows only full and half hours. Move its start or end to one."))
    return found


def may_plan(*, is_admin: bool, leads: Collection[str]) -> Decision:
    """Administrators and leads of teams see what keeping in step with Opsgenie would do."""
    if is_admin or leads:
        return Decision("may_plan", "allowed", "Leads a team, or administers.")
    return Decision("may_plan", "refused", "Only leads of teams, and administrators, can plan this.")


def may_apply(*, is_admin: bool, leads: Collection[str], touched: Collection[str]) -> Decision:
    """Administrators apply any plan; a lead one that touches only schedules of teams that they lead."""
    others = sorted(set(touched) - set(leads))
    if is_admin or (leads and not others):
        return Decision("may_apply", "allowed", "Leads every team whose schedule is touched, or administers.")
    because = "Only an administrator, or somebody who leads every team whose schedule is touched, can apply this."
    return Decision("may_apply", "refused", because)


def agreed(local: Form | None, remote: Form | None, base: Form | None) -> Form | None:
    """How a schedule is as far as both sides are the same; what differs stays as it was last agreed, or is left out."""
    if local is None or remote is None:
        return None
    here, there = pieces_of({"": local}), pieces_of({"": remote})
    before = pieces_of({"": base}) if base else {}
    head = here if is_same(here["schedule", "", ""], there["schedule", "", ""]) else before
    if ("schedule", "", "") not in head:
        return None
    found: Form = {"name": local["name"], **head["schedule", "", ""], "rotations": {}, "overrides": {}}
    for key in {*here, *there, *before} - {("schedule", "", "")}:
        form = here.get(key) if is_same(here.get(key), there.get(key)) else before.get(key)
        if form is not None:
            found[f"{key[0]}s"][key[2]] = form
    return found
