"""Where a number leads: to the list of changes when a filter gives exactly its rows, else to a list of them by name."""

from collections.abc import Iterable
from urllib.parse import urlencode

from changes.insights.definitions import DEFINITIONS
from changes.insights.history import ENDED, Window
from changes.insights.metrics import Group, Metric
from changes.insights.queries import Known
from changes.states import Origin

LIST, INSIGHTS = "/changes", "/insights"


def page_url(*, days: int, service: str = "", team: str = "", after: str = "") -> str:
    """The address of the page."""
    kept = {"service": service, "team": team, "days": str(days), "after": after}
    return f"{INSIGHTS}?{urlencode({name: value for name, value in kept.items() if value})}"


class Links:
    """The addresses behind the numbers of one service on a page of so many days."""

    def __init__(self, known: Known, *, days: int) -> None:
        self._known = known
        self._days = days

    def definition(self, key: str) -> str:
        """The page that defines a metric and names its rows."""
        service = self._known.service.slug
        return f"{INSIGHTS}/{service}/{DEFINITIONS[key].slug}?{urlencode({'days': self._days})}"

    def rows(self, metric: Metric, group: Group) -> str:
        """The rows of a group of a metric of the whole period, on the page that names them."""
        return f"{self.definition(metric.key)}#{group.code}" if group.ids else ""

    def changes(self, ids: Iterable[int], window: Window) -> str:
        """The list of changes that is narrowed to exactly these deployments; empty when no filter does that."""
        wanted = frozenset(ids)
        if not wanted or not self._known.covers(window):
            return ""
        inside = [d for d in self._known.history.deployments if window.holds(d.at)]
        environments = {d.environment for d in inside if d.id in wanted}
        for outcome in ("", *sorted(ENDED)):
            found = {d.id for d in inside if d.environment in environments and outcome in {"", d.outcome}}
            if found == wanted and len(environments) == 1:
                return self._list(window, environment=environments.pop(), outcome=outcome)
        return ""

    def best(self, metric: Metric, group: Group, window: Window) -> str:
        """The list of changes if it can be, else the page that names the rows."""
        is_of_commits = group.count != len(group.ids)
        return ("" if is_of_commits else self.changes(group.ids, window)) or self.rows(metric, group)

    def _list(self, window: Window, *, environment: str, outcome: str) -> str:
        first, end = (moment.astimezone(window.zone).date() for moment in (window.start, window.end))
        kept = {
            "service": self._known.service.slug,
            "environment": environment,
            "origin": Origin.PIPELINE.value,
            **({"outcome": outcome} if outcome else {}),
            "since": first.isoformat(),
            "until": end.isoformat(),
        }
        return f"{LIST}?{urlencode(kept)}"
