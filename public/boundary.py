"""The one place that decides what outsiders see: pages, feeds, the API and messages ask here when they show it.

What is not returned by a function of this module is not public. Each reads the present state of what it shows: a note
whose change was put back since then is gone the next time somebody looks.
"""

from datetime import datetime

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet

from catalog.models import Service
from changes.tickets.models import Ticket
from public.changelog.models import Note
from public.changelog.policy import DONE, WORKED
from public.changelog.states import State


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


def components_of(note: Note) -> list[Service]:
    """The components that a note of `notes` is about, by name; never a service that is not public."""
    ticket = getattr(note.change, "ticket", None)
    found = {service.pk: service for service in (ticket.public_services if ticket else ())}
    if note.change.service.is_public:
        found[note.change.service.pk] = note.change.service
    return sorted(found.values(), key=lambda service: service.name)


def _touches(services: QuerySet[Service]) -> Q:
    ours = services.order_by()
    through = Ticket.services.through.objects.filter(ticket_id=OuterRef("change_id"), service__in=ours)
    return Q(change__service__in=ours) | Q(Exists(through))
