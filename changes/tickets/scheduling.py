"""Whether the time that was chosen for a change is free, and whether anything forbids it to begin."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.utils import timezone

from catalog.models import Service
from changes.calendar.queries import Collision, Nearby, Plan, collisions_of, free_slot_for, nearby, room_until
from changes.freezes.queries import FreezeWindow, freezes_over, open_holds
from changes.models import Hold
from changes.states import State
from changes.tickets.queries import Standing
from workflow.errors import Conflict

INSTANT = timedelta(microseconds=1)
STILL_MOVABLE = frozenset({State.DRAFT, State.SUBMITTED, State.APPROVED})


def plan_of(standing: Standing) -> Plan | None:
    """When the change is to happen, and to what; None while no window is chosen."""
    change = standing.change
    if not (change.window_start and change.window_end):
        return None
    return Plan(
        change_id=change.pk,
        service_ids=tuple(service.pk for service in standing.services),
        environment_id=change.environment_id,
        implementer_id=standing.ticket.implementer_id,
        start=change.window_start,
        end=change.window_end,
    )


def freezes_of(plan: Plan, services: Sequence[Service] = ()) -> list[FreezeWindow]:
    """The freezes that its window touches; `services` are those of the plan, where they are known."""
    return freezes_over(
        plan.start, plan.end, service_ids=plan.service_ids, environment_id=plan.environment_id, teams=teams_of(services)
    )


def teams_of(services: Sequence[Service]) -> dict[int, int]:
    """The teams of services, as ids."""
    return {service.pk: service.team_id for service in services}


def nearby_with_room(plan: Plan) -> Nearby:
    """What can have to do with the plan until its end, and for as long as a free time for it is looked for."""
    return nearby(plan, until=max(plan.end, room_until(plan, now=timezone.now())))


def collisions(standing: Standing) -> list[Collision]:
    """What the change collides with while it can still be moved."""
    plan = plan_of(standing) if standing.change.state in STILL_MOVABLE else None
    return collisions_of(plan) if plan else []


def collisions_and_slot(standing: Standing) -> tuple[list[Collision], tuple[datetime, datetime] | None]:
    """The same, and if there are any the next time of the same length that nothing else takes."""
    plan = plan_of(standing) if standing.change.state in STILL_MOVABLE else None
    if plan is None:
        return [], None
    known = nearby_with_room(plan)
    met = collisions_of(plan, known)
    return met, free_slot_for(plan, known, teams=teams_of(standing.services)) if met else None


def require_a_free_window(standing: Standing) -> None:
    """Raise Conflict("freeze_active") or Conflict("collision_tier_0") when the window cannot be had."""
    plan = plan_of(standing)
    if plan is None:
        return
    frozen = [freeze for freeze in freezes_of(plan, standing.services) if freeze.forbids]
    if frozen:
        because = f"The window touches the freeze “{frozen[0].name}”."
        raise Conflict("freeze_active", f"{because} {_offer(plan)}", field="window_start")
    blocking = [collision for collision in collisions_of(plan) if collision.blocks]
    if blocking:
        because = f"It collides with {blocking[0].ref}, {blocking[0].title}: {blocking[0].words}"
        raise Conflict("collision_tier_0", f"{because} {_offer(plan)}", field="window_start")


def _offer(plan: Plan) -> str:
    slot = free_slot_for(plan)
    if slot is None:
        return "Within 14 days there is no free time of this length."
    return f"The next free time is {slot[0]:%A %d %B, %H:%M} to {slot[1]:%H:%M} UTC."


def require_nothing_forbids(standing: Standing, *, now: datetime) -> list[str]:
    """Raise Conflict("hold_open") or Conflict("freeze_active"); else the warnings, as words such as `freeze_soft`."""
    holds, freezes = _in_force(standing, now=now)
    if holds:
        because = f"{holds[0].source} holds {holds[0].service.slug}: {holds[0].reason}"
        raise Conflict("hold_open", f"{because} Wait until it is resolved, or work on it as an emergent change.")
    frozen = [freeze for freeze in freezes if freeze.forbids]
    if frozen:
        because = f"The freeze “{frozen[0].name}” is in force until {frozen[0].end:%A %d %B, %H:%M} UTC."
        raise Conflict("freeze_active", f"{because} Wait, or ask for an override on its page.")
    words = {"freeze_overridden" if freeze.is_hard else "freeze_soft" for freeze in freezes}
    return sorted(words)


def broken_through(standing: Standing, *, now: datetime) -> list[str]:
    """What an emergency does not wait for and is flagged with: `hold_open`, `freeze_active`, `freeze_soft`."""
    holds, freezes = _in_force(standing, now=now)
    words = {"freeze_active" if freeze.forbids else "freeze_soft" for freeze in freezes}
    return sorted(words | ({"hold_open"} if holds else set()))


def _in_force(standing: Standing, *, now: datetime) -> tuple[list[Hold], list[FreezeWindow]]:
    ids = tuple(service.pk for service in standing.services)
    moment = Plan(None, ids, standing.change.environment_id, None, now, now + INSTANT)
    return open_holds(ids), freezes_of(moment, standing.services)
