"""The list of incidents as its page shows it: filters in the address, lines, the neighbouring pages."""

from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.http import QueryDict

from accounts.models import User
from incidents import narration, queries
from incidents.filters import CHOICES, FILTERS, read_choice
from incidents.models import Incident
from workflow import tones
from workflow.errors import RuleViolation
from workflow.lists import page_of

LIST = "/incidents"
LABELS = {
    "state": "State",
    "severity": "Severity",
    "service": "Service",
    "team": "Team",
    "customer_impacting": "Customers notice",
    "since": "Since",
    "until": "Before",
}
VIEWS: tuple[tuple[str, dict[str, str]], ...] = (
    ("Open", {"state": "open"}),
    ("All", {}),
    ("Resolved, not closed", {"state": "resolved"}),
)


class Row(NamedTuple):
    """A line of the list."""

    incident: Incident
    age: str
    services: str


class Chip(NamedTuple):
    """A filter that is set, and the list without it."""

    label: str
    value: str
    remove_url: str


def board_of(query: QueryDict, me: User, *, now: datetime) -> dict[str, Any]:
    """The content of templates/incidents/list.html; what cannot be read is said instead of shown."""
    asked = {name: str(query[name]) for name in FILTERS if query.get(name)}
    content: dict[str, Any] = {
        "chips": [_chip(name, text, asked) for name, text in asked.items() if name != "q"],
        "q": asked.get("q", ""),
        "kept": {name: text for name, text in asked.items() if name != "q"},
        "tabs": [(word, _url(part), part.items() == asked.items()) for word, part in VIEWS],
        "fields": [_field(name, asked.get(name, "")) for name in ("severity", "state")],
        "asked": asked,
    }
    try:
        choice, wanted = read_choice(query)
    except RuleViolation as refusal:
        return {**content, "problem": refusal.message, "rows": []}
    page = page_of(queries.narrowed(queries.in_list(me.pk), choice), wanted, at="declared_at")
    neighbours = {"newer": page.newer, "older": page.older}
    return {
        **content,
        "rows": [_row(incident, now) for incident in page.rows],
        **{name: _url({**asked, "cursor": str(at)}) if at else "" for name, at in neighbours.items()},
    }


def _row(incident: Incident, now: datetime) -> Row:
    services = ", ".join(sorted(service.slug for service in incident.services.all()))
    return Row(incident, narration.age_in_words(incident, now=now), services)


def _url(part: dict[str, str]) -> str:
    return f"{LIST}?{urlencode(part)}" if part else f"{LIST}"


def _chip(name: str, text: str, asked: dict[str, str]) -> Chip:
    rest = {other: value for other, value in asked.items() if other != name}
    return Chip(LABELS[name], _words(name, text), _url(rest))


def _words(name: str, text: str) -> str:
    kind = {"state": "incident", "severity": "severity"}.get(name)
    return tones.look(text, kind).word if kind else text


def _field(name: str, value: str) -> dict[str, Any]:
    options = [(word, _words(name, word)) for word in CHOICES[name]]
    return {"name": name, "label": LABELS[name], "value": value, "options": options}
