"""The rows behind the delivery metrics: a fixed number of statements, and bounded whatever there is. Reads only."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson
from django.db import connection

from catalog.models import Service
from changes.insights.history import STAYED, Commit, Deployment, FiledChange, History, Window
from changes.models import Change
from changes.pipelines.order import fold
from workflow.statements import Row, fetch

SERVICES_AT_ONCE = 50
"""How many services are answered at once."""
LOOK_BACK = timedelta(days=30)
"""How long before the period deployments are read, to tell a rollback and the first arrival of a commit."""
LOOK_AHEAD = timedelta(days=30)
"""How long after it, to see what recovered."""
MOST_OF_SERVICE, MOST_OF_ALL = 5_000, 20_000
"""How many deployments are read of one service, and of all together; the newest."""
MOST_FILED = 1_000
LONGEST_TELLING = 128 * 1024
"""What one run told is not read for its commits when it takes more bytes than this."""
DEPLOYMENTS = """SELECT * FROM (SELECT c.service_id, c.id, e.slug, c.at, c.finished_at, c.outcome, c.type, c.sha,
    c.version, r.pipeline_id, r.run_id, r.attempt, CASE WHEN {size} <= {longest} THEN {events} END
    FROM changes_change c JOIN catalog_environment e ON e.id = c.environment_id AND e.is_production
    JOIN changes_run r ON r.change_id = c.id
    WHERE c.service_id = {own} AND c.at >= %s AND c.at < %s AND c.origin = 'pipeline'
    ORDER BY c.service_id, c.at DESC, c.id DESC LIMIT %s) one"""
FIRST = """SELECT * FROM (SELECT c.service_id, c.id
    FROM changes_change c JOIN catalog_environment e ON e.id = c.environment_id AND e.is_production
    WHERE c.service_id = {own} AND c.origin = 'pipeline' AND c.outcome IN ({stayed})
    ORDER BY c.service_id DESC, c.at, c.id LIMIT 1) one"""
FILED = """SELECT * FROM (SELECT ts.service_id, c.id, e.slug, c.at, c.created_at, c.finished_at, c.outcome, c.type,
    ROW_NUMBER() OVER (PARTITION BY ts.service_id ORDER BY c.at DESC, c.id DESC) AS place
    FROM changes_ticket_services ts JOIN changes_change c ON c.id = ts.ticket_id
    JOIN catalog_environment e ON e.id = c.environment_id AND e.is_production
    WHERE ts.service_id IN ({marks}) AND c.at >= %s AND c.at < %s
    AND c.state IN ('in_progress', 'finished', 'closed')) filed WHERE place <= %s"""
DIALECTS = {
    "postgresql": {
        "own": "ANY(ARRAY[%s::bigint])",
        "size": "pg_column_size(r.events)",
        "events": "r.events::text",
    },
    "sqlite": {"own": "%s", "size": "length(CAST(r.events AS blob))", "events": "r.events"},
}
"""PostgreSQL sees no constant in an array. So it cannot drop the service from the order, and takes the index that
begins with it; else it might walk all changes of the period for a service that has few.
"""


class ServicePage(NamedTuple):
    """Services by slug, and whether more follow."""

    services: list[Service]
    has_more: bool


@dataclass(frozen=True, slots=True)
class Known:
    """The history of a service and how far it reaches.

    `counted_from` is the start of the oldest deployment that was read, when older ones of the period were left out.
    """

    service: Service
    history: History
    counted_from: datetime | None = None

    def seen(self, window: Window) -> Window:
        """The part of the period that the history covers."""
        if self.counted_from is None or self.counted_from <= window.start:
            return window
        return replace(window, start=min(self.counted_from, window.end))

    def covers(self, window: Window) -> bool:
        """Whether nothing of the period was left out."""
        return self.seen(window) == window


def services_of(*, service: str = "", team: str = "", after: str = "") -> ServicePage:
    """The services with these slugs, or all; those after a slug, SERVICES_AT_ONCE at most. One statement."""
    rows = Service.objects.select_related("team").order_by("slug")
    if service:
        rows = rows.filter(slug=service)
    if team:
        rows = rows.filter(team__slug=team)
    if after:
        rows = rows.filter(slug__gt=after)
    found = list(rows[: SERVICES_AT_ONCE + 1])
    return ServicePage(found[:SERVICES_AT_ONCE], len(found) > SERVICES_AT_ONCE)


def known_of(services: Sequence[Service], window: Window, *, confirmed: frozenset[int] = frozenset()) -> list[Known]:
    """What is known about each of the services around the period, in their order. Three statements for any number.

    `confirmed` are the ids of the changes that people confirmed as the cause of an incident.
    """
    if not services:
        return []
    ids = [service.pk for service in services]
    since, until = window.start - LOOK_BACK, min(window.end + LOOK_AHEAD, window.now)
    most = min(MOST_OF_SERVICE, MOST_OF_ALL // len(ids))
    deployments = _deployments(ids, since, until, most)
    first: dict[int, int] = dict(_firsts(ids))
    filed = _filed(ids, since, until)
    known = []
    for service in services:
        rows = deployments[service.pk]
        cut = min((row.at for row in rows), default=None) if len(rows) >= most else None
        history = History(tuple(rows), tuple(filed[service.pk]), first.get(service.pk), confirmed)
        known.append(Known(service, history, cut))
    return known


def _deployments(ids: list[int], since: datetime, until: datetime, most: int) -> dict[int, list[Deployment]]:
    one = DEPLOYMENTS.format(longest=LONGEST_TELLING, **DIALECTS[connection.vendor])
    parameters: list[Any] = [value for pk in ids for value in (pk, since, until, most)]
    found: dict[int, list[Deployment]] = defaultdict(list)
    for row in fetch(" UNION ALL ".join([one] * len(ids)), parameters, moments=(3, 4)):
        found[row[0]].append(_deployment(row))
    return found


def _deployment(row: Row) -> Deployment:
    _, pk, environment, at, finished_at, outcome, kind, sha, version, pipeline, run_id, attempt, told = row
    events = orjson.loads(told) if told else []
    return Deployment(
        id=pk,
        environment=environment,
        at=at,
        finished_at=finished_at,
        outcome=outcome,
        code=sha or version,
        run=f"{pipeline} {attempt} {run_id}",
        is_emergent=kind == "emergent",
        is_backfilled=any(event.get("backfill") for event in events),
        commits=tuple(_commits(events)),
    )


def _commits(events: list[dict[str, Any]]) -> Iterator[Commit]:
    """The commits that were sent last; a list names each once."""
    lists = [event["commits"] for event in events if "commits" in event]
    last = fold(events).commits if len(lists) > 1 else lists[0] if lists else []
    for commit in {commit["sha"]: commit for commit in last}.values():
        authored = commit.get("authored_at")
        yield Commit(commit["sha"], datetime.fromisoformat(authored) if authored else None)


def _firsts(ids: list[int]) -> list[tuple[int, int]]:
    stayed = ", ".join(f"'{outcome}'" for outcome in sorted(STAYED))
    one = FIRST.format(stayed=stayed, own=DIALECTS[connection.vendor]["own"])
    return [(service, pk) for service, pk in fetch(" UNION ALL ".join([one] * len(ids)), ids)]


def _filed(ids: list[int], since: datetime, until: datetime) -> dict[int, list[FiledChange]]:
    sql = FILED.format(marks=", ".join(["%s"] * len(ids)))
    found: dict[int, list[FiledChange]] = defaultdict(list)
    for row in fetch(sql, [*ids, since, until, MOST_FILED], moments=(3, 4, 5)):
        service, pk, environment, at, filed_at, finished_at, outcome, kind, _ = row
        filed = FiledChange(pk, environment, at, filed_at, finished_at, outcome, is_emergent=kind == "emergent")
        found[service].append(filed)
    return found


def changes_by_id(ids: Iterable[int]) -> dict[int, Change]:
    """Changes with what a list names, in one statement."""
    rows = Change.objects.select_related("service", "environment").defer("search_text", "public_note")
    return {change.pk: change for change in rows.filter(pk__in=list(ids))}
