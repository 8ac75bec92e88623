"""Correcting when things happened, with a reason; the ledger keeps what was said before."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.callers import Caller
from incidents import policy
from incidents.declaring import describe_incident
from incidents.intervals import move_impacts
from incidents.models import TIMES, Incident
from incidents.record import note, require_times, sourced, taken, times_of
from workflow.amendments import amend
from workflow.decisions import REFUSED
from workflow.errors import InvalidFields, Unprocessable


@dataclass(frozen=True, slots=True)
class Edit:
    """What shall be otherwise: times by name (None is unknown), and columns. `evidence` says how one knows."""

    times: Mapping[str, datetime | None] = field(default_factory=dict)
    columns: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    evidence: str = ""


@transaction.atomic
def edit_incident(ref: str, edit: Edit, *, by: Caller) -> None:
    """Correct an incident, all of it or nothing; see `correct_times` and `describe_incident` for the refusals."""
    if edit.columns:
        describe_incident(ref, edit.columns, by=by, reason=edit.reason)
    if edit.times:
        correct_times(ref, edit.times, by=by, reason=edit.reason, evidence=edit.evidence)


@transaction.atomic
def correct_times(
    ref: str, times: Mapping[str, datetime | None], *, by: Caller, reason: str, evidence: str = ""
) -> Incident:
    """Say when things really happened; None makes a time unknown again. Intervals of impact move along.

    Raises Missing, Unprocessable("required") without a reason, InvalidFields with a fault for each field:
    `none_in_the_future`, `times_in_order`, `time_has_come`, `unknown_time`.
    """
    now, incident = timezone.now(), taken(ref, by=by)
    _judge(incident, times)
    if not reason.strip():
        raise Unprocessable("required", "Say how you know.", field="reason")
    before = times_of(incident)
    require_times({**before, **times}, now=now, named=times)
    changed = {name: at for name, at in times.items() if at != before[name]}
    if not changed:
        return incident
    amend(
        incident,
        sources=sourced(incident, changed, by=by, source="person", evidence=evidence or reason.strip()),
        updated_at=now,
        **changed,
    )
    move_impacts(
        incident,
        start=(before["impact_started_at"], incident.impact_started_at),
        end=(before["mitigated_at"] or before["resolved_at"], incident.mitigated_at or incident.resolved_at),
    )
    note(incident, "times_changed", by, _facts(before, changed, reason), at=now)
    return incident


def _judge(incident: Incident, times: Mapping[str, datetime | None]) -> None:
    errors = []
    for name, at in times.items():
        if name not in TIMES:
            errors.append(
                (name, "unknown_time", f"“{name[:40]}” is no time of an incident. Known: {', '.join(TIMES)}.")
            )
            continue
        was_known = getattr(incident, name) is not None
        decision = policy.time_has_come(name, incident.state, was_known=was_known, is_known=at is not None)
        if decision.outcome == REFUSED:
            errors.append((name, decision.rule, decision.because))
    if errors:
        raise InvalidFields(errors)


def _facts(before: policy.Times, changed: Mapping[str, datetime | None], reason: str) -> dict[str, Any]:
    told = {name: [_text(before[name]), _text(at)] for name, at in changed.items()}
    return {"changed": told, "reason": reason.strip()}


def _text(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat() if at else None
