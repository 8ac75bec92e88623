"""Every write about corrective actions: promised, done, verified by somebody else, or shown not to work."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.callers import Caller
from accounts.contacts.actions import tell_all
from accounts.models import Membership, User
from incidents.models import Incident
from incidents.queries import seen_by
from incidents.rca import messages, policy, queries
from incidents.rca.models import CorrectiveAction, Rca, RcaWhy, Why
from incidents.rca.states import ACTION_MOVES, KEPT, ActionState
from incidents.record import require_services
from workflow.amendments import amend
from workflow.decisions import require
from workflow.errors import Forbidden, Missing, Unprocessable
from workflow.ledger import SYSTEM, Happening, record
from workflow.transitions import move


@dataclass(frozen=True, slots=True)
class Promise:
    """A promise as somebody makes it: who does what against which why (its id, None for none), until which day."""

    title: str
    type: str
    effect: str
    owner: str
    why: int | None = None
    due: date | None = None
    tracker_key: str = ""


@transaction.atomic
def promise(rca_ref: str, wanted: Promise, *, by: Caller) -> CorrectiveAction:
    """Promise something; raises Unprocessable("unknown_rca", "unknown_person", "unknown_why", "due_lies_ahead")."""
    rca, now = _answered(rca_ref, by=by), timezone.now()
    require_services([service.slug for service in rca.incident.services.all()], by=by)
    today = timezone.localdate(now)
    due = wanted.due or policy.action_due(rca.incident.severity, decided=today)
    if due < today:
        raise Unprocessable("due_lies_ahead", "This day is over. Choose one that is still to come.", field="due")
    if wanted.why is not None and not RcaWhy.objects.filter(rca=rca, why=wanted.why).exists():
        raise Unprocessable("unknown_why", f"There is no why {wanted.why} in {rca.ref}.", field="why")
    action = CorrectiveAction.objects.create(
        rca=rca,
        why_id=wanted.why,
        title=wanted.title.strip(),
        type=wanted.type,
        effect=wanted.effect,
        owner=_person(wanted.owner, field="owner", incident=rca.incident),
        due=due,
        tracker_key=wanted.tracker_key,
        created_at=now,
        updated_at=now,
    )
    _note(action, "action_promised", by.actor, {"title": action.title, "due": due.isoformat()}, at=now)
    tell_all([messages.promised(action)], at=now)
    return action


def _answered(ref: str, *, by: Caller) -> Rca:
    try:
        return queries.locked_rca(ref, user_id=by.user_id)
    except Missing as unknown:
        raise Unprocessable("unknown_rca", unknown.message, field="rca") from unknown


def _person(email: str, *, field: str, incident: Incident) -> User:
    """Somebody who may see the incident; of a restricted one the others are told nothing, so they promise nothing."""
    found = queries.person_named(email)
    if found is None or (incident.restricted and not seen_by(incident).filter(pk=found.pk).exists()):
        raise Unprocessable("unknown_person", f"There is no active person “{email[:254]}”.", field=field)
    return found


@transaction.atomic
def start(ref: str, *, by: Caller) -> CorrectiveAction:
    """Begin it; raises Missing, Conflict("transition_illegal")."""
    return _move(ref, ActionState.IN_PROGRESS, "action_started", by=by)


@transaction.atomic
def done(ref: str, note: str = "", evidence: str = "", *, by: Caller) -> CorrectiveAction:
    """Say that it is done; it counts as kept once somebody else has verified it. Raises Missing, Conflict."""
    said = {"note": note.strip(), "evidence": evidence.strip(), "done_at": timezone.now()}
    return _move(ref, ActionState.DONE, "action_done", by=by, **said)


@transaction.atomic
def verify(ref: str, method: str, evidence: str, *, by: Caller) -> CorrectiveAction:
    """Say how it was proven that it works.

    Raises Missing, Unprocessable("required"), Forbidden("owner_never_verifies"), Conflict("transition_illegal").
    """
    for name, text in (("method", method), ("evidence", evidence)):
        if not text.strip():
            raise Unprocessable("required", "Say how it was tried, and where that can be seen.", field=name)
    action = queries.locked_action(ref, user_id=by.user_id)
    require(policy.owner_never_verifies(by.user_id, action.owner_id))
    said: dict[str, Any] = {"method": method.strip(), "evidence": evidence.strip(), "verified_at": timezone.now()}
    return _move(ref, ActionState.VERIFIED, "action_verified", by=by, **said, verified_by_id=by.user_id)


@transaction.atomic
def ineffective(ref: str, reason: str, *, by: Caller) -> CorrectiveAction:
    """Say that it does not work; raises Missing, Unprocessable("required"), Conflict("transition_illegal")."""
    if not reason.strip():
        raise Unprocessable("required", "Say how that showed.", field="reason")
    return _move(ref, ActionState.INEFFECTIVE, "action_ineffective", by=by, reason=reason.strip())


@transaction.atomic
def wont_do(ref: str, reason: str, approver: str = "", *, by: Caller) -> CorrectiveAction:
    """Drop it: a lead of an affected team decides, who is not its owner.

    Raises Missing, Unprocessable("required"), Forbidden("may_decide_for_team", "approver_is_not_owner").
    """
    if not reason.strip():
        raise Unprocessable("required", "Say why it will not be done.", field="reason")
    action = queries.locked_action(ref, user_id=by.user_id)
    if approver and _person(approver, field="approver", incident=action.rca.incident).pk != by.user_id:
        raise Forbidden("approver_decides", "The approver does this themselves, so that nobody decides in their name.")
    require(policy.approver_is_not_owner(by.user_id, action.owner_id))
    decision = policy.may_decide_for_team(
        leads_affected=queries.leads_affected(action.rca.incident, user_id=by.user_id),
        is_admin=by.is_admin,
        is_restricted=action.rca.incident.restricted,
    )
    require(decision)
    said = {"reason": reason.strip(), "approver_id": by.user_id}
    return _move(ref, ActionState.WONT_DO, "action_dropped", by=by, **said)


def _move(ref: str, end: str, verb: str, *, by: Caller, **columns: Any) -> CorrectiveAction:
    action, now = queries.locked_action(ref, user_id=by.user_id), timezone.now()
    require_services([service.slug for service in action.rca.incident.services.all()], by=by)
    move(action, end, moves=ACTION_MOVES, updated_at=now, **columns)
    facts: dict[str, object] = {
        name: str(columns[name]) for name in ("note", "method", "evidence", "reason") if columns.get(name)
    }
    _note(action, verb, by.actor, facts, at=now)
    return action


def break_promises(why: Why, *, rca: Rca, at: datetime) -> list[CorrectiveAction]:
    """A cause has hurt again: what was done against it did not work. Says so loudly, in the caller's transaction."""
    kept = CorrectiveAction.objects.select_for_update().filter(why=why, state__in=KEPT).exclude(rca=rca)
    broken = list(kept)
    for action in broken:
        # What only a few may know of is not named to whoever reads the action.
        again = "" if rca.incident.restricted else rca.ref
        because = f"Its cause has hurt again: {again}." if again else "Its cause has hurt again."
        due = policy.action_due(rca.incident.severity, decided=timezone.localdate(at))
        move(action, ActionState.INEFFECTIVE, moves=ACTION_MOVES, reason=because, due=due, updated_at=at)
        amend(action, reopened=action.reopened + 1, verified_at=None)
        _note(action, "action_broken", SYSTEM, {"rca": again, "title": action.title}, at=at)
    tell_all([messages.broken(one, rca, to=person) for one in broken for person in _to_hear(one)], at=at)
    return broken


def _to_hear(action: CorrectiveAction) -> list[User]:
    services = action.rca.incident.services.values("team")
    leads = Membership.objects.filter(team__in=services, is_lead=True, user__is_active=True).select_related("user")
    return sorted({action.owner, *(one.user for one in leads)}, key=lambda person: person.pk)


def remind(*, now: datetime) -> int:
    """Remind owners before, on and after the day, also when the incident is long closed; return of how many."""
    today = timezone.localdate(now)
    owed = CorrectiveAction.objects.filter(state__in=["open", "in_progress", "ineffective"])
    soon = owed.filter(due__lte=today + policy.reminded_before()).select_related("owner", "rca", "rca__incident")
    letters = [messages.reminder(action, today=today) for action in soon if policy.is_reminded(action.due, today=today)]
    with transaction.atomic():
        tell_all(letters, at=now)
    return len(letters)


def _note(action: CorrectiveAction, verb: str, actor: str, facts: dict[str, object], *, at: datetime) -> None:
    subject = f"INC-{action.rca.incident_id}"
    record(subject, Happening(verb, actor, at, {"action": action.ref, **facts}), at=at)
