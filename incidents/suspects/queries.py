"""Reads that rank the changes before an incident."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Q

from catalog.models import Service
from changes.models import Change
from changes.states import State
from incidents.models import Incident, IncidentChange
from incidents.suspects import policy
from incidents.suspects.policy import Reason, Seen

MOST_LOOKED_AT = 500
"""How many of the newest changes around the beginning are ranked."""
SHOWN = 10
BEGUN = (State.IN_PROGRESS, State.FINISHED, State.CLOSED)
TOPS = (1, 3, 5)


@dataclass(frozen=True, slots=True)
class Suspect:
    """A change with its points and their reasons, its place (1 is the first) and what somebody said of it."""

    change: Change
    points: int
    reasons: list[Reason]
    place: int
    role: str


def beginning_of(incident: Incident) -> datetime:
    """When the harm began as far as is known: the impact, else when it was noticed, else when it was declared."""
    return incident.impact_started_at or incident.detected_at or incident.declared_at


def ranked(incident: Incident, *, most: int = SHOWN) -> list[Suspect]:
    """The suspects of an incident, the first one first: changes of its services and of what they depend on.

    A few statements whatever the number of changes: services, dependencies, what was said, and the newest changes.
    """
    hops = _hops(incident)
    began = beginning_of(incident)
    span = (began - policy.LOOK_BACK, began + policy.LOOK_AHEAD)
    rows = Change.objects.filter(service__in=list(hops), at__range=span, environment__is_production=True)
    rows = rows.filter(state__in=BEGUN).select_related("service", "environment", "pipeline", "requester")
    said = {link.change_id: link.role for link in incident.change_links.all()}
    found = [_judged(change, hops[change.service_id], began) for change in rows.order_by("-at", "-pk")[:MOST_LOOKED_AT]]
    found.sort(key=lambda one: (-one[1], -one[0].pk))
    return [
        Suspect(change, points, reasons, place, said.get(change.pk, ""))
        for place, (change, points, reasons) in enumerate(found[:most], start=1)
    ]


def _judged(change: Change, hops: int, began: datetime) -> tuple[Change, int, list[Reason]]:
    seen = Seen(
        hops=hops,
        state=change.state,
        outcome=change.outcome,
        verdict=change.verdict,
        risk=change.risk,
        authorization=change.authorization,
        customer_impacting=change.customer_impacting,
        started_at=change.started_at or change.at,
        finished_at=change.finished_at,
    )
    reasons = policy.reasons(seen, began=began)
    return change, policy.total(reasons), reasons


def _hops(incident: Incident) -> dict[int, int]:
    """The services that could have hurt the incident's, by the number of dependencies between them."""
    found = {service.pk: 0 for service in incident.services.all()}
    through = Service.depends_on.through.objects.filter(from_service__in=list(found))
    below: list[Any] = list(through.values_list("to_service", "to_service__depends_on"))
    found |= {first: 1 for first, _ in below if first not in found}
    found |= {second: 2 for _, second in below if second is not None and second not in found}
    return found


def place_of(incident: Incident, change: Change) -> int | None:
    """At which place a change is ranked now; None when it is no suspect."""
    suspects = ranked(incident, most=MOST_LOOKED_AT)
    return next((one.place for one in suspects if one.change.pk == change.pk), None)


# --- How good is it? -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Backtest:
    """Of how many confirmed causes the ranking had been kept, and how many of them stood among the first 1, 3 and 5."""

    confirmed: int
    among: dict[int, int]
    missed: int


def backtest(*, since: datetime) -> Backtest:
    """How often the confirmed cause had been on top at the moment when somebody confirmed it."""
    causes = IncidentChange.objects.filter(role=IncidentChange.Role.CAUSED, at__gte=since, incident__restricted=False)
    counts = {f"top_{top}": Count("pk", filter=Q(place__lte=top)) for top in TOPS}
    found = causes.aggregate(confirmed=Count("pk"), missed=Count("pk", filter=Q(place__isnull=True)), **counts)
    return Backtest(found["confirmed"], {top: found[f"top_{top}"] for top in TOPS}, found["missed"])


YEAR = timedelta(days=365)
