"""What the reliability metrics are computed from; restricted incidents are in none of them."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from catalog.models import Service
from changes.models import Change
from changes.states import Origin, State
from incidents.availability import Hurt
from incidents.models import TIMES, Impact, Incident
from incidents.rca.models import RcaWhy
from incidents.rca.states import Claim
from incidents.reliability import metrics
from incidents.reliability.metrics import Availability, Duration, Rate, Told
from incidents.states import State as IncidentState

COUNTED = Q(restricted=False) & ~Q(state__in=[IncidentState.CANCELLED, IncidentState.MERGED])
ANNOUNCED = (State.APPROVED, State.IN_PROGRESS, State.FINISHED, State.CLOSED)


@dataclass(frozen=True, slots=True)
class Reliability:
    """The numbers of one period [start, end), for one service or for all."""

    incidents: int
    durations: list[Duration]
    repeats: Rate
    felt: dict[str, int]
    services: list[tuple[Service, Availability]]


def reliability_of(service: Service | None, *, start: datetime, end: datetime) -> Reliability:
    """The numbers, in seven statements whatever the number of incidents and services."""
    rows = Incident.objects.filter(COUNTED, declared_at__gte=start, declared_at__lt=end).order_by("declared_at", "pk")
    if service:
        rows = rows.filter(services=service)
    incidents = list(rows)
    causes = _causes([incident.pk for incident in incidents])
    told = [_told(incident, causes) for incident in incidents]
    found = {cause for one in told for cause in one.causes}
    return Reliability(
        incidents=len(told),
        durations=metrics.durations(told),
        repeats=metrics.repeat_rate(told, earlier=_earlier(found, before=start)),
        felt=metrics.felt_by_month(told),
        services=_availability(service, start=start, end=end),
    )


def _told(incident: Incident, causes: dict[int, set[int]]) -> Told:
    times = {name: getattr(incident, name) for name in TIMES}
    return Told(incident.pk, times, incident.customer_impacting, frozenset(causes.get(incident.pk, ())))


def _causes(incidents: list[int]) -> dict[int, set[int]]:
    """The root causes of incidents: whys that have a category and were not refuted."""
    found: dict[int, set[int]] = defaultdict(set)
    places = RcaWhy.objects.filter(rca__incident__in=incidents).exclude(why__state=Claim.REFUTED)
    for incident, why in places.exclude(why__category="").values_list("rca__incident", "why"):
        found[incident].add(why)
    return found


def _earlier(causes: set[int], *, before: datetime) -> frozenset[int]:
    places = RcaWhy.objects.filter(
        why__in=causes, rca__incident__declared_at__lt=before, rca__incident__restricted=False
    )
    return frozenset(places.values_list("why", flat=True))


def _availability(service: Service | None, *, start: datetime, end: datetime) -> list[tuple[Service, Availability]]:
    services = [service] if service else list(Service.objects.order_by("slug"))
    ids = [one.pk for one in services]
    hurts: dict[int, list[Hurt]] = defaultdict(list)
    reaching = Q(end__isnull=True) | Q(end__gt=start)
    counted = Incident.objects.filter(COUNTED)
    for impact in Impact.objects.filter(reaching, service__in=ids, start__lt=end, incident__in=counted):
        hurts[impact.service_id].append(Hurt(impact.start, impact.end or end, impact.level))
    spans = _maintained(ids, start=start, end=end)
    shown = [one for one in services if service or hurts[one.pk]]
    return [(one, metrics.availability(hurts[one.pk], spans[one.pk], start=start, end=end)) for one in shown]


def _maintained(ids: list[int], *, start: datetime, end: datetime) -> dict[int, list[tuple[datetime, datetime]]]:
    """Announced maintenance: approved changes in production with a window and a note that customers could read."""
    planned = Change.objects.filter(
        origin=Origin.PERSON,
        customer_impacting=True,
        environment__is_production=True,
        state__in=ANNOUNCED,
        window_start__lt=end,
        window_end__gt=start,
    ).exclude(public_note="")
    spans: dict[int, list[tuple[datetime, datetime]]] = defaultdict(list)
    for first, own, left, right in planned.values_list("service", "ticket__services", "window_start", "window_end"):
        for pk in {first, own} & set(ids):
            if left and right:
                spans[pk].append((left, right))
    return spans
