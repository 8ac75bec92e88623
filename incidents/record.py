"""What every action on an incident does: find it under a lock, judge who asks, put down what was done."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from accounts.callers import Caller
from catalog.models import Service
from changes.search import words
from incidents import policy, queries
from incidents.models import TIMES, Incident
from incidents.states import State
from workflow.decisions import REFUSED
from workflow.errors import Conflict, Forbidden, InvalidFields, Unprocessable
from workflow.ledger import Happening, record


def taken(ref: str, *, by: Caller) -> Incident:
    """The incident, locked; raises Missing, Forbidden("token_limits"), Conflict("incident_merged")."""
    incident = queries.locked(ref, user_id=by.user_id)
    require_services([service.slug for service in incident.services.all()], by=by)
    if incident.state == State.MERGED:
        raise Conflict("incident_merged", "It was merged into another incident. Go on there.")
    return incident


def require_services(slugs: Iterable[str], *, by: Caller) -> None:
    """Raise Forbidden("token_limits") unless the caller's limits allow all of these services."""
    if by.services and not set(slugs) <= set(by.services):
        raise Forbidden("token_limits", "This token may not act on all services of this incident.")


def note(incident: Incident, verb: str, by: Caller, facts: Mapping[str, Any], *, at: datetime) -> None:
    """Put down what was done, now."""
    record(incident.ref, Happening(verb, by.actor, at, dict(facts)), at=at)


def note_earlier(
    incident: Incident, verb: str, by: Caller, facts: Mapping[str, Any], *, was: datetime, at: datetime
) -> None:
    """Put down what happened at `was` and is told `at`."""
    record(incident.ref, Happening(verb, by.actor, was, dict(facts)), at=at)


def sourced(incident: Incident, names: Iterable[str], *, by: Caller, source: str, evidence: str = "") -> dict[str, Any]:
    """The incident's `sources` once these times come from there."""
    said = {"source": source, "actor": by.actor, "evidence": evidence}
    return {**incident.sources, **dict.fromkeys(names, said)}


def times_of(incident: Incident) -> dict[str, datetime | None]:
    """Its times by name."""
    return {name: getattr(incident, name) for name in TIMES}


def require_times(times: policy.Times, *, now: datetime, named: Iterable[str] = ()) -> None:
    """Raise InvalidFields for times that cannot be; a fault is put at the field among `named` that brought it."""
    asked = set(named)
    faults = policy.faults_of_times(times, now=now)
    if faults:
        errors = [(_place(fault, asked), fault.rule, fault.because) for fault in faults]
        raise InvalidFields(errors)


def _place(fault: policy.Fault, asked: set[str]) -> str:
    if fault.field in asked or not asked:
        return fault.field
    before = [name for name in policy.ORDERED[: policy.ORDERED.index(fault.field)] if name in asked]
    return before[-1] if fault.field in policy.ORDERED and before else fault.field


def require_step(incident: Incident, end: str, *, reason: str) -> None:
    """Raise Conflict("transition_illegal") or Unprocessable("skip_needs_reason")."""
    decision = policy.step_is_legal(incident.state, end)
    if decision.outcome == REFUSED:
        raise Conflict(decision.rule, decision.because)
    skip = policy.skip_needs_reason(incident.state, end, reason=reason)
    if skip.outcome == REFUSED:
        raise Unprocessable(skip.rule, skip.because, field="reason")


def found_services(slugs: Sequence[str]) -> list[Service]:
    """The services of these slugs; raises Unprocessable("unknown_service")."""
    known = queries.services_named(slugs)
    unknown = set(slugs) - {service.slug for service in known}
    if unknown:
        raise Unprocessable("unknown_service", f"There is no service “{min(unknown)[:64]}”.", field="services")
    return known


def search_text(title: str, summary: str, services: Iterable[Service], ref: str = "") -> str:
    """What a search of incidents looks at."""
    return words(ref, title, *(service.slug for service in services), summary)
