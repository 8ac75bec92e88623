"""An incident in words: where it stands, its clocks, and what happened. Reads nothing but what it is given."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from changes.narration import Told, actor_in_words
from incidents.models import Incident
from incidents.notes import Line
from incidents.states import HURTING, OPEN, Level, State
from workflow import moments, tones
from workflow.lines import listed

LATE = timedelta(minutes=1)
Said = Mapping[str, Any]


class Clock(NamedTuple):
    """One of the times: its label, when, what is said below, and its tone while that matters."""

    label: str
    at: datetime | None
    note: str
    tone: str = ""


LABELS = (
    ("impact_started_at", "Impact began"),
    ("detected_at", "Detected"),
    ("declared_at", "Declared"),
    ("acknowledged_at", "Acknowledged"),
    ("first_public_post_at", "First public post"),
    ("mitigated_at", "Mitigated"),
    ("resolved_at", "Resolved"),
)


def clocks(incident: Incident, *, now: datetime) -> list[Clock]:
    """The times that people look at while it hurts, and when it was resolved once it is."""
    shown = LABELS if incident.resolved_at else LABELS[:-1]
    return [_clock(incident, name, label, now) for name, label in shown]


def _clock(incident: Incident, name: str, label: str, now: datetime) -> Clock:
    at: datetime | None = getattr(incident, name)
    if at is None:
        return Clock(label, None, *_unknown(incident, name, now))
    note = _distance(incident, name, at)
    source = str(incident.sources.get(name, {}).get("source", ""))
    told = [part for part in (note, {"person": "by hand", "Decklog": ""}.get(source, source)) if part]
    return Clock(label, at, ", ".join(told))


def _unknown(incident: Incident, name: str, now: datetime) -> tuple[str, str]:
    bad = tones.look("rejected").tone
    is_hurting = incident.state in HURTING
    if name == "mitigated_at" and is_hurting:
        began = incident.impact_started_at or incident.declared_at
        return f"{moments.rough((now - began).total_seconds())} of impact", bad
    if name == "acknowledged_at" and is_hurting:
        return "nobody has it", bad
    if name == "first_public_post_at" and incident.is_open and incident.customer_impacting:
        return "customers were not told", tones.look("submitted").tone
    return "unknown" if name in {"impact_started_at", "detected_at"} else "", ""


def _distance(incident: Incident, name: str, at: datetime) -> str:
    """How long after what it follows."""
    earlier = {
        "detected_at": ("impact_started_at", "later"),
        "acknowledged_at": ("declared_at", "later"),
        "first_public_post_at": ("detected_at", "after detection"),
        "mitigated_at": ("impact_started_at", "of impact"),
        "resolved_at": ("impact_started_at", "in all"),
    }
    before, words = earlier.get(name, ("", ""))
    since: datetime | None = getattr(incident, before) if before else None
    if since is None or at < since:
        return ""
    return f"{moments.rough((at - since).total_seconds())} {words}"


def how_it_stands(incident: Incident, *, now: datetime) -> str:
    """What is hurt and who notices, in a few words."""
    ongoing = [impact for impact in incident.impacts.all() if impact.end is None]
    worst: dict[str, str] = {}
    for impact in ongoing:
        before = worst.get(impact.service.slug, impact.level)
        worst[impact.service.slug] = max(before, impact.level, key=Level.values.index)
    hurt = [f"{slug} is {tones.look(level, 'status').word.lower()}" for slug, level in sorted(worst.items())]
    where = listed(hurt) or listed(sorted(service.slug for service in incident.services.all()))
    felt = {
        True: "customers notice",
        False: "customers notice nothing",
        None: "nobody has said whether customers notice",
    }
    return f"{where}, {felt[incident.customer_impacting]}"


def age_in_words(incident: Incident, *, now: datetime) -> str:
    """`39 min since it was declared`, or how long it took."""
    if incident.state in OPEN:
        return f"{moments.rough((now - incident.declared_at).total_seconds())} since it was declared"
    ended = incident.resolved_at or incident.updated_at
    return f"over after {moments.rough((ended - incident.declared_at).total_seconds())}"


# --- The timeline ----------------------------------------------------------------------------------------------------


class Deed(NamedTuple):
    """One deed: how it looks, what was done, and the doer's own words."""

    icon: str
    tone: str
    text: str
    quote: str = ""


