"""Write down Halyard's incidents and lessons, each row as the action of its verb would have written it.

Returns lines of the ledger, which are appended together with those of the changes, oldest first.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings

from catalog.models import Service
from demo.filed.actions import Line
from demo.filed.company import Company, Person
from demo.lessons.story import Lesson, Promised, WhyTold, all_lessons
from incidents.models import Impact, Incident
from incidents.rca.models import CorrectiveAction, Rca, RcaWhy, Why, WhyEdge
from incidents.rca.policy import rca_due_at
from incidents.record import search_text
from workflow.ledger import SYSTEM, Happening

TIMES = ("detected", "declared", "acknowledged", "mitigated", "resolved")


@dataclass(slots=True)
class _Writer:
    """What one pass over the lessons knows: whys by name, incidents in their order, and the lines so far."""

    company: Company
    now: datetime
    whys: dict[str, Why] = field(default_factory=dict)
    begun: list[tuple[Lesson, Rca]] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)

    def who(self, name: str) -> Person:
        return self.company.people[name]

    def say(self, incident: Incident, verb: str, actor: str, at: datetime, **facts: object) -> None:
        self.lines.append((at, incident.ref, Happening(verb, actor, at, facts)))

    def day(self, ago: int) -> datetime:
        return (self.now - timedelta(days=ago)).replace(hour=10, minute=0, second=0, microsecond=0)


def write_lessons(company: Company, *, now: datetime) -> list[Line]:
    """Every incident with its impact, its analysis and its actions."""
    writer = _Writer(company, now.astimezone(UTC))
    for lesson in all_lessons():
        incident = _incident(writer, lesson)
        rca = _rca(writer, lesson, incident)
        writer.begun.append((lesson, rca))
        _whys(writer, lesson, rca)
    for lesson, rca in writer.begun:
        for promised in lesson.actions:
            _action(writer, promised, rca)
    return writer.lines


# --- The incident ----------------------------------------------------------------------------------------------------


def _incident(writer: _Writer, lesson: Lesson) -> Incident:
    hour, minute = map(int, lesson.at.split(":"))
    began = (writer.now - timedelta(days=lesson.days)).replace(hour=hour, minute=minute, second=0, microsecond=0)
    times = {f"{name}_at": began + timedelta(minutes=lesson.minutes[name]) for name in TIMES}
    commander, slugs = writer.who(lesson.commander), sorted(lesson.hurt)
    closed_at = _published_at(writer, lesson) if lesson.state == "published" else None
    by_hand = {"source": "person", "actor": commander.actor, "evidence": ""}
    incident = Incident.objects.create(
        title=lesson.title,
        summary=lesson.summary,
        severity=lesson.severity,
        state="closed" if closed_at else "resolved",
        customer_impacting=True,
        impact_started_at=began,
        **times,
        closed_at=closed_at,
        sources=dict.fromkeys(("impact_started_at", "mitigated_at", "resolved_at"), by_hand),
        detection_source=lesson.noticed_by,
        commander_id=commander.pk,
        declared_by_id=commander.pk,
        alias=hashlib.sha256(lesson.title.encode()).hexdigest()[:16],
        created_at=times["declared_at"],
        updated_at=closed_at or times["resolved_at"],
    )
    services = list(Service.objects.filter(slug__in=slugs).order_by("slug"))
    incident.services.set(services)
    incident.search_text = search_text(incident.title, incident.summary, services, incident.ref)
    incident.save(update_fields=["search_text"])
    Impact.objects.bulk_create(
        Impact(incident=incident, service=one, level=lesson.hurt[one.slug], start=began, end=times["mitigated_at"])
        for one in services
    )
    _tell(writer, incident, slugs)
    return incident


def _tell(writer: _Writer, incident: Incident, slugs: Sequence[str]) -> None:
    assert incident.acknowledged_at
    assert incident.mitigated_at
    assert incident.resolved_at
    actor = next(one.actor for one in writer.company.people.values() if one.pk == incident.commander_id)
    declared = {"title": incident.title, "severity": incident.severity, "services": list(slugs)}
    writer.say(incident, "declared", actor, incident.declared_at, **declared)
    writer.say(incident, "acknowledged", actor, incident.acknowledged_at)
    writer.say(incident, "mitigated", actor, incident.mitigated_at, reason="")
    writer.say(incident, "resolved", actor, incident.resolved_at, reason="")
    if incident.closed_at:
        writer.say(incident, "closed", actor, incident.closed_at, reason="")


def _published_at(writer: _Writer, lesson: Lesson) -> datetime:
    return writer.day(lesson.days - 3) + timedelta(hours=5)


# --- The analysis ----------------------------------------------------------------------------------------------------


def _rca(writer: _Writer, lesson: Lesson, incident: Incident) -> Rca:
    resolved_at = incident.resolved_at
    assert resolved_at
    author, reviewer = writer.who(lesson.people["author"]), lesson.people.get("reviewer")
    published_at = _published_at(writer, lesson) if reviewer else None
    submitted_at = published_at - timedelta(hours=3) if published_at else None
    due_at = rca_due_at(lesson.severity, resolved_at=resolved_at, zone=ZoneInfo(settings.ORGANISATION_TIME_ZONE))
    rca = Rca.objects.create(
        incident=incident,
        state=lesson.state,
        summary=lesson.summary,
        went_well=lesson.went_well,
        lucky=lesson.lucky,
        author_id=author.pk,
        due_at=due_at,
        submitted_at=submitted_at,
        reviewed_by_id=writer.who(reviewer).pk if reviewer else None,
        published_at=published_at,
        created_at=resolved_at,
        updated_at=published_at or resolved_at + timedelta(days=1),
    )
    writer.say(incident, "rca_begun", SYSTEM, resolved_at, rca=rca.ref, due_at=due_at.isoformat())
    if reviewer and submitted_at and published_at:
        writer.say(incident, "rca_submitted", author.actor, submitted_at, rca=rca.ref)
        reviewed_at = published_at - timedelta(hours=1)
        writer.say(incident, "rca_reviewed", writer.who(reviewer).actor, reviewed_at, rca=rca.ref, note="")
        writer.say(incident, "rca_published", author.actor, published_at, rca=rca.ref)
    return rca


def _whys(writer: _Writer, lesson: Lesson, rca: Rca) -> None:
    author = writer.who(lesson.people["author"])
    for position, told in enumerate(lesson.whys, start=1):
        why = writer.whys.get(told.known) or _why(writer, told, author, rca)
        risk = lesson.accepted.get(told.name or told.known, "")
        lead = _lead(writer, lesson) if risk else None
        RcaWhy.objects.create(rca=rca, why=why, position=position, accepted_risk=risk, accepted_by_id=lead)
        for parent in told.below:
            WhyEdge.objects.create(rca=rca, parent=writer.whys[parent], child=why)
        verb = "why_shared" if told.known else "why_asked"
        facts = {"rca": rca.ref, "why": why.pk, "question": why.question, "claim": why.claim}
        writer.say(rca.incident, verb, author.actor, _asked_at(rca, position), **facts)


def _lead(writer: _Writer, lesson: Lesson) -> int:
    teams = {writer.company.services[slug].team for slug in lesson.hurt}
    return min(hand.user_id for team in teams for hand in writer.company.hands[team] if hand.is_lead)


def _asked_at(rca: Rca, position: int) -> datetime:
    resolved_at: datetime | None = rca.incident.resolved_at
    assert resolved_at
    return resolved_at + timedelta(hours=4, minutes=3 * position)


def _why(writer: _Writer, told: WhyTold, author: Person, rca: Rca) -> Why:
    at = _asked_at(rca, 0)
    why = Why.objects.create(
        question=told.question,
        claim=told.claim,
        path=told.path,
        state=told.state,
        category=told.category,
        stop_reason=told.stop,
        evidence=[_evidence(text) for text in told.evidence],
        author_id=author.pk,
        created_at=at,
        updated_at=at,
    )
    writer.whys[told.name] = why
    return why


def _evidence(text: str) -> dict[str, str]:
    return {"kind": "link" if text.startswith("https://") else "note", "value": text, "label": ""}


# --- The actions -----------------------------------------------------------------------------------------------------


def _action(writer: _Writer, told: Promised, rca: Rca) -> None:
    owner, due = writer.who(told.owner), _date(writer, told.due if told.new_due is None else told.new_due)
    by = writer.who(told.by) if told.by else None
    broken_by = writer.begun[told.broken_by][1] if told.broken_by is not None else None
    state = _state(told)
    action = CorrectiveAction.objects.create(
        rca=rca,
        why=writer.whys[told.against],
        title=told.title,
        type=told.type,
        effect=told.effect,
        owner_id=owner.pk,
        due=due,
        state=state,
        note=told.note,
        evidence=told.proof,
        method=told.method,
        verified_by_id=by.pk if by and told.verified is not None else None,
        done_at=writer.day(told.done) if told.done is not None else None,
        verified_at=writer.day(told.verified) if state == "verified" and told.verified is not None else None,
        reason=f"Its cause has hurt again: {broken_by.ref}." if broken_by else told.reason,
        approver_id=by.pk if by and told.dropped is not None else None,
        tracker_key=told.tracker,
        reopened=1 if broken_by else 0,
        created_at=writer.day(told.promised),
        updated_at=writer.day(_last(told)),
    )
    _tell_of(writer, action, told, broken_by)


def _date(writer: _Writer, ago: int) -> date:
    return (writer.now - timedelta(days=ago)).date()


def _state(told: Promised) -> str:
    if told.broken_by is not None:
        return "ineffective"
    reached = {
        "wont_do": told.dropped,
        "verified": told.verified,
        "done": told.done,
        "in_progress": told.began,
    }
    return next((state for state, ago in reached.items() if ago is not None), "open")


def _last(told: Promised) -> int:
    known = (told.promised, told.began, told.done, told.verified, told.dropped)
    return min(ago for ago in known if ago is not None)


def _tell_of(writer: _Writer, action: CorrectiveAction, told: Promised, broken_by: Rca | None) -> None:
    owner, by = writer.who(told.owner).actor, writer.who(told.by or told.owner).actor
    steps = [
        ("action_promised", owner, told.promised, {"title": action.title, "due": _date(writer, told.due).isoformat()}),
        ("action_started", owner, told.began, {}),
        ("action_done", owner, told.done, {"note": told.note}),
        ("action_verified", by, told.verified, {"method": told.method, "evidence": told.proof}),
        ("action_dropped", by, told.dropped, {"reason": told.reason}),
    ]
    for verb, actor, ago, facts in steps:
        if ago is not None:
            writer.say(action.rca.incident, verb, actor, writer.day(ago), action=action.ref, **facts)
    if broken_by:
        at = _asked_at(broken_by, 2)
        facts = {"action": action.ref, "rca": broken_by.ref, "title": action.title}
        writer.say(action.rca.incident, "action_broken", SYSTEM, at, **facts)
