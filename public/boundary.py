"""The one place that decides what outsiders see: pages, feeds, the API and messages ask here when they show it.

What is not returned by a function of this module is not public. Each reads the present state of what it shows: a note
whose change was put back since then is gone the next time somebody looks.
"""

from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet

from catalog.models import Service
from changes.models import Change
from changes.states import Origin
from changes.states import State as ChangeState
from changes.tickets.models import Ticket
from incidents.models import Impact, Incident, PublicUpdate
from public.changelog.models import Note
from public.changelog.policy import DONE, WORKED
from public.changelog.states import State

ANNOUNCED = frozenset({ChangeState.APPROVED, ChangeState.IN_PROGRESS, ChangeState.FINISHED, ChangeState.CLOSED})
"""How far a change must be before its window is told to customers."""


def components() -> QuerySet[Service]:
    """The services that are public, by name: what outsiders know as the parts of the product."""
    return Service.objects.filter(is_public=True).order_by("name")


def notes(*, now: datetime) -> QuerySet[Note]:
    """The change log as outsiders see it now, in no order; each note with its change and its public services."""
    is_over = Q(embargo_until__isnull=True) | Q(embargo_until__lte=now)
    worked = Q(change__state__in=DONE, change__outcome__in=WORKED)
    felt = Q(change__customer_impacting=True, change__environment__is_production=True)
    shown = Note.objects.filter(worked, felt, is_over, state=State.PUBLISHED).filter(_touches(components()))
    ticket_services = Prefetch("change__ticket__services", queryset=components(), to_attr="public_services")
    return shown.select_related("change__service", "change__ticket").prefetch_related(ticket_services)


def notes_of(component: Service, *, now: datetime) -> QuerySet[Note]:
    """Those of them that are about one component."""
    return notes(now=now).filter(_touches(Service.objects.filter(pk=component.pk, is_public=True)))


def components_of(change: Change) -> list[Service]:
    """The components that a change of `notes` or `maintenance` is about, by name; no service that is not public."""
    ticket = getattr(change, "ticket", None)
    found = {service.pk: service for service in (ticket.public_services if ticket else ())}
    if change.service.is_public:
        found[change.service.pk] = change.service
    return sorted(found.values(), key=lambda service: service.name)


# --- Status ----------------------------------------------------------------------------------------------------------


def incidents() -> QuerySet[Incident]:
    """The incidents that customers were told about, in no order, each with its components and what was told.

    One that is restricted is none of them, whatever was written about it, and neither is one with nothing published.
    What is known of each but its times, its state, `told` and `components` stays inside.
    """
    told = PublicUpdate.objects.filter(public=True, state=PublicUpdate.State.PUBLISHED)
    updates = Prefetch("updates", queryset=told.order_by("-published_at", "-pk"), to_attr="told")
    touched = Prefetch("services", queryset=components(), to_attr="components")
    hurt = Prefetch("impacts", queryset=Impact.objects.filter(service__is_public=True), to_attr="felt")
    announced = Incident.objects.filter(Exists(told.filter(incident=OuterRef("pk"))), restricted=False)
    return announced.prefetch_related(updates, touched, hurt)


def updates_of(incident: Incident) -> list[PublicUpdate]:
    """What was told about an incident of `incidents`, the newest first."""
    row: Any = incident
    return list(row.told)


def services_of(incident: Incident) -> list[Service]:
    """The components that an incident of `incidents` is about, by name."""
    row: Any = incident
    return list(row.components)


def levels_of(incident: Incident) -> list[str]:
    """How badly an incident of `incidents` hurts or hurt components."""
    row: Any = incident
    return [impact.level for impact in row.felt]


def impacts(*, since: datetime) -> QuerySet[Impact]:
    """What the incidents of `incidents` did to components, if it still did after `since`; in order of its start."""
    ours = Incident.objects.filter(pk__in=incidents().order_by().values("pk"))
    reaching = Q(end__isnull=True) | Q(end__gt=since)
    return Impact.objects.filter(reaching, incident__in=ours, service__is_public=True).order_by("start", "pk")


def maintenance(*, since: datetime, now: datetime) -> QuerySet[Change]:
    """Announced maintenance that ends after `since`, the next first: approved changes with a window and a public note.

    A change whose note was withdrawn, or whose embargo lasts, is not announced. `components_of` says what it is about.
    """
    planned = Change.objects.filter(
        customer_impacting=True,
        environment__is_production=True,
        state__in=ANNOUNCED,
        origin=Origin.PERSON,
        window_end__gt=since,
    ).exclude(public_note="")
    silent = Note.objects.filter(Q(state=State.WITHDRAWN) | Q(embargo_until__gt=now), change=OuterRef("pk"))
    through = Ticket.services.through.objects.filter(ticket_id=OuterRef("pk"), service__in=components().order_by())
    seen = Q(service__in=components().order_by()) | Q(Exists(through))
    ticket_services = Prefetch("ticket__services", queryset=components(), to_attr="public_services")
    found = planned.filter(seen).exclude(Exists(silent)).select_related("service", "ticket")
    return found.prefetch_related(ticket_services).order_by("window_start", "pk")


def _touches(services: QuerySet[Service]) -> Q:
    ours = services.order_by()
    through = Ticket.services.through.objects.filter(ticket_id=OuterRef("change_id"), service__in=ours)
    return Q(change__service__in=ours) | Q(Exists(through))
