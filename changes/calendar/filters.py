"""From the query string to a week or month and what it is narrowed to. Shape only."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.http import QueryDict

from changes.calendar.period import MONTH, WEEK, Period, month_of, read_period, week_of
from changes.calendar.queries import Surroundings

LABELS = {
    "service": "Service",
    "team": "Team",
    "environment": "Environment",
    "customer_impacting": "Customers notice",
}
YES_OR_NO = {"true": True, "1": True, "false": False, "0": False}
LONGEST = 64


class Chip(NamedTuple):
    """A filter in force, and the address without it."""

    name: str
    label: str
    value: str
    remove_url: str


class Field(NamedTuple):
    """A field of the filter form."""

    name: str
    label: str
    value: str
    options: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to show: the period, the filters in their own types and as they stand in an address, and complaints."""

    period: Period
    filters: dict[str, Any]
    query: dict[str, str]
    complaints: list[str] = field(default_factory=list)

    @property
    def chips(self) -> list[Chip]:
        """The filters in force."""
        return [Chip(name, LABELS[name], _said(name, value), self._without(name)) for name, value in self.query.items()]

    def _without(self, name: str) -> str:
        kept = {key: value for key, value in self.query.items() if key != name}
        return f"/calendar?{urlencode({self.period.kind: self.period.value, **kept})}"

    def fields(self, around: Surroundings, environments: list[str]) -> list[Field]:
        """The form behind “+ Filter”."""
        known = {
            "service": sorted(around.slugs.values()),
            "team": sorted(set(around.teams.values())),
            "environment": environments,
        }
        options = {name: [(slug, slug) for slug in slugs] for name, slugs in known.items()}
        options["customer_impacting"] = [("true", "yes"), ("false", "no")]
        return [Field(name, LABELS[name], self.query.get(name, ""), options[name]) for name in LABELS]


def _said(name: str, value: str) -> str:
    return {"true": "yes", "false": "no"}.get(value, value) if name == "customer_impacting" else value


def read_wanted(query: QueryDict, *, now: datetime, zone: ZoneInfo) -> Wanted:
    """What a query string asks for; without a period it is the present week. What is wrong goes into `complaints`."""
    complaints: list[str] = []
    period = _period(query, complaints, now=now, zone=zone)
    filters, kept = read_filters(query, complaints)
    known = (WEEK, MONTH, *LABELS)
    complaints += [f"“{name[:40]}” is no filter of the calendar." for name in query if name not in known]
    return Wanted(period, filters, kept, complaints)


def _period(query: QueryDict, complaints: list[str], *, now: datetime, zone: ZoneInfo) -> Period:
    today = now.astimezone(zone).date()
    for kind, example in ((WEEK, "2026-W48"), (MONTH, "2026-11")):
        text = query.get(kind, "")
        found = read_period(kind, text, zone) if text else None
        if found is not None:
            return found
        if text:
            complaints.append(f"“{text[:40]}” is no {kind}. Write it like {example}. This is the present one.")
    return month_of(today, zone) if query.get(MONTH) else week_of(today, zone)


def read_filters(query: QueryDict, complaints: list[str]) -> tuple[dict[str, Any], dict[str, str]]:
    """The filters in their own types, and as they stand in an address; what is wrong goes into `complaints`."""
    filters: dict[str, Any] = {}
    kept: dict[str, str] = {}
    for name, label in LABELS.items():
        text = query.get(name, "")
        if not text:
            continue
        if name == "customer_impacting" and text.lower() in YES_OR_NO:
            filters[name] = YES_OR_NO[text.lower()]
            kept[name] = "true" if filters[name] else "false"
        elif name != "customer_impacting" and len(text) <= LONGEST and text.isprintable():
            filters[name] = kept[name] = text
        else:
            complaints.append(f"“{text[:40]}” is nothing that {label.lower()} can be.")
    return filters, kept


def told(query: str) -> str:
    """What the filters of an address leave, in words: “service checkout, environment production”, “everything”."""
    _, kept = read_filters(QueryDict(query), [])
    return ", ".join(f"{LABELS[name].lower()} {_said(name, value)}" for name, value in kept.items()) or "everything"
