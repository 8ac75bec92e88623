"""A note in words, for the people who write it. Reads nothing but what it is given."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from changes.models import Change
from changes.narration import Told, actor_in_words
from public.changelog import policy
from public.changelog.models import Note
from public.changelog.states import State
from workflow import moments
from workflow.models import Entry

DEEDS = {
    "written": ("pencil", "mute", "wrote the note"),
    "edited": ("pencil", "mute", "changed the note"),
    "published": ("speakerphone", "ok", "published it"),
    "withdrawn": ("eye-off", "warn", "took it out of the change log"),
}


@dataclass(frozen=True, slots=True)
class ToldNote:
    """A note and how it stands: its look, and a sentence."""

    note: Note
    tone: str
    icon: str
    sentence: str


def told(note: Note, *, now: datetime) -> ToldNote:
    """How a note stands."""
    goes = policy.note_goes_out(
        state=note.change.state, outcome=note.change.outcome, embargo_until=note.embargo_until, now=now
    )
    if note.state == State.WITHDRAWN:
        return ToldNote(note, "mute", "eye-off", "Customers are not told of this change.")
    if note.state == State.PUBLISHED and goes.outcome == policy.ALLOWED:
        return ToldNote(note, "ok", "speakerphone", f"Customers read it since {_at(note.published_at)}.")
    if note.state == State.PUBLISHED and goes.outcome == policy.REFUSED:
        return ToldNote(note, "warn", "eye-off", f"It was published and is hidden again. {goes.because}")
    if goes.outcome == policy.REFUSED:
        return ToldNote(note, "warn", "hand-stop", goes.because)
    if note.embargo_until and note.embargo_until > now:
        return ToldNote(note, "live", "clock-hour-4", f"Nobody outside sees it before {_at(note.embargo_until)}.")
    sentence = goes.because if goes.outcome == policy.WAITS else "It goes out within a minute."
    return ToldNote(note, "live", "clock-hour-4", sentence)


def written(note: Note, change: Change, *, now: datetime) -> str:
    """What the writer is told after saving."""
    note.change = change
    return f"The note is saved. {told(note, now=now).sentence}"


def first_words(change: Change, note: Note | None) -> dict[str, Any]:
    """What the form begins with: the note, or what the change's own public note makes."""
    if note is not None:
        return {name: getattr(note, name) for name in ("title", "text", "kind", "embargo_until")}
    title, text = policy.words_of(change.public_note)
    return {"title": title, "text": text}


def history(entries: Iterable[Entry], names: Mapping[str, str]) -> list[Told]:
    """What happened with the note, the newest first; an edit shows the title that stood before."""
    return [_told(entry, names) for entry in entries]


def _told(entry: Entry, names: Mapping[str, str]) -> Told:
    icon, tone, text = DEEDS.get(entry.verb, ("dots", "mute", entry.verb))
    before = entry.data.get("before")
    quote = f"Before: {before['title']}\n{before['text']}".strip() if isinstance(before, dict) else ""
    who = actor_in_words(entry.actor, names)
    return Told(icon=icon, tone=tone, actor=who, text=f"{text}.", quote=quote, at=entry.occurred_at)


def _at(at: datetime | None) -> str:
    return f"{moments.stamp(at)} {moments.zone(at)}" if at else "now"
