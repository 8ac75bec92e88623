"""When which service was hurt: intervals that follow the times of their incident, and those that somebody adds."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts.callers import Caller
from catalog.models import Service
from incidents.models import Impact, Incident
from incidents.policy import LEVEL_OF
from incidents.record import found_services, note_earlier, require_services, taken
from incidents.states import HURTING, Level
from workflow.amendments import amend
from workflow.errors import InvalidFields

BeforeAfter = tuple[datetime | None, datetime | None]


def begin_impacts(incident: Incident, services: Iterable[Service], *, start: datetime | None) -> None:
    """From `start` on these services are hurt; nothing while nobody knows since when."""
    if start is None or incident.state not in HURTING:
        return
    level = incident.impact or LEVEL_OF[incident.severity]
    Impact.objects.bulk_create(
        Impact(incident=incident, service=service, level=level, start=start) for service in services
    )


def end_impacts(incident: Incident, *, at: datetime) -> None:
    """What still hurts has ended `at`; what would have begun later never was."""
    ongoing = Impact.objects.filter(incident=incident, end__isnull=True)
    ongoing.filter(start__gte=at).delete()
    ongoing.update(end=at)


def move_impacts(incident: Incident, *, start: BeforeAfter, end: BeforeAfter) -> None:
    """Follow a correction of the times (before, after): intervals that began or ended with the old ones move along."""
    impacts = Impact.objects.filter(incident=incident)
    if start[0] != start[1]:
        if start[0] is None:
            _begin_late(incident, start[1], ended=end[1])
        elif start[1] is None:
            impacts.filter(start=start[0]).delete()
        else:
            for impact in impacts.filter(start=start[0]):
                _reshape(impact, start=start[1], end=impact.end)
    if end[0] != end[1] and end[0] is not None:
        for impact in impacts.filter(end=end[0]):
            _reshape(impact, start=impact.start, end=end[1])


def _begin_late(incident: Incident, start: datetime | None, *, ended: datetime | None) -> None:
    if start is None or (ended is not None and ended <= start) or (ended is None and incident.state not in HURTING):
        return
    level = incident.impact or LEVEL_OF[incident.severity]
    Impact.objects.bulk_create(
        Impact(incident=incident, service=service, level=level, start=start, end=ended)
        for service in incident.services.all()
    )


def _reshape(impact: Impact, *, start: datetime, end: datetime | None) -> None:
    if end is not None and end <= start:
        impact.delete()
    else:
        amend(impact, start=start, end=end)


@transaction.atomic
def add_impact(ref: str, service: str, level: str, span: tuple[datetime, datetime | None], *, by: Caller) -> Impact:
    """Say that a service was hurt over [start, end), or still is; it belongs to the incident from then on."""
    now, incident = timezone.now(), taken(ref, by=by)
    start, end = span
    errors = [
        (name, "none_in_the_future", "This is still to come. Write when it was.")
        for name, at in (("start", start), ("end", end))
        if at is not None and at > now
    ]
    if end is not None and end <= start:
        errors.append(("end", "impact_ends_later", "The end must be after the start."))
    if end is None and incident.state not in HURTING:
        errors.append(("end", "required", f"The incident is {incident.state}, so say when this ended."))
    if errors:
        raise InvalidFields(errors)
    (found,) = found_services([service])
    require_services([found.slug], by=by)
    incident.services.add(found)
    impact = Impact(incident=incident, service=found, level=Level(level), start=start, end=end)
    impact.save(force_insert=True)
    facts = {"service": found.slug, "level": level, "end": end.isoformat() if end else None}
    note_earlier(incident, "impact_added", by, facts, was=start, at=now)
    amend(incident, updated_at=now)
    return impact
