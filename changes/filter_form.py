"""The form behind "+ Filter", as a pure function of what there is to choose and what is chosen."""

from functools import lru_cache
from typing import NamedTuple

from django.template.loader import get_template
from django.utils.safestring import SafeString, mark_safe

from changes.addresses import LABELS, words_for
from changes.filters import CHOICES

NAMED = ("service", "team", "environment", "pipeline")
WORDS = ("outcome", "verdict", "risk")
DAYS = ("since", "until", "window_from", "window_to")
Pairs = tuple[tuple[str, str], ...]


class Field(NamedTuple):
    """A field of the form; without options it asks for a day."""

    name: str
    label: str
    value: str
    options: list[tuple[str, str]]


@lru_cache(maxsize=64)
def filter_form(choices: Pairs, chosen: Pairs, edits: str) -> SafeString:
    """The form; `choices` are (filter, slug), `chosen` are (parameter, value) of the present list."""
    held = dict(chosen)
    fields = [_field(name, choices, held.get(name, "")) for name in (*NAMED, *WORDS, *DAYS)]
    inside = {field.name for field in fields}
    kept = [(name, value) for name, value in chosen if name not in inside]
    content = {"fields": fields, "kept": kept, "edits": edits}
    return mark_safe(get_template("changes/_filters.html").render(content))  # noqa: S308 - a template escapes


def _field(name: str, choices: Pairs, value: str) -> Field:
    if name in DAYS:
        return Field(name, LABELS[name], value, [])
    if name in WORDS:
        return Field(name, LABELS[name], value, [(word, words_for(name, word)) for word in CHOICES[name]])
    return Field(name, LABELS[name], value, [(slug, slug) for kind, slug in choices if kind == name])
