"""Incidents in the words of the API. Shape only."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from accounts.models import User
from changes.models import Change
from changes.serializers import entry_json
from incidents.models import TIMES, Impact, Incident, IncidentChange, PublicUpdate
from incidents.notes import Line
from incidents.policy import warnings_of
from incidents.record import times_of
from incidents.states import MOVES, OPEN, SKIPPABLE, State


def _email(person: User | None) -> str | None:
    return person.email if person else None


def impact_json(impact: Impact) -> dict[str, Any]:
    """An interval of impact, half-open."""
    return {
        "id": impact.pk,
        "service": impact.service.slug,
        "level": impact.level,
        "start": impact.start,
        "end": impact.end,
    }


def link_json(link: IncidentChange) -> dict[str, Any]:
    """What somebody says about a change."""
    return {
        "change": link.change.ref,
        "title": link.change.title,
        "service": link.change.service.slug,
        "role": link.role,
        "note": link.note,
        "by": _email(link.said_by),
        "at": link.at,
    }


def filed_json(change: Change) -> dict[str, Any]:
    """A change that somebody filed with the incident's ref."""
    return {
        "change": change.ref,
        "title": change.title,
        "service": change.service.slug,
        "type": change.type,
        "state": change.state,
        "outcome": change.outcome or None,
    }


def update_json(update: PublicUpdate) -> dict[str, Any]:
    """What customers are told."""
    return {
        "id": update.pk,
        "message": update.message,
        "status": update.status,
        "public": update.public,
        "state": update.state,
        "next_by": update.next_by,
        "author": _email(update.author),
        "created_at": update.created_at,
        "published_at": update.published_at,
    }


def line_json(line: Line, names: Mapping[str, str]) -> dict[str, Any]:
    """An entry of the timeline with what was said about it later; a removed note keeps its place and no text."""
    said = entry_json(line.entry, names)
    data = {} if line.tombstone else said["data"]
    revisions = [] if line.tombstone else line.revisions
    return {
        **said,
        "data": data,
        "kind": "note" if line.entry.verb == "note" else "system",
        "text": line.text,
        "revisions": [
            {
                "by": entry_json(one, names)["actor"],
                "at": one.recorded_at,
                "before": one.data.get("before"),
                "text": one.data.get("text"),
                "reason": one.data.get("reason"),
            }
            for one in revisions
        ],
        "removed": _removal(line, names),
    }


def _removal(line: Line, names: Mapping[str, str]) -> dict[str, Any] | None:
    stone = line.tombstone
    if stone is None:
        return None
    by = entry_json(stone, names)["actor"]
    return {"by": by, "at": stone.recorded_at, "reason": stone.data.get("reason")}


def allowed_actions(incident: Incident) -> list[str]:
    """The verbs that its state lets anybody use who may see it; a rule may still ask for more."""
    leads_to = MOVES[incident.state]
    verbs = {
        "acknowledge": incident.state in OPEN and incident.acknowledged_at is None,
        "advance": incident.state in {State.TRIAGE, *SKIPPABLE} and bool(leads_to & SKIPPABLE),
        "mitigate": State.MITIGATED in leads_to,
        "resolve": State.RESOLVED in leads_to,
        "reopen": incident.state in {State.MITIGATED, State.RESOLVED, State.CLOSED},
        "close": State.CLOSED in leads_to,
        "cancel": State.CANCELLED in leads_to,
        "merge": State.MERGED in leads_to,
    }
    return [verb for verb, is_allowed in verbs.items() if is_allowed]


def incident_json(incident: Incident, *, names: Mapping[str, str]) -> dict[str, Any]:
    """An incident from `queries.in_full`; `names` are those behind the actors of its times."""
    parent = incident.merged_into
    times = times_of(incident)
    return {
        "ref": incident.ref,
        "url": f"{settings.BASE_URL}/incidents/{incident.ref}",
        "title": incident.title,
        "summary": incident.summary,
        "severity": incident.severity,
        "impact": incident.impact or None,
        "scope": incident.scope or None,
        "state": incident.state,
        "customer_impacting": incident.customer_impacting,
        "restricted": incident.restricted,
        # Which restricted one it became a part of is said on its own page, to those who may know.
        "merged_into": parent.ref if parent and not parent.restricted else None,
        "services": sorted(service.slug for service in incident.services.all()),
        **times,
        "times": times,
        "sources": {name: _source(incident.sources[name], names) for name in TIMES if name in incident.sources},
        "detection_source": incident.detection_source or None,
        "commander": _email(incident.commander),
        "comms": _email(incident.comms),
        "scribe": _email(incident.scribe),
        "declared_by": _email(incident.declared_by),
        "invited": [invite.user.email for invite in incident.invites.all()],
        "impacts": [impact_json(impact) for impact in incident.impacts.all()],
        "changes": [link_json(link) for link in incident.change_links.all()],
        "updates": [update_json(update) for update in incident.updates.all()],
        "reopenings": incident.reopenings,
        "on_call": incident.on_call,
        "allowed_actions": allowed_actions(incident),
        "warnings": warnings_of(times),
        "created_at": incident.created_at,
        "updated_at": incident.updated_at,
    }


def _source(said: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    author = names.get(said["actor"], "Decklog" if said["actor"] == "system" else None)
    return {"source": said["source"], "author": author, "evidence": said["evidence"]}
