"""Declaring an incident, and saying more precisely what it is."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.callers import Caller
from accounts.models import User
from catalog.models import Service
from incidents import policy
from incidents.consequences import settle_holds, tell_everybody
from incidents.intervals import begin_impacts
from incidents.models import Incident
from incidents.paging import page_watch
from incidents.record import (
    found_services,
    note,
    require_services,
    require_times,
    search_text,
    sourced,
    taken,
)
from incidents.states import DetectionSource, Severity, State
from oncall.queries import on_call_for
from workflow.amendments import amend
from workflow.errors import InvalidFields, Unprocessable
from workflow.lines import line_fault
from workflow.moments import plural

LONGEST_TITLE = 200


@dataclass(frozen=True, slots=True)
class Declaration:
    """What somebody, or an alert, says has happened. Severity is said outright or read off `impact` and `scope`.

    `services` are slugs. `customer_impacting` None leaves it to the severity. `detection_source` says who noticed.
    """

    title: str
    services: Sequence[str] = ()
    severity: str = ""
    impact: str = ""
    scope: str = ""
    customer_impacting: bool | None = None
    summary: str = ""
    restricted: bool = False
    detected_at: datetime | None = None
    impact_started_at: datetime | None = None
    detection_source: str = ""
    evidence: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


@transaction.atomic
def declare_incident(said: Declaration, *, by: Caller) -> Incident:
    """Declare it: it is on the record, its services are held if it is severe, and those who must know are told.

    Raises InvalidFields for what is missing or cannot be, Unprocessable("unknown_service"),
    Forbidden("token_limits").
    """
    now = timezone.now()
    _judge(said)
    services = found_services(said.services)
    require_services([service.slug for service in services], by=by)
    times = {"impact_started_at": said.impact_started_at, "detected_at": said.detected_at}
    require_times(times, now=now)
    incident = _insert(said, services, by=by, now=now)
    note(incident, "declared", by, _facts(incident, said, services), at=now)
    begin_impacts(incident, services, start=incident.impact_started_at)
    settle_holds(incident, at=now)
    tell_everybody(incident, "declared", at=now)
    if incident.severity in policy.SEVERE:
        page_watch(incident, by=by)
    return incident


def _judge(said: Declaration) -> None:
    errors = []
    title = said.title.strip()
    fault = line_fault(title) if title else "Say in a few words what is wrong."
    if fault or len(title) > LONGEST_TITLE:
        errors.append(("title", "one_line" if title else "required", fault or "Use at most 200 characters."))
    if not said.services:
        errors.append(("services", "required", "Name at least one service that it hurts."))
    if not said.severity and not (said.impact and said.scope):
        errors.append(("severity", "required", "Choose how bad it is, or send impact and scope."))
    if errors:
        raise InvalidFields(errors)


def _insert(said: Declaration, services: Sequence[Service], *, by: Caller, now: datetime) -> Incident:
    severity = said.severity or policy.severity_of(said.impact, said.scope)
    felt = said.customer_impacting
    incident = Incident(
        title=said.title.strip(),
        summary=said.summary.strip(),
        severity=severity,
        impact=said.impact,
        scope=said.scope,
        state=State.TRIAGE,
        customer_impacting=severity in policy.SEVERE if felt is None else felt,
        restricted=said.restricted,
        impact_started_at=said.impact_started_at,
        detected_at=said.detected_at,
        declared_at=now,
        detection_source=said.detection_source,
        declared_by_id=by.user_id or None,
        on_call=who_had_the_watch(services, at=now),
        alias=secrets.token_hex(8),
        created_at=now,
        updated_at=now,
    )
    known = [name for name in ("impact_started_at", "detected_at") if getattr(incident, name)]
    source = said.detection_source or DetectionSource.PERSON
    incident.sources = sourced(incident, known, by=by, source=source, evidence=said.evidence)
    incident.sources |= sourced(incident, ["declared_at"], by=by, source="Decklog")
    incident.save(force_insert=True)
    incident.services.set(services)
    amend(incident, search_text=search_text(incident.title, incident.summary, services, incident.ref))
    return incident


def who_had_the_watch(services: Sequence[Service], *, at: datetime) -> list[dict[str, Any]]:
    """The schedules that watch these services and whom they name at that moment, to be kept as it was."""
    turns = {pair for service in services for pair in on_call_for([service], at).people.items()}
    people = {person.pk: person.name for person in User.objects.filter(pk__in={pk for pk, _ in turns})}
    schedules = sorted({schedule for _, schedule in turns})
    return [
        {"schedule": name, "people": sorted(people[pk] for pk, schedule in turns if schedule == name and pk in people)}
        for name in schedules
    ]


def _facts(incident: Incident, said: Declaration, services: Sequence[Service]) -> dict[str, Any]:
    return {
        "title": incident.title,
        "severity": incident.severity,
        "impact": incident.impact,
        "scope": incident.scope,
        "services": [service.slug for service in services],
        "customer_impacting": incident.customer_impacting,
        **said.facts,
    }


# --- More precisely --------------------------------------------------------------------------------------------------


@transaction.atomic
def describe_incident(ref: str, changed: Mapping[str, Any], *, by: Caller, reason: str = "") -> Incident:
    """Give it another title, summary or severity, other services, or say whether customers notice.

    `changed` maps columns to values; `services` are slugs, and none that it has hurt is taken away. A severity that
    becomes severe holds the services, and one that is not severe any more releases them.
    """
    now, incident = timezone.now(), taken(ref, by=by)
    added = _added_services(incident, changed.get("services"), by=by)
    columns = {name: value for name, value in changed.items() if name != "services"}
    fault = line_fault(columns.get("title", "A title"))
    if fault or not str(columns.get("title", "x")).strip():
        raise Unprocessable("one_line", fault or "An incident needs a title.", field="title")
    before = incident.severity
    edited = amend(incident, **columns)
    if not edited and not added:
        return incident
    services = list(incident.services.all())
    amend(
        incident,
        search_text=search_text(incident.title, incident.summary, services, incident.ref),
        updated_at=now,
    )
    said = {"changed": edited, "services": [service.slug for service in added], "reason": reason}
    note(incident, "severity_changed" if "severity" in edited else "edited", by, said, at=now)
    if "severity" in edited or added:
        begin_impacts(incident, added, start=incident.impact_started_at)
        settle_holds(incident, at=now)
    has_risen = is_worse(incident.severity, before)
    if incident.is_open and has_risen and incident.severity in policy.SEVERE and before not in policy.SEVERE:
        page_watch(incident, by=by)
    tell_everybody(incident, "raised" if has_risen else "edited", at=now)
    return incident


def _added_services(incident: Incident, slugs: Sequence[str] | None, *, by: Caller) -> list[Service]:
    if slugs is None:
        return []
    wanted = found_services(slugs)
    require_services([service.slug for service in wanted], by=by)
    present = set(incident.services.values_list("pk", flat=True))
    missing = present - {service.pk for service in wanted}
    if missing:
        what = f"{len(missing)} {plural('service', len(missing))}"
        because = f"This leaves out {what} that it hurt. Keep them; an impact that was none is corrected by its times."
        raise Unprocessable("service_stays", because, field="services")
    added = [service for service in wanted if service.pk not in present]
    incident.services.add(*added)
    return added


def is_worse(severity: str, than: str) -> bool:
    """Whether one severity is worse than another."""
    order = list(Severity.values)
    return order.index(severity) < order.index(than)
