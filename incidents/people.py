"""Who does what in an incident, and who may see one that is restricted."""

from django.db import transaction
from django.utils import timezone

from accounts.callers import Caller
from accounts.models import User
from accounts.queries import active_person
from incidents.models import Incident, Invite
from incidents.record import note, taken
from workflow.amendments import amend
from workflow.errors import Unprocessable


@transaction.atomic
def give_role(ref: str, role: str, email: str | None, *, by: Caller) -> Incident:
    """Make somebody commander, comms or scribe; without an e-mail nobody is.

    Raises Missing, Unprocessable("unknown_person").
    """
    now, incident = timezone.now(), taken(ref, by=by)
    person = _person(email) if email else None
    changed = amend(incident, **{role: person})
    if changed:
        amend(incident, updated_at=now)
        facts = {"role": role, "user": person.actor if person else None, "name": person.name if person else ""}
        note(incident, "role_given", by, facts, at=now)
    return incident


@transaction.atomic
def invite(ref: str, email: str, *, by: Caller) -> Incident:
    """Let somebody see the incident though it is restricted; a second time nothing changes.

    Raises Missing, Unprocessable("unknown_person").
    """
    now, incident = timezone.now(), taken(ref, by=by)
    person = _person(email)
    invited = Invite(incident=incident, user=person, invited_by_id=by.user_id or None, at=now)
    if not Invite.objects.filter(incident=incident, user=person).exists():
        invited.save(force_insert=True)
        note(incident, "invited", by, {"user": person.actor, "name": person.name}, at=now)
    return incident


def _person(email: str) -> User:
    person = active_person(email)
    if person is None:
        raise Unprocessable("unknown_person", f"Nobody has the e-mail “{email[:100]}” here.", field="user")
    return person
