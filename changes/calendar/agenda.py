"""The reads of the calendar. What a day shows is bounded in the database, whatever there is."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import F
from django.utils import timezone

from accounts.models import User
from catalog.models import Environment
from changes.calendar import policy
from changes.calendar.policy import Booking, Span
from changes.calendar.queries import OF_CHANGE, Surroundings, booked, booking_of
from changes.models import CalendarLink, Change
from changes.states import Origin, State
from workflow.statements import fetch

SHOWN = (State.SUBMITTED, State.APPROVED, State.IN_PROGRESS, State.FINISHED, State.CLOSED)
"""The states in which a change is on the calendar."""
LONGEST = timedelta(days=92)
"""A window that began longer ago is not looked for."""
LONGEST_RUN = timedelta(days=7)
"""Likewise for what was done without a window."""
MOST_BOOKED = 5_000
"""How many changes at most are checked for collisions at once, and counted in the summary."""
MOST_DEPLOYS = 1_000
"""Up to which number the deploys of a day are counted."""


class Entry(NamedTuple):
    """A change on one day of the calendar; `place` is its number among the `total` of that day, from 1."""

    day: int
    id: int
    title: str
    state: str
    outcome: str
    authorization: str
    risk: str
    customer_impacting: bool
    service: str
    environment: str
    begins: datetime
    ends: datetime
    place: int
    total: int

    @property
    def ref(self) -> str:
        """`CHG-12`."""
        return f"CHG-{self.id}"


FILTERS: dict[str, str] = {
    "service": "EXISTS (SELECT 1 FROM changes_ticket_services ts JOIN catalog_service fs ON fs.id = ts.service_id"
    " WHERE ts.ticket_id = c.id AND fs.slug = %s)",
    "team": "EXISTS (SELECT 1 FROM changes_ticket_services ts JOIN catalog_service fs ON fs.id = ts.service_id"
    " JOIN accounts_team ft ON ft.id = fs.team_id WHERE ts.ticket_id = c.id AND ft.slug = %s)",
    "environment": "c.environment_id = (SELECT id FROM catalog_environment WHERE slug = %s)",
    "customer_impacting": "c.customer_impacting = %s",
}
"""What each filter of the calendar demands of a filed change."""
OF_DEPLOYS: dict[str, str] = {
    "service": "c.service_id = (SELECT id FROM catalog_service WHERE slug = %s)",
    "team": "c.service_id IN (SELECT s.id FROM catalog_service s JOIN accounts_team t ON t.id = s.team_id"
    " WHERE t.slug = %s)",
    "environment": FILTERS["environment"],
    "customer_impacting": FILTERS["customer_impacting"],
}
"""The same for deploys, which have one service each."""
_COLUMNS = (
    "c.id, c.title, c.state, c.outcome, c.authorization, c.risk, c.customer_impacting, c.service_id, c.environment_id"
)
ENTRIES = """
WITH day (n, begins, ends) AS (VALUES {days}),
found AS (
    SELECT {columns}, c.window_start AS begins, c.window_end AS ends
    FROM changes_change c WHERE c.window_start >= %s AND c.window_start < %s AND c.window_end > %s AND {where}
    UNION ALL
    SELECT {columns}, c.started_at AS begins, COALESCE(c.finished_at, %s) AS ends
    FROM accounts_user u JOIN changes_change c ON c.requester_id = u.id AND c.at >= %s AND c.at < %s
    WHERE c.window_start IS NULL AND c.started_at IS NOT NULL AND c.origin = 'person' AND {where}
),
placed AS (
    SELECT day.n, f.*, ROW_NUMBER() OVER (PARTITION BY day.n ORDER BY f.begins, f.id) AS place,
        COUNT(*) OVER (PARTITION BY day.n) AS total
    FROM day JOIN found f ON f.begins < day.ends AND (f.ends > day.begins OR f.begins >= day.begins)
)
SELECT p.n, p.id, p.title, p.state, p.outcome, p.authorization, p.risk, p.customer_impacting, s.slug, e.slug,
    p.begins, p.ends, p.place, p.total
FROM placed p JOIN catalog_service s ON s.id = p.service_id JOIN catalog_environment e ON e.id = p.environment_id
WHERE p.place <= %s ORDER BY p.n, p.place
"""
"""Filed changes in their windows, and those without one when they ran. People are few, so the second half asks for the
changes of each by an index.
"""
DEPLOYS = """
WITH day (n, begins, ends) AS (VALUES {days})
SELECT day.n, (SELECT COUNT(*) FROM (
    SELECT 1 FROM changes_change c WHERE c.at >= day.begins AND c.at < day.ends AND c.origin = 'pipeline' AND {where}
    LIMIT %s) counted)
