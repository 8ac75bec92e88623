"""Plans as the API reads and shows them."""

from typing import Annotated, Any, Literal

from pydantic import Field

from oncall.sync.models import Operation, Plan
from oncall.sync.planning import Intent
from workflow.shapes import Shape, Short, validated


class SaidPlan(Shape):
    """In which direction to plan.

    `adopt` takes over what was changed in Opsgenie although it is kept here; `invites` lets a push make people there.
    """

    direction: Literal["import", "push", "both", "adopt"]
    invites: Annotated[bool, Field(strict=True)] = False


class SaidConfirmation(Shape):
    """What somebody types to take much away, as in “remove 4”."""

    confirm: Short = ""


def read_intent(body: Any) -> Intent:
    """In which direction, and whether people are invited; raises InvalidFields."""
    said = validated(SaidPlan, body)
    return Intent(said.direction, said.invites)


def read_confirmation(body: Any) -> str:
    """What was typed, or nothing."""
    return validated(SaidConfirmation, body or {}).confirm


def plan_json(plan: Plan) -> dict[str, Any]:
    """A plan with its operations."""
    return {
        "id": str(plan.pk),
        "state": plan.state,
        "direction": plan.direction,
        "invites": plan.invites,
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