class ToldLine(NamedTuple):
    """An entry of the timeline as the page shows it, with what can be done about it."""

    told: Told
    entry: int
    is_note: bool
    was: Sequence[str] = ()


def told_lines(lines: Iterable[Line], names: Mapping[str, str]) -> list[ToldLine]:
    """The timeline in words, in the order given."""
    return [_line(line, names) for line in lines]


def _line(line: Line, names: Mapping[str, str]) -> ToldLine:
    entry = line.entry
    done = _deed(line, names)
    is_person = entry.actor.startswith("user:")
    who = actor_in_words(entry.actor, names)
    is_late = abs(entry.recorded_at - entry.occurred_at) > LATE
    told = Told(
        entry.occurred_at,
        done.icon,
        done.tone,
        text=f"{done.text[:1].lower()}{done.text[1:]}" if is_person else done.text,
        actor=who if is_person else "",
        source="" if is_person else who,
        written_at=entry.recorded_at if is_late else None,
        quote=done.quote,
    )
    was = [str(one.data.get("before") or "") for one in line.revisions] if line.tombstone is None else []
    return ToldLine(told, entry.pk, is_note=line.text is not None, was=was)


def _deed(line: Line, names: Mapping[str, str]) -> Deed:
    if line.tombstone is not None:
        who = actor_in_words(line.tombstone.actor, names)
        return Deed("eraser", "mute", f"Wrote a note that {who} removed", str(line.tombstone.data.get("reason") or ""))
    if line.entry.verb == "note":
        again = f", revised {len(line.revisions)} times" if len(line.revisions) > 1 else ", revised"
        return Deed("note", "mute", f"Noted{again if line.revisions else ''}", line.text or "")
    words = _WORDS.get(line.entry.verb)
    if words is None:
        return Deed("message", "mute", line.entry.verb.replace("_", " ").capitalize())
    return words(line.entry.data)


def _state(state: str, text: str, quote: str = "") -> Deed:
    it = tones.look(state, "incident")
    return Deed(it.icon, it.tone, text, quote)


def _declared(said: Said) -> Deed:
    it = tones.look(str(said.get("severity")), "severity")
    of = listed([str(service) for service in said.get("services", [])])
    return Deed("flame", it.tone, f"Declared {it.word} on {of}")


def _advanced(said: Said) -> Deed:
    return _state(str(said.get("to")), f"Moved it to {said.get('to')}", str(said.get("reason") or ""))


def _times(said: Said) -> Deed:
    changed = [name.removesuffix("_at").replace("_", " ") for name in said.get("changed", {})]
    return Deed("clock-edit", "live", f"Corrected {listed(changed)}", str(said.get("reason") or ""))


def _severity(said: Said) -> Deed:
    before, after = said.get("changed", {}).get("severity", ["", ""])
    it = tones.look(str(after), "severity")
    was = tones.look(str(before), "severity").word
    return Deed("flame", it.tone, f"Changed {was} to {it.word}", str(said.get("reason") or ""))


def _edited(said: Said) -> Deed:
    names = [str(name).replace("_", " ") for name in said.get("changed", {})]
    names += ["services"] if said.get("services") else []
    return Deed("pencil", "mute", f"Edited {listed(names)}", str(said.get("reason") or ""))


def _role(said: Said) -> Deed:
    name, role = said.get("name"), said.get("role")
    return Deed("user-plus", "mute", f"Made {name} {role}" if name else f"Took back the role {role}")


def _marked(said: Said) -> Deed:
    it = tones.look(str(said.get("role")), "link")
    return Deed(it.icon, it.tone, f"Marked {said.get('change')} as {said.get('role')}", str(said.get("note") or ""))


def _impact(said: Said) -> Deed:
    level = tones.look(str(said.get("level")), "status")
    return Deed("activity", level.tone, f"Said that {said.get('service')} was {level.word.lower()}")


def _published(said: Said) -> Deed:
    place = "Published an update" if said.get("public") else "Wrote an update among ourselves"
    return Deed("speakerphone", "live", place, str(said.get("text") or ""))


