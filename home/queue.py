"""What waits for one person, as lines of a list. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from changes.models import Change, Pipeline
from changes.narration import proof_due
from home.queries import MANY
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


@dataclass(frozen=True, slots=True)
class Found:
    """What the queries found; `untrusted` are (slug, state, unproven deploys) of pipelines that wait for people."""

    unproven: Sequence[Change]
    untrusted: Sequence[tuple[str, str, int]]
    confirmable: Sequence[Pipeline]
    dead: int = 0


def queue(found: Found, *, now: datetime) -> list[Waiting]:
    """Everything that waits: what nobody was told of first, then by the clock, then what has no clock."""
    lines = [_undelivered(found.dead)] if found.dead else []
    lines += [_proof(change, now) for change in found.unproven]
    lines += [_confirmation(pipeline) for pipeline in found.confirmable]
    asked = {pipeline.slug for pipeline in found.confirmable}
    return lines + [_decision(*group) for group in found.untrusted if group[0] not in asked]


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
    )


def _confirmation(pipeline: Pipeline) -> Waiting:
    it = tones.look(pipeline.state, "pipeline")
    facts = [f"{pipeline.registered_by} asks", "its deploys are unproven until somebody confirms"]
    url = f"/pipelines/{pipeline.slug}"
    return Waiting(it.icon, it.tone, "Confirm what", f"{pipeline.slug} must prove", url, facts, "Review")


def _decision(slug: str, state: str, count: int) -> Waiting:
    it = tones.look(state, "pipeline")
    verb = {"unregistered": "Register", "proposed": "Find a second person for", "suspended": "Reinstate"}[state]
    facts = [f"{count} unproven {moments.plural('deploy', count)} in 24 h", it.word.lower()]
    return Waiting(it.icon, it.tone, verb, slug, f"/pipelines/{slug}", facts, "Open")
