"""What the frame around every page needs."""

from functools import cached_property
from typing import Any, NamedTuple

import structlog
from django.conf import settings
from django.http import HttpRequest

from workflow import moments

THEMES = ("light", "dark", "system")
THEME_COOKIE = "decklog_theme"


class Entry(NamedTuple):
    """A line of the navigation. `is_tab` puts it into the tab bar of a phone; the others are under More there."""

    word: str
    path: str
    icon: str
    group: str = ""
    is_tab: bool = False


ENTRIES = (
    Entry("Now", "/", "anchor", is_tab=True),
    Entry("Changes", "/changes", "git-pull-request", "Changes", is_tab=True),
    Entry("Calendar", "/calendar", "calendar-month", "Changes"),
    Entry("Pipelines", "/pipelines", "rocket", "Changes"),
    Entry("Freezes", "/freezes", "snowflake", "Changes"),
    Entry("Templates", "/templates", "template", "Changes"),
    Entry("Incidents", "/incidents", "flame", "Incidents", is_tab=True),
    Entry("Root causes", "/rcas", "binary-tree", "Incidents"),
    Entry("Actions", "/actions", "list-check", "Incidents"),
    Entry("On call", "/oncall", "compass", "People", is_tab=True),
    Entry("Insights", "/insights", "chart-line", "Learn"),
    Entry("Reliability", "/reliability", "heart-rate-monitor", "Learn"),
    Entry("Public notes", "/public/notes", "speakerphone", "Run"),
    Entry("Audit", "/audit", "certificate", "Run"),
    Entry("Summaries", "/summaries", "news", "Run"),
    Entry("Delivery log", "/delivery", "send", "Run"),
    Entry("Settings", "/settings", "settings", "Run"),
)
"""The pages of the navigation, in order; a page is listed from the day it exists."""


class Line(NamedTuple):
    """An entry as the reader of this page sees it; `heading` is set on the first of a group."""

    entry: Entry
    heading: str
    is_current: bool


class Shell:
    """The frame of one page, worked out piece by piece when a template asks, so that an error page can do without."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    @property
    def organisation(self) -> str:
        """Whose log this is, beside the brand; may be empty."""
        return str(settings.ORGANISATION_NAME)

    @cached_property
    def theme(self) -> str:
        """`light`, `dark` or `system`, as the reader chose."""
        chosen = self._request.COOKIES.get(THEME_COOKIE, "")
        return chosen if chosen in THEMES else "system"

    @property
    def themes(self) -> tuple[str, ...]:
        """What there is to choose from."""
        return THEMES

    @cached_property
    def lines(self) -> list[Line]:
        """The navigation."""
        current = _current(self._request.path)
        group = ""
        lines = []
        for entry in ENTRIES:
            heading = entry.group if entry.group != group else ""
            group = entry.group
            lines.append(Line(entry, heading, entry is current))
        return lines

    @cached_property
    def is_under_more(self) -> bool:
        """Whether the present page is one of those that a phone keeps under More."""
        return any(line.is_current and not line.entry.is_tab for line in self.lines)

    @cached_property
    def times(self) -> str:
        """In which zone times are: `Times in CET, Berlin`."""
        place = moments.place()
        return f"Times in {moments.zone()}" + (f", {place}" if place else "")

    @property
    def request_id(self) -> str:
        """The number under which the log knows this request."""
        return str(structlog.contextvars.get_contextvars().get("request_id", ""))

    @cached_property
    def frame(self) -> str:
        """The template that a page which strangers may see stands in."""
        user = getattr(self._request, "user", None)
        return "base.html" if user is not None and user.is_authenticated else "entrance.html"


def _current(path: str) -> Entry | None:
    for entry in ENTRIES:
        if path == entry.path or (entry.path != "/" and path.startswith(f"{entry.path}/")):
            return entry
    return None


def shell(request: HttpRequest) -> dict[str, Any]:
    """The frame, as `shell` in every template."""
    return {"shell": Shell(request)}
