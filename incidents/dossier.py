"""Everything that the pages of incidents show, gathered."""

from datetime import datetime
from typing import Any

from django import forms as django_forms
from django.utils import timezone

from accounts.models import User
from incidents import deeds, forms, narration, notes, queries
from incidents.models import Incident, PublicUpdate
from incidents.policy import warnings_of
from incidents.record import times_of
from incidents.refs import incident_id, missing
from incidents.states import State
from incidents.suspects import queries as suspects
from workflow.ledger import SHOWN

FIRST_SHOWN = 40


MARKS = (("caused", "Caused it"), ("contributed", "Contributed"), ("fixed", "Fixed it"), ("cleared", "Cleared"))
"""What a button says about a suspect."""


def seen(ref: str, me: User) -> Incident:
    """The incident with everything that its page shows; raises Missing."""
    found = queries.shown_on_page(me.pk).filter(pk=incident_id(ref)).first()
    if found is None:
        raise missing(ref)
    return found


def dossier_of(
    incident: Incident, me: User, *, as_known_at: datetime | None = None, compose: str = ""
) -> dict[str, Any]:
    """The content of templates/incidents/incident.html, without its forms; `compose` is the tab that is open."""
    now = timezone.now()
    entries, names = queries.entries_and_names(incident, as_known_at=as_known_at)
    amending = [entry for entry in entries if entry.verb in notes.AMENDING]
    lines = notes.folded(entries, amending)
    steps = deeds.offered(incident)
    return {
        "incident": incident,
        "age": narration.age_in_words(incident, now=now),
        "stands": narration.how_it_stands(incident, now=now),
        "clocks": narration.clocks(incident, now=now),
        "warnings": warnings_of(times_of(incident)),
        "lines": narration.told_lines(lines, names),
        "is_cut": len(entries) >= SHOWN,
        "as_known_at": as_known_at,
        "next_step": (steps[0], deeds.DEEDS[steps[0]]) if steps else None,
        "steps": [(name, deeds.DEEDS[name]) for name in steps[1:]],
        "keeping": [] if incident.state == State.MERGED else [(name, deeds.DEEDS[name]) for name in deeds.KEEPING],
        "filed": queries.filed_for(incident),
        "links": list(incident.change_links.all()),
        "roles": [(name, name.capitalize(), getattr(incident, name)) for name in ("commander", "comms", "scribe")],
        "drafts": [one for one in incident.updates.all() if one.state == PublicUpdate.State.DRAFT],
        "promised": _promised(incident),
        "suspects": suspects.ranked(incident),
        "rate": suspects.backtest(since=now - suspects.YEAR),
        "marks": MARKS,
        "compose": compose if compose in {"note", "update"} else "note",
        "me": me,
    }


def _promised(incident: Incident) -> datetime | None:
    """Until when customers were promised the next update, while it is open."""
    published = [one for one in incident.updates.all() if one.state == PublicUpdate.State.PUBLISHED and one.public]
    return published[-1].next_by if published and incident.is_open else None


def blank_forms(incident: Incident) -> dict[str, django_forms.Form]:
    """The forms of the page while nothing was typed."""
    known = dict(PublicUpdate.Status.choices)
    status = incident.state if incident.state in known else PublicUpdate.Status.INVESTIGATING
    return {"note_form": forms.NoteForm(), "update_form": forms.UpdateForm(initial={"status": status})}
