"""What collides with a plan, and when there is room for it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from catalog.models import Service
from changes.calendar import policy
from changes.calendar.policy import Booking, Landscape, Reason, Span, Touch
from changes.freezes.queries import freezes_over
from changes.models import REF_PREFIX, Ticket
from changes.states import State

BOOKED = (State.SUBMITTED, State.APPROVED, State.IN_PROGRESS)
"""The states in which a change takes its time up."""
MOST_TOLD = 50
"""How many collisions of one plan are told: whoever has more needs another time anyway."""
PLAN = 0
"""The number of a plan that is no change yet."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What somebody wants to do when; `change_id` is None for what is not filed yet."""

    change_id: int | None
    service_ids: tuple[int, ...]
    environment_id: int
    implementer_id: int | None
    start: datetime
    end: datetime

    @property
    def booking(self) -> Booking:
        """The same as the rules take it."""
        services = frozenset(self.service_ids)
        return Booking(
            self.change_id or PLAN, Span(self.start, self.end), services, self.environment_id, self.implementer_id
        )


class Collision(NamedTuple):
    """Another change that a plan collides with.

    `reason` is the gravest of same_service, dependency and same_implementer; `words` say all of them. When it `blocks`,
    one of the two must move.
    """

    ref: str
    title: str
    start: datetime
    end: datetime
    state: str
    reason: str
    words: str
    blocks: bool


# --- What the services are to each other -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The landscape with the names of its services and of the teams that own them, by the service's number."""

    landscape: Landscape
    slugs: dict[int, str]
    teams: dict[int, str]
    below: frozenset[tuple[int, int]]


def surroundings() -> Surroundings:
    """Every service: its name, whether it is tier 0, and what is within two dependencies. One statement."""
    rows = list(Service.objects.order_by().values_list("pk", "slug", "tier", "team__slug", "depends_on"))
    below = frozenset((pk, other) for pk, _, _, _, other in rows if other is not None)
    tier_0 = frozenset(pk for pk, _, tier, _, _ in rows if tier == Service.Tier.CRITICAL)
    landscape = Landscape(policy.within_hops(below), tier_0)
    return Surroundings(landscape, {row[0]: row[1] for row in rows}, {row[0]: row[3] for row in rows}, below)


# --- What is booked --------------------------------------------------------------------------------------------------


def booked(span: Span, *, now: datetime) -> QuerySet[Ticket]:
    """The tickets that take up time in `span`, by when they begin.

    What is under way lasts at least until shortly after now, whatever its window says; without a window it began when
    it was started.
    """
    begins = Coalesce("change__window_start", "change__started_at")
    rows = Ticket.objects.filter(change__state__in=BOOKED).annotate(begins=begins)
    is_planned = Q(change__window_start__lt=span.end, change__window_end__gt=span.start)
    is_running = Q(change__state=State.IN_PROGRESS, begins__lt=span.end)
    return rows.filter(is_planned | is_running if span.start < now + policy.STEP else is_planned).order_by(
        "begins", "pk"
    )


OF_CHANGE = ("window_start", "window_end", "started_at", "at", "state", "environment_id")
"""The columns of a change that say when and where it takes up time."""


OF_BOOKING = (
    "pk",
    "implementer_id",
    "implementer__name",
    "implementer__email",
    "services",
    *(f"change__{name}" for name in ("title", "service_id", *OF_CHANGE)),
)
"""What is asked about a ticket whose booking may meet another: one row for each of its services."""


def booking_of(said: Mapping[str, Any], services: set[int], *, now: datetime) -> Booking:
    """What a ticket takes up, from its columns and those of its change."""
    start = said["window_start"] or said["started_at"] or said["at"]
    end = said["window_end"] or start
    if said["state"] == State.IN_PROGRESS:
        start = min(start, said["started_at"] or start)
        end = max(end, now + policy.STEP)
    span = Span(start, end)
    return Booking(said["pk"], span, frozenset(services), said["environment_id"], said["implementer_id"])


# --- What collides with a plan ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Nearby:
    """What can have to do with a plan, as it was `now`: the bookings by their change, each with its columns."""

    around: Surroundings
    now: datetime
    bookings: Mapping[int, tuple[Booking, Mapping[str, Any]]]


