"""What the pages of the synchronisation show."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings

from oncall.providers import from_settings
from oncall.providers.protocol import Declined, Unanswered
from oncall.sync import queries
from oncall.sync.models import Agreed, Operation, Plan

NEWEST = 10
VERBS = {"add": "Add", "change": "Change", "remove": "Take away"}
LABELS = {
    "time_zone": "Time zone",
    "team": "Team",
    "is_enabled": "In force",
    "type": "Shifts",
    "length": "Length",
    "start": "Start",
    "end": "End",
    "turns": "Turns",
    "restrictions": "Only at",
    "person": "Person",
    "rotations": "Rotations",
}


@dataclass(frozen=True, slots=True)
class Overview:
    """Whether the key works, with the region; what is kept in step; the newest plans."""

    is_connected: bool
    because: str
    region: str
    kept: list[Agreed]
    plans: list[Plan]


def overview() -> Overview:
    """Ask Opsgenie whether the key works, and read the rest from here."""
    because = ""
    try:
        from_settings().check()
    except (Declined, Unanswered) as refusal:
        because = refusal.message
    return Overview(
        is_connected=not because,
        because=because,
        region=settings.OPSGENIE_REGION,
        kept=list(queries.standing()),
        plans=list(queries.plans()[:NEWEST]),
    )


@dataclass(frozen=True, slots=True)
class Line:
    """One operation with the fields that differ: (label, before, after)."""

    verb: str
    operation: Operation
    where: str
    fields: list[tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class PlanPage:
    """A plan to be read."""

    plan: Plan
    lines: list[Line]
    done: int
    may_go_on: bool
    conflicts: list[dict[str, str]]


def plan_page(plan: Plan) -> PlanPage:
    """A plan with its operations as somebody reads them."""
    rows = list(plan.operations.all())
    return PlanPage(
        plan=plan,
        lines=[_line(row) for row in rows],
        done=sum(row.state == Operation.State.DONE for row in rows),
        may_go_on=plan.state in {Plan.State.PLANNED, Plan.State.INTERRUPTED, Plan.State.FAILED},
        conflicts=[
            {"what": f"{noun} {schedule} {name}".strip(), "because": because}
            for noun, schedule, name, because in plan.conflicts
        ],
    )


def _line(row: Operation) -> Line:
    before, after = row.before or {}, row.after or {}
    fields = [
        (LABELS.get(name, name), _told(before.get(name)), _told(after.get(name)))
        for name in [*before, *(each for each in after if each not in before)]
        if before.get(name) != after.get(name)
    ]
    return Line(VERBS[row.kind], row, "here" if row.side == "local" else "in Opsgenie", fields)


def _told(value: Any) -> str:
    if value is None or value == []:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, list):
        return str(value)
    return ", ".join(_one(each) for each in value)


def _one(value: Any) -> str:
    if isinstance(value, dict):
        return f"{value.get('start_day', '')} {value['start']} to {value.get('end_day', '')} {value['end']}".strip()
    if isinstance(value, list):
        return "nobody" if value[0] == "none" else str(value[1])
    return str(value)
