"""What the people who write the change log read."""

from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import Membership
from catalog.models import Service
from changes.models import Change
from changes.tickets.models import Ticket
from public.changelog.models import Note
from public.changelog.policy import DONE, WORKED, Standing
from public.changelog.states import State

LOOK_BACK = timedelta(days=30)
"""How long ago a change may have begun to be still told of by itself, or asked about."""


def is_public(change: Change) -> bool:
    """Whether at least one service of the change is public."""
    return change.service.is_public or Service.objects.filter(tickets=change.pk, is_public=True).exists()


def standing(change: Change, *, user_id: int, is_admin: bool) -> Standing:
    """What somebody has to do with a change."""
    implementer = Ticket.objects.filter(pk=change.pk).values_list("implementer_id", flat=True).first()
    owners = Q(team__services=change.service_id) | Q(team__services__tickets=change.pk)
    return Standing(
        is_admin=is_admin,
        is_theirs=user_id in {change.requester_id, implementer},
        is_in_owning_team=Membership.objects.filter(owners, user=user_id).exists(),
    )


def untold(*, now: datetime) -> QuerySet[Change]:
    """The changes of the last 30 days that customers felt, that worked, and that nobody has written a note about."""
    recent = Change.objects.filter(at__gte=now - LOOK_BACK, customer_impacting=True, environment__is_production=True)
    worked = recent.filter(state__in=DONE, outcome__in=WORKED)
    public = Service.objects.filter(is_public=True)
    theirs = Ticket.services.through.objects.filter(ticket_id=OuterRef("pk"), service__in=public)
    seen_by_customers = Q(service__in=public) | Q(Exists(theirs))
    return worked.filter(seen_by_customers).exclude(Exists(Note.objects.filter(change=OuterRef("pk"))))


def ready(*, now: datetime) -> QuerySet[Note]:
    """The drafts whose change has worked and whose embargo is over."""
    is_over = Q(embargo_until__isnull=True) | Q(embargo_until__lte=now)
    return Note.objects.filter(
        is_over, state=State.DRAFT, change__state__in=DONE, change__outcome__in=WORKED
    ).select_related("change__service", "change__environment")


def waiting() -> QuerySet[Note]:
    """The drafts, for the editor's queue."""
    return Note.objects.filter(state=State.DRAFT).select_related("change__service")


def note_about(change: Change) -> Note | None:
    """The note of a change, None if there is none."""
    return Note.objects.filter(change=change).first()