def nearby(plan: Plan, *, until: datetime) -> Nearby:
    """Everything booked from the plan's start `until` then that can have to do with it. Two statements."""
    around, now = surroundings(), timezone.now()
    near = {*plan.service_ids, *(other for pk in plan.service_ids for other in around.landscape.near.get(pk, ()))}
    there = Q(change__environment=plan.environment_id)
    touches = there & (Q(services__in=near) | Q(change__service__in=near)) | Q(implementer=plan.implementer_id)
    found = booked(Span(plan.start, until), now=now).filter(touches).exclude(pk=plan.change_id or PLAN)
    # Of a change that is told of for its services, those that are near are enough: no other one can meet the plan.
    rows = found.order_by("pk").values(*OF_BOOKING)
    told = {row["pk"]: row for row in rows}
    services: dict[int, set[int]] = defaultdict(set)
    for row in rows:
        services[row["pk"]] |= {row["change__service_id"], row["services"] or row["change__service_id"]}
    bookings = {
        pk: (booking_of(row | {name: row[f"change__{name}"] for name in OF_CHANGE}, services[pk], now=now), row)
        for pk, row in told.items()
    }
    return Nearby(around, now, bookings)


def collisions_of(plan: Plan, known: Nearby | None = None) -> list[Collision]:
    """The changes that a plan collides with, by time, at most MOST_TOLD of them: of more, those that block come first.

    Two statements, whatever there is; none if it is `known` what is nearby.
    """
    there, mine = known or nearby(plan, until=plan.end), plan.booking
    met = [policy.collision(mine, other, there.around.landscape) for other, _ in there.bookings.values()]
    gravest = sorted((one for one in met if one), key=lambda one: not one.blocks)[:MOST_TOLD]
    found = [_told(there.bookings[one.other.id][1], one, there.around) for one in gravest]
    return sorted(found, key=lambda collision: (collision.start, collision.ref))


def _told(row: Mapping[str, Any], met: policy.Collision, around: Surroundings) -> Collision:
    span = met.other.span
    words = sentences(met.touches, around, implementer=row["implementer__name"] or row["implementer__email"])
    return Collision(
        ref=f"{REF_PREFIX}{row['pk']}",
        title=row["change__title"],
        start=span.start,
        end=span.end,
        state=row["change__state"],
        reason=met.touches[0].reason.value,
        words=words,
        blocks=met.blocks,
    )


def sentences(touches: Iterable[Touch], around: Surroundings, *, implementer: str) -> str:
    """Why two changes collide, such as “Both change checkout (tier 0). Bo Okafor carries out both.”."""
    found = [_sentence(touch, around, implementer=implementer) for touch in touches]
    return " ".join(dict.fromkeys(found))


def _sentence(touch: Touch, around: Surroundings, *, implementer: str) -> str:
    if touch.services is None:
        return f"{implementer} carries out both."
    one, other = (_named(pk, around) for pk in touch.services)
    if touch.reason == Reason.SAME_SERVICE:
        return f"Both change {one}."
    upper, lower = (one, other) if _depends(touch.services, around) else (other, one)
    return f"{upper} depends on {lower}."


def _depends(pair: tuple[int, int], around: Surroundings) -> bool:
    one, other = pair
    between = {lower for upper, lower in around.below if upper == one}
    return other in between or any((middle, other) in around.below for middle in between)


def _named(pk: int, around: Surroundings) -> str:
    tier = " (tier 0)" if pk in around.landscape.tier_0 else ""
    return around.slugs.get(pk, "a service") + tier


# --- Room ------------------------------------------------------------------------------------------------------------


def room_until(plan: Plan, *, now: datetime) -> datetime:
    """How far a free time for the plan is looked for."""
    return max(plan.start, now) + policy.AHEAD


def free_slot_for(
    plan: Plan, known: Nearby | None = None, *, teams: Mapping[int, int] | None = None
) -> tuple[datetime, datetime] | None:
    """The next time of the same length, from the plan's start on, that collides with nothing and meets no hard freeze.

    It begins at a quarter of an hour that is still to come, and within 14 days; None when there is none. `known` is
    what is nearby until `room_until`, and `teams` maps the services to their teams, where the caller knows them. The
    number of statements does not depend on what there is.
    """
    there = known or nearby(plan, until=room_until(plan, now=timezone.now()))
    within = Span(max(plan.start, there.now), room_until(plan, now=there.now))
    mine = plan.booking
    busy = [other.span for other, _ in there.bookings.values() if policy.touches(mine, other, there.around.landscape)]
    frozen = freezes_over(*within, service_ids=plan.service_ids, environment_id=plan.environment_id, teams=teams)
    busy += [Span(window.start, window.end) for window in frozen if window.forbids]
    return policy.next_free_slot(plan.end - plan.start, within=within, busy=busy)
