"""The way of an incident: acknowledge, advance, mitigate, resolve, reopen, close, cancel."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.callers import Caller
from incidents import policy
from incidents.closing import facts_for_closing
from incidents.consequences import settle_holds, tell_everybody
from incidents.intervals import begin_impacts, end_impacts, move_impacts
from incidents.models import Incident
from incidents.paging import answer_pages, call_pages_off
from incidents.rca.actions import require_rca
from incidents.record import note, note_earlier, require_step, require_times, sourced, taken, times_of
from incidents.states import MOVES, SKIPPABLE, State
from workflow.amendments import amend
from workflow.decisions import require
from workflow.errors import Conflict, InvalidFields, Unprocessable
from workflow.transitions import move


@transaction.atomic
def acknowledge_incident(ref: str, *, by: Caller) -> Incident:
    """Somebody has seen it and is at work; pages that still go out are called off. A second time nothing changes.

    Raises Missing, Conflict("transition_illegal"), Conflict("incident_merged").
    """
    now, incident = timezone.now(), taken(ref, by=by)
    if not incident.is_open:
        raise Conflict("transition_illegal", f"It is {incident.state}, so there is nothing to acknowledge.")
    answer_pages(incident, by=by)
    if incident.acknowledged_at is not None:
        return incident
    columns: dict[str, Any] = {
        "acknowledged_at": now,
        "sources": sourced(incident, ["acknowledged_at"], by=by, source="Decklog"),
        "updated_at": now,
    }
    if incident.state == State.TRIAGE:
        move(incident, State.INVESTIGATING, moves=MOVES, **columns)
    else:
        amend(incident, **columns)
    note(incident, "acknowledged", by, {}, at=now)
    tell_everybody(incident, "acknowledged", at=now)
    return incident


@transaction.atomic
def advance_incident(ref: str, state: str, *, by: Caller, reason: str = "") -> Incident:
    """Say that it is being investigated, or that the cause is known; where it is already nothing changes.

    Raises Missing, Unprocessable("advance_leads_there"), Conflict("transition_illegal"),
    Unprocessable("skip_needs_reason").
    """
    now, incident = timezone.now(), taken(ref, by=by)
    if state == incident.state:
        return incident
    if state not in SKIPPABLE or incident.state not in {State.TRIAGE, *SKIPPABLE}:
        require_step(incident, state, reason=reason)
        because = "Advance leads to investigating and identified. Use mitigate, resolve, reopen, close or cancel."
        raise Unprocessable("advance_leads_there", because, field="state")
    require_step(incident, state, reason=reason)
    before = incident.state
    move(incident, state, moves=MOVES, updated_at=now)
    note(incident, "advanced", by, {"from": before, "to": state, "reason": reason}, at=now)
    tell_everybody(incident, "advanced", at=now)
    return incident


@transaction.atomic
def mitigate_incident(ref: str, *, by: Caller, reason: str = "", mitigated_at: datetime | None = None) -> Incident:
    """It hurts no longer, though it is not mended; the impact ends now, or when `mitigated_at` says.

    Raises Missing, InvalidFields for a time that cannot be, Conflict("transition_illegal"),
    Unprocessable("skip_needs_reason").
    """
    now, incident = timezone.now(), taken(ref, by=by)
    require_step(incident, State.MITIGATED, reason=reason)
    at = mitigated_at or now
    columns = _ended(incident, {"mitigated_at": at}, by=by, now=now)
    before = incident.state
    move(incident, State.MITIGATED, moves=MOVES, updated_at=now, **columns)
    end_impacts(incident, at=at)
    facts = {"from": before, "reason": reason}
    note_earlier(incident, "mitigated", by, facts, was=at, at=now)
    tell_everybody(incident, "mitigated", at=now)
    return incident


def _ended(incident: Incident, times: dict[str, datetime], *, by: Caller, now: datetime) -> dict[str, Any]:
    """The columns for times that have come: the first ones stay, those of a later round go with its reopening."""
    named = list(times)
    if not incident.reopenings:
        require_times({**times_of(incident), **times}, now=now, named=named)
        return {**times, "sources": sourced(incident, named, by=by, source="person")}
    *earlier, last = incident.reopenings
    said = {"impact_started_at": _read(last["impact_started_at"])}
    said |= {name: _read(last[name]) for name in ("mitigated_at", "resolved_at", "closed_at")}
    require_times({**said, **times}, now=now, named=named)
    fresh = {name: at.astimezone(UTC).isoformat() for name, at in times.items()}
    return {"reopenings": [*earlier, {**last, **fresh}]}


def mitigated_last(incident: Incident) -> datetime | None:
    """When the present round was mitigated; None while it is not."""
    return _read(incident.reopenings[-1]["mitigated_at"]) if incident.reopenings else incident.mitigated_at


def _read(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


@dataclass(frozen=True, slots=True)
class Resolution:
    """What is known when it is over. Times that are None stay as they are; unknown ones stay unknown."""

    detection_source: str = ""
    customer_impacting: bool | None = None
    impact_started_at: datetime | None = None
    detected_at: datetime | None = None
    mitigated_at: datetime | None = None
    resolved_at: datetime | None = None
    reason: str = ""


@transaction.atomic
def resolve_incident(ref: str, said: Resolution, *, by: Caller) -> Incident:
    """It is over: who noticed it and whether customers did is known from now on, and its services are free again.

    Raises Missing, InvalidFields for what is not said or cannot be, Conflict("transition_illegal"),
    Unprocessable("skip_needs_reason").
    """
    now, incident = timezone.now(), taken(ref, by=by)
    require_step(incident, State.RESOLVED, reason=said.reason)
    source = said.detection_source or incident.detection_source
    felt = incident.customer_impacting if said.customer_impacting is None else said.customer_impacting
    _require_answers(source, felt)
    _correct(incident, said, by=by, now=now)
    over = said.resolved_at or now
    times = {"resolved_at": over} | ({"mitigated_at": said.mitigated_at} if said.mitigated_at else {})
    was_mitigated = mitigated_last(incident)
    columns = _ended(incident, times, by=by, now=now)
    before = incident.state
    columns |= {"detection_source": source, "customer_impacting": felt, "updated_at": now}
    move(incident, State.RESOLVED, moves=MOVES, **columns)
    if said.mitigated_at:
        move_impacts(incident, start=(None, None), end=(was_mitigated, said.mitigated_at))
    end_impacts(incident, at=said.mitigated_at or over)
    note_earlier(incident, "resolved", by, {"from": before, "reason": said.reason}, was=over, at=now)
    settle_holds(incident, at=now)
    call_pages_off(incident, by=by)
    require_rca(incident, at=now)
    tell_everybody(incident, "resolved", at=now)
    return incident


def _require_answers(source: str, felt: bool | None) -> None:  # noqa: FBT001 - private, and null means unknown
    errors = []
    if not source:
        errors.append(("detection_source", "required", "Say who noticed first: alert, customer or person."))
    if felt is None:
        errors.append(("customer_impacting", "required", "Say whether customers noticed."))
    if errors:
        raise InvalidFields(errors)


def _correct(incident: Incident, said: Resolution, *, by: Caller, now: datetime) -> None:
    """Take the beginnings that are said only now."""
    given = {"impact_started_at": said.impact_started_at, "detected_at": said.detected_at}
    known = {name: at for name, at in given.items() if at is not None and at != getattr(incident, name)}
    if not known:
        return
    before = times_of(incident)
    after = {**before, "mitigated_at": said.mitigated_at or before["mitigated_at"], **known}
    require_times(after, now=now, named=[*known, *(["mitigated_at"] if said.mitigated_at else [])])
    source = said.detection_source or "person"
    amend(incident, sources=sourced(incident, known, by=by, source=source), **known)
    start = (before["impact_started_at"], incident.impact_started_at)
    move_impacts(incident, start=start, end=(before["mitigated_at"], before["mitigated_at"]))


@transaction.atomic
def reopen_incident(ref: str, *, by: Caller, reason: str, impact_started_at: datetime | None = None) -> Incident:
    """It hurts again: a new interval of impact begins, and the times of the earlier rounds stay as they are.

    Raises Missing, Unprocessable("required") without a reason, InvalidFields, Conflict("transition_illegal").
    """
    now, incident = timezone.now(), taken(ref, by=by)
    if incident.state not in {State.MITIGATED, State.RESOLVED, State.CLOSED}:
        require_step(incident, State.INVESTIGATING, reason=reason)
        raise Conflict("transition_illegal", f"It is {incident.state}, so there is nothing to reopen.")
    if not reason.strip():
        raise Unprocessable("required", "Say what hurts again.", field="reason")
    start = impact_started_at or now
    require_times({"impact_started_at": start}, now=now)
    round_of = {
        "reopened_at": now.astimezone(UTC).isoformat(),
        "reason": reason.strip(),
        "impact_started_at": start.astimezone(UTC).isoformat(),
        **dict.fromkeys(("mitigated_at", "resolved_at", "closed_at")),
    }
    before = incident.state
    columns = {"reopenings": [*incident.reopenings, round_of], "updated_at": now}
    move(incident, State.INVESTIGATING, moves=MOVES, **columns)
    begin_impacts(incident, incident.services.all(), start=start)
    note(incident, "reopened", by, {"from": before, "reason": reason.strip()}, at=now)
    settle_holds(incident, at=now)
    tell_everybody(incident, "declared", at=now)
    return incident


@transaction.atomic
def close_incident(ref: str, *, by: Caller, reason: str = "") -> Incident:
    """Nothing is left to do: its root cause analysis is published or waived, and every root cause has its answer.

    Raises Missing, Conflict("close_needs_rca"), Conflict("transition_illegal").
    """
    now, incident = timezone.now(), taken(ref, by=by)
    require_step(incident, State.CLOSED, reason=reason)
    decision = policy.close_needs_rca(facts_for_closing(incident))
    require(decision, Conflict)
    columns = _ended(incident, {"closed_at": now}, by=by, now=now)
    move(incident, State.CLOSED, moves=MOVES, updated_at=now, **columns)
    note(incident, "closed", by, {"reason": reason, "because": decision.because}, at=now)
    tell_everybody(incident, "closed", at=now)
    return incident


@transaction.atomic
def cancel_incident(ref: str, *, by: Caller, reason: str) -> Incident:
    """It was none: nothing was hurt, and its services are free again.

    Raises Missing, Unprocessable("required") without a reason, Conflict("transition_illegal").
    """
    now, incident = timezone.now(), taken(ref, by=by)
    legal = policy.step_is_legal(incident.state, State.CANCELLED)
    require(legal, Conflict)
    if not reason.strip():
        raise Unprocessable("required", "Say why it was none.", field="reason")
    before = incident.state
    move(incident, State.CANCELLED, moves=MOVES, updated_at=now)
    end_impacts(incident, at=now)
    note(incident, "cancelled", by, {"from": before, "reason": reason.strip()}, at=now)
    settle_holds(incident, at=now)
    call_pages_off(incident, by=by)
    tell_everybody(incident, "cancelled", at=now)
    return incident
