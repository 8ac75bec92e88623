"""What waits for one person, as lines of a list. Pure."""

from collections.abc import Iterable, Sequence
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


def queue(*, unproven: Iterable[Change], pipelines: Iterable[Pipeline], dead: int, now: datetime) -> list[Waiting]:
    """Everything that waits: what nobody was told of first, then by the clock."""
    lines = [_undelivered(dead)] if dead else []
    lines += [_proof(change, now) for change in unproven]
    return lines + [_confirmation(pipeline) for pipeline in pipelines]


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
