"""What waits for one person, as lines of a list. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from textwrap import shorten
from typing import NamedTuple

from changes.models import Change, Template
from changes.narration import proof_due
from changes.tickets import duties
from changes.tickets.duties import Duty
from home.queries import DEAD, MANY, OVERRIDE, PIPELINE, ToConfirm
from workflow import moments, tones

NEAR = timedelta(hours=4)


class Waiting(NamedTuple):
    """One thing to do: what, why, by when and where. `due` and `when` may be empty."""

    icon: str
    tone: str
    verb: str
    title: str
    url: str
    facts: Sequence[str]
    button: str
    due: str = ""
    due_tone: str = ""
    when: str = ""
    group: str = "Decide"


@dataclass(frozen=True, slots=True)
class Found:
    """What the queries found; `untrusted` are (slug, state, unproven deploys) of pipelines that wait for people."""

    unproven: Sequence[Change]
    untrusted: Sequence[tuple[str, str, int]]
    to_confirm: Sequence[ToConfirm] = ()
    duties: Sequence[Duty] = ()
    templates: Sequence[Template] = ()

    def asked(self, kind: str) -> list[ToConfirm]:
        """What waits for a second person, of one kind."""
        return [one for one in self.to_confirm if one.kind == kind]


def queue(found: Found, *, now: datetime) -> list[Waiting]:
    """Everything that waits: what nobody was told of first, then by the clock, then what has no clock."""
    lines = [_undelivered(int(one.key)) for one in found.asked(DEAD) if one.key != "0"]
    timed = [(proof_due(change), _proof(change, now)) for change in found.unproven]
    timed += [(duty.due, _duty(duty, now)) for duty in found.duties if duty.due]
    timed += [(one.until, _override(one, one.until, now=now)) for one in found.asked(OVERRIDE) if one.until]
    lines += [line for _, line in sorted(timed, key=lambda pair: pair[0])]
    lines += [_duty(duty, now) for duty in found.duties if not duty.due]
    lines += [_confirmation(pipeline) for pipeline in found.asked(PIPELINE)]
    lines += [_template(template) for template in found.templates]
    asked = {pipeline.key for pipeline in found.asked(PIPELINE)}
    return lines + [_decision(*group) for group in found.untrusted if group[0] not in asked]


def grouped(lines: Sequence[Waiting]) -> list[tuple[str, list[Waiting]]]:
    """The lines under what they ask: judge, look back, carry out, mend, decide."""
    groups: dict[str, list[Waiting]] = {name: [] for name in GROUPS}
    for line in lines:
        groups[line.group].append(line)
    return [(name, inside) for name, inside in groups.items() if inside]


GROUPS = ("Approve or reject", "Review", "Carry out", "Prove", "Decide", "Yours to mend or to submit")


def _duty(duty: Duty, now: datetime) -> Waiting:
    change, known = duty.change, DUTIES[duty.kind]
    it = tones.look(change)
    if duty.kind == duties.REVIEW:
        it = tones.look("review", "gate")
    due, tone, when = _when(duty, now)
    return Waiting(
        icon=it.icon,
        tone=it.tone,
        verb=known.verb,
        title=change.title,
        url=f"/changes/{change.ref}{known.place}",
        facts=[fact for fact in (change.ref, *_facts(duty)) if fact],
        button=known.button,
        due=due,
        due_tone=tone,
        when=when,
        group=known.group,
    )


def _facts(duty: Duty) -> list[str]:
    change = duty.change
    risk = f"{tones.look(change.risk, 'risk').word} risk" if change.risk else ""
    if duty.kind == duties.APPROVE:
        return [f"{change.requester} asks", risk]
    if duty.kind == duties.REVIEW:
        ended = tones.look(change.outcome, "outcome").word.lower() if change.outcome else ""
        who = str(change.ticket.implementer) if hasattr(change, "ticket") else change.service.slug
        return [f"{who} did it" if hasattr(change, "ticket") else who, ended]
    return [change.service.slug, tones.look(change).word.lower()]


def _when(duty: Duty, now: datetime) -> tuple[str, str, str]:
    """By when, how urgent that is, and the time itself."""
    if duty.due is None:
        return "", "", ""
    near, over = tones.look("submitted").tone, tones.look("rejected").tone
    stamp = moments.stamp(duty.due)
    if duty.kind in {duties.APPROVE, duties.BEGIN}:
        if duty.due <= now:
            return "Window is open", near, f"since {stamp}"
        return moments.due(duty.due, "Opens"), near if duty.due - now < NEAR else "", stamp
    verb = "Ends" if duty.kind == duties.FINISH else "Due"
    tone = over if duty.due <= now else near if duty.due - now < NEAR else ""
    return moments.due(duty.due, verb), tone, stamp


class Known(NamedTuple):
    """How a duty is told: its verb, its button, where it is done on the page, its group."""

    verb: str
    button: str
    place: str
    group: str


DUTIES = {
    duties.APPROVE: Known("Approve", "Read it", "#decide", "Approve or reject"),
    duties.REVIEW: Known("Review", "Review", "#review", "Review"),
    duties.BEGIN: Known("Begin", "Open", "#decide", "Carry out"),
    duties.FINISH: Known("Finish", "Open", "#decide", "Carry out"),
    duties.MEND: Known("Mend", "Open", "#decide", "Yours to mend or to submit"),
    duties.SUBMIT: Known("Submit", "Open", "#decide", "Yours to mend or to submit"),
}


def _undelivered(dead: int) -> Waiting:
    it = tones.look("dead", "message")
    count = f"{MANY} or more messages" if dead >= MANY else f"{dead} {moments.plural('message', dead)}"
    title = f"{count} that could not be delivered"
    return Waiting(it.icon, it.tone, "See to", title, "/delivery?state=dead", ["Somebody was not told"], "Open")


def _proof(change: Change, now: datetime) -> Waiting:
    it, due = tones.look(change.verdict, "verdict"), proof_due(change)
    facts = [change.ref, change.service.slug, change.pipeline.slug if change.pipeline else ""]
    return Waiting(
        icon=it.icon,
        tone=it.tone,
        verb="Prove",
        title=change.title,
        url=f"/changes/{change.ref}",
        facts=[fact for fact in facts if fact],
        button="Supply proof",
        due=moments.due(due),
        due_tone=it.tone if due - now < NEAR else "",
        when=moments.stamp(due),
        group="Prove",
    )


def _confirmation(pipeline: ToConfirm) -> Waiting:
    it, slug = tones.look("proposed", "pipeline"), pipeline.key
    facts = [f"{pipeline.asked_by or pipeline.email} asks", "its deploys are unproven until somebody confirms"]
    return Waiting(it.icon, it.tone, "Confirm what", f"{slug} must prove", f"/pipelines/{slug}", facts, "Review")


def _template(template: Template) -> Waiting:
    it = tones.look(template.state, "template")
    facts = [f"{template.author} asks", "no change can be made from it until two people approve it"]
    return Waiting(
        it.icon, it.tone, "Approve the template", template.name, f"/templates/{template.slug}", facts, "Read"
    )


def _override(override: ToConfirm, due: datetime, *, now: datetime) -> Waiting:
    it = tones.look("hold", "gate")
    return Waiting(
        icon=it.icon,
        tone=it.tone,
        verb="Confirm an override of",
        title=override.name,
        url=f"/freezes/{override.key}",
        facts=[f"{override.asked_by or override.email} asks", shorten(override.why, 120, placeholder="…")],
        button="Read it",
        due=moments.due(due, "Expires"),
        due_tone=it.tone if due - now < NEAR else "",
        when=moments.stamp(due),
    )


def _decision(slug: str, state: str, count: int) -> Waiting:
    it = tones.look(state, "pipeline")
    verb = {"unregistered": "Register", "proposed": "Find a second person for", "suspended": "Reinstate"}[state]
    facts = [f"{count} unproven {moments.plural('deploy', count)} in 24 h", it.word.lower()]
    return Waiting(it.icon, it.tone, verb, slug, f"/pipelines/{slug}", facts, "Open")
