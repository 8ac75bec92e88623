"""Waking people about an incident, and letting them sleep again."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts.callers import Caller
from accounts.models import User
from incidents import messages, queries
from incidents.models import Incident
from incidents.record import note, note_earlier, sourced, taken
from incidents.states import MOVES, State
from oncall.paging import actions as paging
from oncall.paging.actions import Target, Wanted
from oncall.paging.models import Page
from oncall.paging.queries import pages_about
from oncall.paging.states import State as PageState
from workflow.amendments import amend
from workflow.errors import Conflict
from workflow.ledger import SYSTEM
from workflow.transitions import move

OPEN_PAGES = frozenset({PageState.PAGING, PageState.EXHAUSTED})


@transaction.atomic
def page_someone(ref: str, target: Target, message: str, *, by: Caller) -> Page:
    """Page somebody about an open incident.

    Raises Missing, Conflict("transition_illegal") for one that is over, Unprocessable("unknown_target").
    """
    incident = taken(ref, by=by)
    if not incident.is_open:
        raise Conflict("transition_illegal", f"It is {incident.state}, so nobody is woken for it. Reopen it first.")
    return _page(incident, target, message, by=by)


def page_watch(incident: Incident, *, by: Caller) -> None:
    """Page whoever has the watch for its services, once for each team that owns some of them.

    Of a restricted one only those who may see it are woken: the leads.
    """
    services = list(incident.services.order_by("slug"))
    if incident.restricted:
        leads = queries.leads_of(services)
        targets = [Target("user", email) for email in leads]
    else:
        first = {service.team_id: service.slug for service in reversed(services)}
        targets = [Target("service", slug) for slug in sorted(first.values())]
    for target in targets:
        _page(incident, target, incident.summary, by=by)


def _page(incident: Incident, target: Target, message: str, *, by: Caller) -> Page:
    words = "" if incident.restricted else message.strip()
    wanted = Wanted(
        target=target,
        title=messages.page_title(incident),
        message=f"{words}\n{messages.incident_url(incident.ref)}".strip(),
        subject=incident.hold_source,
        is_private=incident.restricted,
    )
    page = paging.page(wanted, by=by if by.user_id else None)
    if incident.restricted:
        # What becomes of the page is kept under another name, so its beginning is said here.
        note(incident, "paged", by, {"target": f"{target.type} {target.id}"}, at=page.created_at)
    return page


def answer_pages(incident: Incident, *, by: Caller) -> None:
    """Whoever acknowledges the incident answers its pages as well."""
    person = User.objects.filter(pk=by.user_id).first()
    via = "api" if by.is_token else "page"
    for page in _open_pages(incident):
        paging.acknowledge(page.key, user=person, via=via, actor=by.actor)


def call_pages_off(incident: Incident, *, by: Caller) -> None:
    """Nobody needs its pages any more."""
    for page in _open_pages(incident):
        paging.cancel(page.key, by=by, reason=f"It is {incident.state}.")


def _open_pages(incident: Incident) -> list[Page]:
    return [page for page in pages_about(incident.hold_source) if page.state in OPEN_PAGES]


@transaction.atomic
def follow_pages(pk: int, *, now: datetime | None = None) -> None:
    """Take over what somebody answered to a page outside: then the incident is acknowledged since that moment."""
    now = now or timezone.now()
    incident = queries.unacknowledged().select_for_update().filter(pk=pk).first()
    if incident is None:
        return
    answered = [
        page for page in pages_about(incident.hold_source) if page.state == PageState.ACKNOWLEDGED and page.ended_at
    ]
    if not answered:
        return
    first = min(answered, key=lambda page: page.ended_at or now)
    person = first.acknowledged_by
    by = Caller(person.pk if person else 0, False, person.actor if person else SYSTEM, "")  # noqa: FBT003 - is_admin
    sources = sourced(incident, ["acknowledged_at"], by=by, source="page")
    at = first.ended_at or now
    if incident.state == State.TRIAGE:
        columns = {"acknowledged_at": at, "sources": sources, "updated_at": now}
        move(incident, State.INVESTIGATING, moves=MOVES, **columns)
    else:
        amend(incident, acknowledged_at=at, sources=sources, updated_at=now)
    note_earlier(incident, "acknowledged", by, {"page": str(first.key)}, was=at, at=now)
