"""What the pages of paging show."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import Http404, QueryDict

from notifications.models import Message
from oncall.escalations import queries as escalation_queries
from oncall.models import EscalationPolicy, EscalationStep, Schedule
from oncall.paging import policy, queries
from oncall.paging.models import Page
from oncall.paging.states import State
from oncall.watching import watches
from workflow.errors import Malformed
from workflow.lists import Wanted, page_of
from workflow.paging import read_cursor

PAGE = 30


@dataclass(frozen=True, slots=True)
class PolicyLine:
    """A policy in the list; `first` is whom its first step would page now, in words."""

    row: EscalationPolicy
    first: str
    is_gap: bool


def list_of(query: QueryDict) -> dict[str, Any]:
    """The list of pages; raises Http404 for a cursor that is none."""
    try:
        wanted = Wanted({}, read_cursor(query.get("cursor", "")), PAGE)
    except Malformed as bad:
        raise Http404(bad.message) from bad
    page = page_of(queries.pages(), wanted, at="created_at")
    return {
        "rows": page.rows,
        "newer": f"/pages?cursor={page.newer}" if page.newer else "",
        "older": f"/pages?cursor={page.older}" if page.older else "",
    }


def dossier_of(row: Page) -> dict[str, Any]:
    """One page with its steps, the step that comes next, and what became of its messages."""
    plan = policy.plan_of(row.plan)
    return {
        "row": row,
        "steps": list(row.steps.all()),
        "next": plan.step(row.step) if row.state == State.PAGING else None,
        "sent": list(Message.objects.filter(topic=row.topic).order_by("pk")[:100]),
        "can_answer": row.state in {State.PAGING, State.EXHAUSTED},
    }


def policies_of(*, now: datetime) -> dict[str, Any]:
    """Every policy, and whom its first step would page now, in a few statements whatever their number."""
    rows = list(escalation_queries.in_full().order_by("slug"))
    firsts = [row.steps.all()[0] for row in rows if row.steps.all()]
    schedules = Schedule.objects.filter(pk__in=[step.schedule_id for step in firsts if step.schedule_id])
    on_call = {watch.schedule.pk: watch.on_call(now) for watch in watches(schedules, now, now)}
    lines = [_line(row, next(iter(row.steps.all()), None), on_call) for row in rows]
    return {"lines": lines, "gaps": [line for line in lines if line.is_gap and line.row.is_enabled]}


def _line(row: EscalationPolicy, first: EscalationStep | None, on_call: dict[int, Any]) -> PolicyLine:
    if first is None:
        return PolicyLine(row, "It has no steps", is_gap=True)
    if first.schedule:
        people = on_call.get(first.schedule.pk, []) if first.schedule.is_enabled else []
        names = ", ".join(person.name for person in people)
        return PolicyLine(row, names or f"Nobody has {first.schedule.name}", is_gap=not people)
    if first.user:
        return PolicyLine(row, first.user.name, is_gap=not first.user.is_active)
    return PolicyLine(row, f"Everybody of {first.team}", is_gap=False)
