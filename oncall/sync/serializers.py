"""Plans as the API reads and shows them."""

from typing import Any, Literal

from oncall.sync.models import Operation, Plan
from oncall.sync.policy import Direction
from workflow.shapes import Shape, Short, validated


class SaidPlan(Shape):
    """In which direction to plan."""

    direction: Literal["import", "push", "both"]


class SaidConfirmation(Shape):
    """What somebody types to take much away, as in “remove 4”."""

    confirm: Short = ""


def read_direction(body: Any) -> Direction:
    """import, push or both; raises InvalidFields."""
    return validated(SaidPlan, body).direction


def read_confirmation(body: Any) -> str:
    """What was typed, or nothing."""
    return validated(SaidConfirmation, body or {}).confirm


def plan_json(plan: Plan) -> dict[str, Any]:
    """A plan with its operations."""
    return {
        "id": str(plan.pk),
        "state": plan.state,
        "direction": plan.direction,
        "because": plan.because,
        "remote_hash": plan.remote_hash,
        "operations": [operation_json(one) for one in plan.operations.all()],
        "conflicts": [
            {"object": noun, "schedule": schedule, "name": name or schedule, "because": because}
            for noun, schedule, name, because in plan.conflicts
        ],
        "hours_changed": plan.hours_changed,
        "unmatched_people": plan.unmatched,
        "created_at": plan.created_at,
        "finished_at": plan.finished_at,
    }


def operation_json(row: Operation) -> dict[str, Any]:
    """One of its operations."""
    return {
        "kind": row.kind,
        "object": row.object,
        "schedule": row.schedule,
        "name": row.name or row.schedule,
        "side": row.side,
        "before": row.before,
        "after": row.after,
        "state": row.state,
        "because": row.because,
    }
