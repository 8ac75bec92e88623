"""What follows from how an incident stands: holds on its services, pages, and messages."""

from collections.abc import Sequence
from datetime import datetime

from accounts.contacts.actions import tell_all
from accounts.models import Membership, User
from catalog.models import Service
from changes.broadcasts import CHANNEL, channels_of
from changes.freezes.actions import hold_service, release_holds
from incidents import messages, queries
from incidents.models import Incident
from incidents.policy import SEVERE
from incidents.states import OPEN
from notifications import outbox
from workflow import ledger
from workflow.ledger import SYSTEM, Happening

MOST_TOLD = 50
"""How many people of the owning teams are written to at most."""


def services_of(incident: Incident) -> list[Service]:
    """What it is about, with the teams."""
    return list(incident.services.select_related("team").order_by("slug"))


def settle_holds(incident: Incident, *, at: datetime) -> None:
    """Let nothing be deployed to the services of a severe incident until it is resolved, and release them after."""
    services = services_of(incident)
    if incident.severity in SEVERE and incident.state in OPEN:
        reason = messages.hold_reason(incident)
        for service in services:
            hold_service(service, source=incident.hold_source, reason=reason, at=at)
        _note(incident, "held", {"services": [service.slug for service in services]}, at=at)
    elif release_holds(incident.hold_source, at=at):
        _note(incident, "released", {"services": [service.slug for service in services]}, at=at)


def _note(incident: Incident, verb: str, facts: dict[str, object], *, at: datetime) -> None:
    ledger.record(incident.ref, Happening(verb, SYSTEM, at, facts, "hold_open"), at=at)


def tell_everybody(incident: Incident, what: str, *, at: datetime) -> None:
    """Say in the channels, in one message that changes, and to those who must know, that it is declared or ended."""
    services = services_of(incident)
    if not incident.restricted and outbox.reaches(CHANNEL):
        for channel in channels_of(services):
            outbox.enqueue(messages.in_channel(incident, services, to=channel, at=at), at=at)
    if what in messages.LETTERS:
        people = _concerned(incident, services)
        tell_all([messages.letter(incident, services, what, to=(one.pk, one.email)) for one in people], at=at)


def _concerned(incident: Incident, services: Sequence[Service]) -> list[User]:
    if incident.restricted:
        return list(queries.seen_by(incident).order_by("pk")[:MOST_TOLD])
    teams = {service.team_id for service in services}
    members = Membership.objects.filter(team__in=teams).values("user_id")
    return list(User.objects.filter(pk__in=members, is_active=True).order_by("pk")[:MOST_TOLD])
