"""Every write that an alert brings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.callers import Caller
from catalog.models import Service
from incidents import policy as severities
from incidents import queries
from incidents.alerts.policy import DECLARES, REPEATS, Known, is_over_already, what_firing_means
from incidents.declaring import Declaration, declare_incident
from incidents.models import Alert, Incident
from incidents.record import found_services, note, require_services
from incidents.states import DetectionSource
from workflow.amendments import amend
from workflow.errors import RuleViolation
from workflow.lines import brief

MOST_TITLE = 200


@dataclass(frozen=True, slots=True)
class Signal:
    """What monitoring says about one thing: `dedup_key` names the thing, `is_firing` whether it is wrong.

    `severity` is monitoring's own word. `ended_at` is when it was right again, if it says.
    """

    source: str
    dedup_key: str
    is_firing: bool
    title: str
    service: str
    severity: str = ""
    detected_at: datetime | None = None
    ended_at: datetime | None = None
    url: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a signal: its incident, None if it has none, and whether it said something that was known."""

    incident: Incident | None
    deduplicated: bool


@transaction.atomic
def take_signal(signal: Signal, *, by: Caller) -> Taken:
    """Take one in, whatever came before it; under one key there is one incident while it is open.

    Of two that come at once the second waits for the first and joins it. Raises Unprocessable("unknown_service"),
    Forbidden("token_limits").
    """
    now = timezone.now()
    (service,) = found_services([signal.service])
    require_services([service.slug], by=by)
    take = _take_firing if signal.is_firing else _take_end
    return take(signal, service, by=by, now=now)


def _latest(signal: Signal) -> Alert | None:
    """The alert under this key that is open, else the last one, locked."""
    rows = Alert.objects.select_for_update(of=("self",)).filter(source=signal.source, dedup_key=signal.dedup_key)
    return rows.filter(resolved_at__isnull=True).first() or rows.order_by("-last_at", "-pk").first()


def _known(alert: Alert | None) -> Known | None:
    if alert is None:
        return None
    incident = alert.incident
    return Known(
        detected_at=alert.detected_at,
        resolved_at=alert.resolved_at,
        is_orphan=incident is None,
        is_incident_open=incident is not None and incident.is_open,
    )


def _take_firing(signal: Signal, service: Service, *, by: Caller, now: datetime) -> Taken:
    alert = _latest(signal)
    detected = min(signal.detected_at, now) if signal.detected_at else None
    decision = what_firing_means(_known(alert), detected_at=detected)
    if decision.outcome == DECLARES:
        return _open(signal, service, alert, by=by, now=now)
    assert alert is not None
    if decision.outcome == REPEATS or alert.resolved_at is None:
        amend(alert, count=alert.count + 1, last_at=now)
        return Taken(alert.incident, deduplicated=True)
    again = _claimed(signal, service, now=now)
    if again is None:
        return _take_firing(signal, service, by=by, now=now)
    amend(again, incident=alert.incident)
    assert alert.incident is not None
    note(alert.incident, "alert_fired", by, _facts(signal), at=now)
    return Taken(alert.incident, deduplicated=True)


def _open(signal: Signal, service: Service, before: Alert | None, *, by: Caller, now: datetime) -> Taken:
    """Declare the incident of an alert. Its row comes first, because the database lets only one have the key."""
    was_over = is_over_already(_known(before), detected_at=signal.detected_at)
    if before is not None and before.resolved_at is None:
        # Its incident is over though it never said so itself; what fires now is another one.
        amend(before, resolved_at=now)
    alert = _claimed(signal, service, now=now)
    if alert is None:
        return _take_firing(signal, service, by=by, now=now)
    incident = declare_incident(_declaration(signal, service, alert), by=by)
    note(incident, "alert_fired", by, _facts(signal), at=now)
    amend(alert, incident=incident)
    if before is not None and before.incident_id is None:
        amend(before, incident=incident)
    if was_over:
        amend(alert, resolved_at=before.resolved_at if before else now)
        note(incident, "alert_resolved", by, _facts(signal), at=now)
    return Taken(incident, deduplicated=False)


def _claimed(signal: Signal, service: Service, *, now: datetime) -> Alert | None:
    """A new open alert under the key; None when somebody else has just opened one."""
    alert = Alert(
        source=signal.source,
        dedup_key=signal.dedup_key,
        service=service,
        title=brief(signal.title, most=MOST_TITLE),
        url=signal.url,
        details=dict(signal.details),
        detected_at=min(signal.detected_at, now) if signal.detected_at else None,
        first_at=now,
        last_at=now,
    )
    try:
        with transaction.atomic():
            alert.save(force_insert=True)
    except IntegrityError:
        return None
    return alert


def _declaration(signal: Signal, service: Service, alert: Alert) -> Declaration:
    return Declaration(
        title=alert.title,
        services=[service.slug],
        severity=severities.severity_of_alert(signal.severity, tier=service.tier),
        detected_at=alert.detected_at or alert.first_at,
        detection_source=DetectionSource.ALERT,
        evidence=signal.url,
        facts={"alert": signal.source},
    )


def _take_end(signal: Signal, service: Service, *, by: Caller, now: datetime) -> Taken:
    alert = _latest(signal)
    ended = min(signal.ended_at, now) if signal.ended_at else now
    if alert is None:
        alert = _claimed(signal, service, now=now)
        if alert is None:
            return _take_end(signal, service, by=by, now=now)
        amend(alert, resolved_at=ended)
        return Taken(None, deduplicated=False)
    amend(alert, count=alert.count + 1, last_at=now)
    if alert.resolved_at is not None:
        return Taken(alert.incident, deduplicated=True)
    amend(alert, resolved_at=ended)
    if alert.incident is not None:
        note(alert.incident, "alert_resolved", by, _facts(signal), at=now)
    return Taken(alert.incident, deduplicated=True)


def _facts(signal: Signal) -> dict[str, object]:
    detected = signal.detected_at.astimezone(UTC).isoformat() if signal.detected_at else None
    title = brief(signal.title, most=MOST_TITLE)
    return {"source": signal.source, "title": title, "url": signal.url, "detected_at": detected}


def ref_for(incident: Incident | None, *, by: Caller) -> str | None:
    """The incident's ref for whoever sent the signal; None if they may not know of it."""
    if incident is None or not incident.restricted:
        return incident.ref if incident else None
    return incident.ref if queries.visible_to(by.user_id).filter(pk=incident.pk).exists() else None


def take_signals(signals: Sequence[Signal], *, by: Caller) -> list[Taken | RuleViolation]:
    """Take in several, each by itself: what is wrong with one never sinks the others, unless all of them are wrong.

    In the order of the list; raises the refusal of the first when none could be taken.
    """
    results = [_taken_or_refused(signal, by=by) for signal in signals]
    refusals = [one for one in results if isinstance(one, RuleViolation)]
    if refusals and len(refusals) == len(results):
        raise refusals[0]
    return results


def _taken_or_refused(signal: Signal, *, by: Caller) -> Taken | RuleViolation:
    try:
        return take_signal(signal, by=by)
    except RuleViolation as refusal:
        return refusal
