"""What a change says: what a person hands in, what an approval binds to, and how two versions differ."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson

LABELS = {
    "title": "Title",
    "services": "Services",
    "environment": "Environment",
    "description": "Description",
    "reason": "Reason",
    "customer_impacting": "Customers notice",
    "risk_answers": "Risk answers",
    "test_evidence": "Test evidence",
    "rollback_plan": "Way back",
    "rollback_minutes": "Minutes for the way back",
    "verification_plan": "Verification",
    "window_start": "Window from",
    "window_end": "Window until",
    "implementer": "Carried out by",
    "sha": "Commit",
    "commits": "Commits",
}
"""Every part that an approval is about, as people read it, in the order of the page."""
FREE = ("public_note", "incident")
ALL_LABELS = LABELS | {"public_note": "Public note", "incident": "Incident"}
"""What may change without asking anybody again."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody wants to do, in the words of the API.

    `services`, `environment` and `template` are slugs; without an environment it is the first production one.
    `implementer` is an e-mail; empty means whoever files it. `commits` are {"sha", "author"}.
    """

    type: str = "standard"
    title: str = ""
    services: tuple[str, ...] = ()
    environment: str = ""
    description: str = ""
    reason: str = ""
    customer_impacting: bool = False
    public_note: str = ""
    risk_answers: Mapping[str, bool] = field(default_factory=dict)
    test_evidence: str = ""
    rollback_plan: str = ""
    rollback_minutes: int | None = None
    verification_plan: str = ""
    window_start: datetime | None = None
    window_end: datetime | None = None
    implementer: str = ""
    incident: str = ""
    sha: str = ""
    commits: tuple[Mapping[str, str], ...] = ()
    template: str = ""

    def as_mapping(self) -> dict[str, Any]:
        """The parts that a change holds, by their names."""
        return {name: getattr(self, name) for name in (*LABELS, *FREE)}


def bound(said: Mapping[str, Any]) -> dict[str, Any]:
    """The canonical form of what an approval is about, ready for JSON: sorted, in UTC, and nothing else."""
    return {name: plain(said[name]) for name in LABELS}


def plain(value: Any) -> Any:
    """A value in canonical form: times in UTC, keys and lists of words sorted."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds")
    if isinstance(value, Mapping):
        return {key: plain(value[key]) for key in sorted(value)}
    if isinstance(value, list | tuple):
        items = [plain(item) for item in value]
        return sorted(items) if all(isinstance(item, str) for item in items) else items
    return value


def digest_of(content: Mapping[str, Any]) -> str:
    """The SHA-256, in hex, of `bound` content as JSON with sorted keys."""
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


class Difference(NamedTuple):
    """One part that differs: its name, its label, and both values as text."""

    name: str
    label: str
    before: str
    after: str


def edition_of(said: Mapping[str, Any]) -> str:
    """Changes with everything that may be edited, so that who edits can say what they saw."""
    return digest_of({name: plain(value) for name, value in said.items()})


def differences(
    before: Mapping[str, Any], after: Mapping[str, Any], *, labels: Mapping[str, str] = LABELS
) -> list[Difference]:
    """What differs between two contents in canonical form, in the order of the page."""
    return [
        Difference(name, label, in_words(before.get(name)), in_words(after.get(name)))
        for name, label in labels.items()
        if before.get(name) != after.get(name)
    ]


def in_words(value: Any) -> str:
    """A value of a `bound` content as a person reads it."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        yes = [key.replace("_", " ") for key, answer in value.items() if answer is True]
        return ", ".join(yes) or "nothing applies"
    if isinstance(value, list):
        return ", ".join(_item(item) for item in value) or "–"
    return str(value)


def _item(item: Any) -> str:
    return " by ".join(str(part) for part in item.values()) if isinstance(item, Mapping) else str(item)


def without_blanks(texts: Iterable[str]) -> tuple[str, ...]:
    """The texts, stripped, each once, in their order, without empty ones."""
    return tuple(dict.fromkeys(text.strip() for text in texts if text.strip()))
