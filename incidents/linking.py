"""What people say that a change has to do with an incident."""

from django.db import transaction
from django.utils import timezone

from accounts.callers import Caller
from changes.models import Change
from changes.refs import change_id
from incidents.models import IncidentChange
from incidents.record import note, taken
from incidents.suspects.queries import place_of
from workflow.amendments import amend
from workflow.errors import Missing, Unprocessable


@transaction.atomic
def mark_change(ref: str, change: str, role: str, *, by: Caller, remark: str = "") -> IncidentChange:
    """Say what a change did: caused, contributed, fixed, cleared, or that it is suspected; the last word counts.

    Raises Missing, Unprocessable("unknown_change").
    """
    now, incident = timezone.now(), taken(ref, by=by)
    found = _change(change)
    link, is_new = IncidentChange.objects.get_or_create(
        incident=incident,
        change=found,
        defaults={"role": role, "note": remark, "said_by_id": by.user_id or None, "at": now},
    )
    before = None if is_new else link.role
    if is_new or before != role or link.note != remark:
        place = place_of(link.incident, found) if role == IncidentChange.Role.CAUSED else None
        amend(link, role=role, note=remark, place=place, said_by_id=by.user_id or None, at=now)
    if before != role:
        facts = {"change": found.ref, "role": role, "before": before, "title": found.title, "note": remark}
        note(incident, "change_marked", by, facts, at=now)
        amend(incident, updated_at=now)
    return link


def _change(ref: str) -> Change:
    try:
        found = Change.objects.filter(pk=change_id(ref)).first()
    except Missing as unknown:
        raise Unprocessable("unknown_change", unknown.message, field="change") from unknown
    if found is None:
        raise Unprocessable("unknown_change", f"There is no change {ref.upper()[:40]}.", field="change")
    return found