def _held(said: Said) -> Deed:
    of = listed([str(service) for service in said.get("services", [])])
    return Deed("hand-stop", "exc", f"Hold placed on {of}: the gate answers hold until this is resolved")


def _alert(said: Said) -> Deed:
    return Deed("bell-ringing", "warn", f"Alert of {said.get('source')} fires", str(said.get("title") or ""))


def _reasoned(state: str, text: str) -> Callable[[Said], Deed]:
    return lambda said: _state(state, text, str(said.get("reason") or ""))


def _plain(icon: str, tone: str, text: str) -> Callable[[Said], Deed]:
    return lambda said: Deed(icon, tone, text.format_map({**dict.fromkeys(_NAMED, ""), **said}))


_NAMED = (
    *("name", "into", "incident", "source", "target", "people", "status"),
    *("rca", "action", "title", "question", "claim"),
)
_WORDS: dict[str, Callable[[Said], Deed]] = {
    "declared": _declared,
    "acknowledged": _plain("bell", "ok", "Acknowledged it"),
    "advanced": _advanced,
    "mitigated": _reasoned(State.MITIGATED, "Mitigated it"),
    "resolved": _reasoned(State.RESOLVED, "Resolved it"),
    "reopened": _reasoned(State.INVESTIGATING, "Reopened it"),
    "closed": _reasoned(State.CLOSED, "Closed it"),
    "cancelled": _reasoned(State.CANCELLED, "Cancelled it"),
    "merged": _reasoned(State.MERGED, "Merged it into another one"),
    "rca_begun": _plain("binary-tree", "live", "Began the root cause analysis {rca}"),
    "rca_edited": _plain("pencil", "mute", "Wrote in {rca}"),
    "rca_submitted": _plain("send", "live", "Asked for a review of {rca}"),
    "rca_reviewed": _plain("user-check", "live", "Reviewed {rca}"),
    "rca_published": _plain("circle-check", "ok", "Published {rca}"),
    "rca_waived": _plain("circle-minus", "mute", "Waived {rca}"),
    "why_asked": _plain("help-circle", "mute", "Asked in {rca}: {question}"),
    "why_edited": _plain("pencil", "mute", "Changed a why in {rca}"),
    "why_removed": _plain("circle-minus", "mute", "Took a why out of {rca}: {question}"),
    "why_shared": _plain("git-merge", "warn", "Found a known cause in {rca}: {claim}"),
    "action_promised": _plain("list-check", "live", "Promised {action}: {title}"),
    "action_started": _plain("progress", "live", "Began {action}"),
    "action_done": _plain("circle-check", "live", "Did {action}; somebody else proves it"),
    "action_verified": _plain("rosette-discount-check", "ok", "Proved that {action} works"),
    "action_ineffective": _plain("refresh-alert", "bad", "Said that {action} does not work"),
    "action_dropped": _plain("circle-minus", "mute", "Dropped {action}"),
    "action_broken": _plain("refresh-alert", "bad", "{action} did not work: its cause has hurt again"),
    "absorbed": _plain("git-merge", "mute", "Merged {incident} into this one"),
    "times_changed": _times,
    "severity_changed": _severity,
    "edited": _edited,
    "role_given": _role,
    "invited": _plain("user-plus", "mute", "Invited {name}"),
    "impact_added": _impact,
    "change_marked": _marked,
    "update_drafted": _plain("pencil", "mute", "Drafted an update"),
    "update_published": _published,
    "held": _held,
    "released": _plain("circle-check", "ok", "Hold released: the services are free again"),
    "alert_fired": _alert,
    "alert_resolved": _plain("bell", "ok", "Alert of {source} is resolved"),
    "paged": _plain("bell-ringing", "live", "Paged {target}"),
    "page_step": _plain("bell-ringing", "live", "The page went out"),
    "page_nobody": _plain("alert-circle", "bad", "Nobody was on call for the page"),
    "page_acknowledged": _plain("bell", "ok", "Acknowledged the page"),
    "page_exhausted": _plain("alert-circle", "bad", "Nobody acknowledged the page"),
    "page_cancelled": _plain("bell", "mute", "The page was called off"),
}
