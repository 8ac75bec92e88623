"""What somebody else wrote beside what is typed, for an edit that came too late."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from django import forms

from changes.narration import actor_in_words
from changes.queries import names_of
from changes.tickets.content import Difference, differences
from workflow import moments
from workflow.ledger import timeline

EDITS = frozenset({"edited", "changed", "renamed"})
MOMENTS = frozenset({"start", "end", "window_start", "window_end"})


class Beside(NamedTuple):
    """Who wrote last and when, in words and None if nobody knows, and each part that differs: theirs, then typed."""

    who: str
    at: datetime | None
    parts: list[Difference]


def is_whole(form: forms.Form) -> bool:
    """Whether every field was well-formed, whatever the action then refused."""
    return form.is_bound and set(form.fields) <= set(form.cleaned_data)


def beside(ref: str, *, present: Mapping[str, Any], typed: Mapping[str, Any], labels: Mapping[str, str]) -> Beside:
    """What the subject `ref` says now beside what is typed, both in canonical form and with the same names."""
    last = next((entry for entry in timeline(ref) if entry.verb in EDITS), None)
    who = actor_in_words(last.actor, names_of({last.actor})) if last else "somebody else"
    shown = {name: label for name, label in labels.items() if name in typed}
    parts = [_readable(one) for one in differences(present, typed, labels=shown)]
    return Beside(who, last.occurred_at if last else None, [one for one in parts if one.before != one.after])


def _readable(part: Difference) -> Difference:
    """Times on the reader's clock, to the minute."""
    if part.name not in MOMENTS:
        return part
    return part._replace(before=_on_the_clock(part.before), after=_on_the_clock(part.after))


def _on_the_clock(value: str) -> str:
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return value
    return f"{moments.stamp(at)} {moments.zone(at)}"