FROM day
"""


def entries(days: Sequence[Span], filters: Mapping[str, Any], *, most: int) -> list[Entry]:
    """The first `most` changes of each of the days, which follow each other, by day and time. One statement."""
    now = timezone.now()
    start, end = days[0].start, days[-1].end
    where = _demanded(FILTERS, filters)
    states = ", ".join(f"'{state}'" for state in SHOWN)
    sql = ENTRIES.format(days=_days(days), columns=_COLUMNS, where=f"c.state IN ({states}) AND {where}")
    values = list(filters.values())
    planned = [start - LONGEST, end, start, *values]
    running = [now, start - LONGEST_RUN, end, *values]
    found = fetch(sql, [*_bounds(days), *planned, *running, most], moments=(10, 11))
    return [Entry._make((*row[:7], bool(row[7]), *row[8:])) for row in found]


def deploys(days: Sequence[Span], filters: Mapping[str, Any]) -> dict[int, int]:
    """How many deploys each of the days had, by its number, up to MOST_DEPLOYS + 1. One statement."""
    sql = DEPLOYS.format(days=_days(days), where=_demanded(OF_DEPLOYS, filters))
    return dict(fetch(sql, [*_bounds(days), *filters.values(), MOST_DEPLOYS + 1]))


def _days(days: Sequence[Span]) -> str:
    one = "(%s::int, %s::timestamptz, %s::timestamptz)" if connection.vendor == "postgresql" else "(%s, %s, %s)"
    return ", ".join([one] * len(days))


def _bounds(days: Sequence[Span]) -> list[object]:
    return [value for number, day in enumerate(days) for value in (number, day.start, day.end)]


def _demanded(conditions: Mapping[str, str], filters: Mapping[str, Any]) -> str:
    return " AND ".join(["TRUE", *(conditions[name] for name in filters)])


MOST_IN_FEED = 2_000
"""How many changes a feed holds at most, the latest ones."""
BEFORE, AFTER = timedelta(days=31), timedelta(days=366)
"""How far a feed reaches into the past and the future."""
IN_FEED = (*SHOWN, State.REJECTED, State.WITHDRAWN, State.EXPIRED)
"""What was on the calendar stays in feeds as cancelled, so that other programs take it off theirs."""
_LOOKUPS = {
    "service": "ticket__services__slug",
    "team": "ticket__services__team__slug",
    "environment": "environment__slug",
    "customer_impacting": "customer_impacting",
}


def in_feed(filters: Mapping[str, Any], *, now: datetime) -> list[Change]:
    """The filed changes of a feed by time, with what an event says about each. Two statements."""
    narrowed = {_LOOKUPS[name]: value for name, value in filters.items()}
    rows = Change.objects.filter(origin=Origin.PERSON, state__in=IN_FEED, **narrowed).distinct()
    rows = rows.select_related("service", "environment").defer("search_text", "public_note")
    span = Span(now - BEFORE, now + AFTER)
    windowed = rows.filter(window_start__gte=span.start, window_start__lt=span.end).order_by("-window_start", "-id")
    unplanned = rows.filter(
        requester__in=User.objects.order_by(),
        at__gte=span.start,
        at__lt=now,
        window_start=None,
        started_at__isnull=False,
    )
    return [*unplanned.order_by("-at", "-id")[:MOST_IN_FEED], *windowed[:MOST_IN_FEED]]


def environments() -> list[str]:
    """The slugs of all environments."""
    return list(Environment.objects.values_list("slug", flat=True))


# --- What is still to come -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Planned:
    """A change that takes its time up, with what the summary says about it."""

    booking: Booking
    implementer: str
    title: str
    state: str
    risk: str
    customer_impacting: bool

    @property
    def ref(self) -> str:
        """`CHG-12`."""
        return f"CHG-{self.booking.id}"


def planned(span: Span, filters: Mapping[str, Any], around: Surroundings) -> tuple[list[Planned], set[int]]:
    """The changes that take up time in `span`, by time, and the numbers of those that satisfy the filters.

    The others are among them because they may collide with those. One statement; at most MOST_BOOKED rows.
    """
    now = timezone.now()
    rows = booked(span, now=now)
    of_change = ("title", "state", "risk", "customer_impacting", "service_id", "environment_id", "environment__slug")
    times = ("window_start", "window_end", "started_at", "at")
    columns = [
        "pk",
        "implementer_id",
        "implementer__name",
        "services",
        *(f"change__{name}" for name in (*of_change, *times)),
    ]
    grouped: dict[int, dict[str, Any]] = {}
    for row in rows.values(*columns)[: MOST_BOOKED * 2]:
        held = grouped.setdefault(row["pk"], {**row, "of": {row["change__service_id"]}})
        held["of"] |= {row["services"]} - {None}
    shown = {pk for pk, row in grouped.items() if _satisfies(row, filters, around)}
    found = [
        Planned(
            booking_of(row | {name: row[f"change__{name}"] for name in OF_CHANGE}, row["of"], now=now),
            row["implementer__name"],
            row["change__title"],
            row["change__state"],
            row["change__risk"],
            row["change__customer_impacting"],
        )
        for row in list(grouped.values())[:MOST_BOOKED]
    ]
    return found, shown


def _satisfies(row: Mapping[str, Any], filters: Mapping[str, Any], around: Surroundings) -> bool:
    if not filters:
        return True
    facts: dict[str, set[Any]] = {
        "service": {around.slugs.get(pk) for pk in row["of"]},
        "team": {around.teams.get(pk) for pk in row["of"]},
        "environment": {row["change__environment__slug"]},
        "customer_impacting": {row["change__customer_impacting"]},
    }
    return all(value in facts[name] for name, value in filters.items())


def hands(found: Iterable[Planned]) -> dict[int | None, str]:
    """The names of those who carry these changes out."""
    return {one.booking.implementer_id: one.implementer for one in found}


def collisions(found: Iterable[Planned], shown: set[int], around: Surroundings, *, most: int) -> list[policy.Collision]:
    """The collisions in which one of those that are shown takes part, by time."""
    met = policy.collisions_among((one.booking for one in found), around.landscape, most=most)
    return [hit for hit in met if hit.one.id in shown or hit.other.id in shown]


# --- Links -----------------------------------------------------------------------------------------------------------


def links_of(owner: User) -> list[CalendarLink]:
    """Somebody's links, the newest first, those that work before those that were revoked."""
    return list(owner.calendar_links.order_by(F("revoked_at").asc(nulls_first=True), "-id")[:100])


def link_behind(digest: str) -> CalendarLink | None:
    """The link with this digest, if it was not revoked and its owner still has an account."""
    rows = CalendarLink.objects.filter(digest=digest, revoked_at__isnull=True, owner__is_active=True)
    return rows.select_related("owner").first()
