"""Two incidents that are one."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts.callers import Caller
from incidents import policy, queries
from incidents.consequences import settle_holds, tell_everybody
from incidents.intervals import end_impacts
from incidents.models import Incident, IncidentChange
from incidents.paging import call_pages_off
from incidents.record import note, require_services, search_text
from incidents.refs import incident_id
from incidents.states import HURTING, MOVES, State
from workflow.amendments import amend
from workflow.decisions import REFUSED, require
from workflow.errors import Conflict, Missing, Unprocessable
from workflow.transitions import move


@transaction.atomic
def merge_incident(ref: str, into: str, *, by: Caller, reason: str) -> Incident:
    """Make `ref` a part of `into`: its services, intervals, alerts and links go there, and its address leads there.

    Returns the one that was merged. Raises Missing for `ref`, Unprocessable("unknown_incident") for `into`,
    Unprocessable("required") without a reason, Conflict("merge_is_sound"), Conflict("transition_illegal").
    """
    now = timezone.now()
    child, parent = _both(ref, into, by=by)
    for one in (child, parent):
        require_services([service.slug for service in one.services.all()], by=by)
    if not reason.strip():
        raise Unprocessable("required", "Say why they are one.", field="reason")
    legal = policy.step_is_legal(child.state, State.MERGED) if child.pk != parent.pk else None
    if legal and legal.outcome == REFUSED:
        raise Conflict(legal.rule, legal.because)
    facts = policy.Merging(
        is_same=child.pk == parent.pk,
        parent_state=parent.state,
        restricted=child.restricted,
        parent_restricted=parent.restricted,
    )
    require(policy.merge_is_sound(facts), Conflict, field="into")
    move(child, State.MERGED, moves=MOVES, merged_into=parent, updated_at=now)
    _hand_over(child, parent, now=now)
    note(child, "merged", by, {"into": parent.ref, "reason": reason.strip()}, at=now)
    note(parent, "absorbed", by, {"incident": child.ref, "title": child.title, "reason": reason.strip()}, at=now)
    settle_holds(child, at=now)
    settle_holds(parent, at=now)
    call_pages_off(child, by=by)
    tell_everybody(child, "merged", at=now)
    return child


def _both(ref: str, into: str, *, by: Caller) -> tuple[Incident, Incident]:
    """Both, locked in the order of their ids, so that two who merge them into each other wait instead of blocking."""
    child = incident_id(ref)
    # Whoever may not see the first learns nothing about the second.
    queries.found(ref, user_id=by.user_id)
    try:
        parent = incident_id(into)
    except Missing as unknown:
        raise Unprocessable("unknown_incident", unknown.message, field="into") from unknown
    known: dict[int, Incident] = {}
    for pk in sorted({child, parent}):
        try:
            known[pk] = queries.locked(f"INC-{pk}", user_id=by.user_id)
        except Missing as unknown:
            if pk == child:
                raise
            raise Unprocessable("unknown_incident", unknown.message, field="into") from unknown
    return known[child], known[parent]


def _hand_over(child: Incident, parent: Incident, *, now: datetime) -> None:
    """Give what belongs to one to the other; what both have stays with the other."""
    parent.services.add(*child.services.all())
    child.impacts.update(incident=parent)
    if parent.state not in HURTING:
        end_impacts(parent, at=now)
    both = IncidentChange.objects.filter(incident=parent).values("change_id")
    child.change_links.exclude(change__in=list(both.values_list("change_id", flat=True))).update(incident=parent)
    child.alerts.update(incident=parent)
    text = search_text(parent.title, parent.summary, parent.services.all(), parent.ref)
    began = [at for at in (parent.impact_started_at, child.impact_started_at) if at is not None]
    columns = {"impact_started_at": min(began)} if began and not parent.reopenings else {}
    amend(parent, search_text=text, updated_at=now, **columns)
