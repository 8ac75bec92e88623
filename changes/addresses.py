"""The address of the list of changes: its filters as tabs, as chips, and as links to lists that differ a little."""

import re
from collections.abc import Iterable
from datetime import date, datetime
from functools import cached_property
from typing import NamedTuple
from urllib.parse import urlencode

from django.http import QueryDict
from django.utils import timezone

from changes.filters import CHANGE_FILTERS, CHOICES, read_list
from changes.models import REF_PREFIX
from changes.queries import ChangeList
from workflow import moments, tones
from workflow.paging import Cursor

LIST = "/changes"
OURS = ("edit", "seen")
"""Parameters of the page alone: which filter to open, and what the reader has on the screen."""
REF = re.compile(rf"\s*({REF_PREFIX}[1-9][0-9]{{0,17}})\s*\Z", re.IGNORECASE | re.ASCII)
DAY = re.compile(r"\d{4}-\d\d-\d\d\Z", re.ASCII)
LABELS = {
    "service": "Service",
    "team": "Team",
    "environment": "Environment",
    "pipeline": "Pipeline",
    "state": "State",
    "outcome": "Outcome",
    "verdict": "Verdict",
    "since": "Since",
    "until": "Before",
    "risk": "Risk",
    "window_from": "Planned from",
    "window_to": "Planned before",
    "type": "Type",
    "origin": "Origin",
    "authorization": "Allowed by",
    "requester": "Asked for by",
    "sha": "Commit",
    "customer_impacting": "Customers notice",
}
LOOKS = {"state": "change", "outcome": "outcome", "verdict": "verdict", "risk": "risk", "authorization": "way"}
MOMENTS = ("since", "until", "window_from", "window_to")


class View(NamedTuple):
    """A view of the list that has its own tab: one filter, or none."""

    word: str
    name: str = ""
    value: str = ""


VIEWS = (
    View("All"),
    View("In progress", "state", "in_progress"),
    View("Needs proof", "verdict", "unproven"),
    View("Proof pending", "verdict", "pending"),
    View("Failed", "outcome", "failed"),
    View("Rolled back", "outcome", "rolled_back"),
)


class Tab(NamedTuple):
    """A view as a link."""

    word: str
    url: str
    is_current: bool


class Chip(NamedTuple):
    """A filter in force, with the address that opens it for editing and the one of the list without it."""

    name: str
    label: str
    value: str
    edit_url: str
    remove_url: str


class Asked:
    """What somebody asks of the list, from its query string."""

    def __init__(self, query: QueryDict) -> None:
        self._query = query
        self.filters = {name: str(query[name]) for name in CHANGE_FILTERS if query.get(name)}
        self.q = str(query.get("q", ""))

    @cached_property
    def ref(self) -> str:
        """The change whose ref was typed into the search, or nothing."""
        match = REF.match(self.q)
        return match[1].upper() if match else ""

    @property
    def edits(self) -> str:
        """The filter that the reader wants to edit."""
        return self._query.get("edit", "") if self._query.get("edit") in (*LABELS, "new") else ""

    @property
    def seen(self) -> str:
        """The digest of what the reader has on the screen."""
        return self._query.get("seen", "")

    @property
    def is_first_page(self) -> bool:
        """Whether newer changes would appear on this page."""
        return not self._query.get("cursor")

    @property
    def is_narrowed(self) -> bool:
        """Whether anything is left out."""
        return bool(self.filters or self.q)

    def wanted(self) -> ChangeList:
        """The list itself; raises what `read_list` raises. A day begins at midnight where the reader lives."""
        query = self._query.copy()
        for name in OURS:
            query.pop(name, None)
        for name in MOMENTS:
            query.setlist(name, [_midnight(text) for text in query.getlist(name)])
        return read_list(query, allowed=CHANGE_FILTERS)

    def url(self, *, without: Iterable[str] = (), **changed: str) -> str:
        """The address of the first page of this list with some filters differing."""
        kept = {"q": self.q, **self.filters, **changed}
        pairs = [(name, value) for name, value in kept.items() if value and name not in without]
        return f"{LIST}?{urlencode(pairs)}" if pairs else LIST

    def page_url(self, cursor: Cursor | None) -> str:
        """The address of a neighbouring page, empty when there is none."""
        if cursor is None:
            return ""
        size = self._query.get("page_size", "")
        return self.url(cursor=str(cursor), page_size=size)

    @property
    def here(self) -> str:
        """The address of this very list, for looking again."""
        return self.url(page_size=self._query.get("page_size", ""))

    @property
    def csv_url(self) -> str:
        """The address of the whole list as a file."""
        return self.url().replace(LIST, f"{LIST}.csv", 1)

    @cached_property
    def _view(self) -> View:
        held = [view for view in VIEWS if view.name and self.filters.get(view.name) == view.value]
        return held[0] if held else VIEWS[0]

    @property
    def tabs(self) -> list[Tab]:
        """Every view; the other filters stay when the reader goes from one to the next."""
        narrowing = {view.name for view in VIEWS}
        tabs = []
        for view in VIEWS:
            changed = {view.name: view.value} if view.name else {}
            url = self.url(without=narrowing - {view.name}, **changed)
            tabs.append(Tab(view.word, url, view == self._view))
        return tabs

    @property
    def chips(self) -> list[Chip]:
        """The filters in force, without the one that the tab shows."""
        shown = self._view.name
        return [
            Chip(name, LABELS[name], words_for(name, value), self.url(edit=name) + "#filters", self.url(without=[name]))
            for name, value in self.filters.items()
            if name != shown
        ]

    @property
    def droppable(self) -> list[Chip]:
        """Everything that narrows the list, search and tab included, for a list that came out empty."""
        every = [
            Chip(name, LABELS[name], words_for(name, value), "", self.url(without=[name]))
            for name, value in self.filters.items()
        ]
        return [*every, Chip("q", "Search", self.q, "", self.url(without=["q"]))] if self.q else every


def words_for(name: str, value: str) -> str:
    """A filter's value as a reader says it."""
    if name in LOOKS:
        return tones.look(value, LOOKS[name]).word if value in CHOICES[name] else value
    if name in MOMENTS:
        return _day_in_words(value)
    if name == "customer_impacting":
        return {"true": "yes", "1": "yes", "false": "no", "0": "no"}.get(value.lower(), value)
    return value


def _midnight(text: str) -> str:
    try:
        day = date.fromisoformat(text) if DAY.match(text) else None
    except ValueError:
        return text
    if day is None:
        return text
    return datetime(day.year, day.month, day.day, tzinfo=timezone.get_current_timezone()).isoformat()


def _day_in_words(text: str) -> str:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return text
    return f"{moments.WEEKDAYS[day.weekday()][:3]} {day.day} {moments.MONTHS[day.month - 1][:3]} {day.year}"
