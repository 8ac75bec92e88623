"""Lists of changes, by hand-written SQL because every page and many scripts wait for them.

Newest first by (`at`, `id`); a page costs the same wherever it is, because a cursor names its edge; nothing is counted.
Matches of a search are collected first and sorted then: left to itself, PostgreSQL walks the newest-first index and
tests every row after a bulk load.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import BigIntegerField, Case, OuterRef, QuerySet, Subquery, TextField, Value, When
from django.db.models.functions import Cast, Coalesce, Lower, Substr

from accounts.models import ApiToken, User
from changes.models import Change
from changes.search import postgres_query, sqlite_query, words
from changes.states import Origin, State
from workflow import ledger
from workflow.models import Entry
from workflow.paging import DEFAULT_PAGE_SIZE, Cursor
from workflow.statements import fetch


class ChangeRow(NamedTuple):
    """A change as lists show it; `pipeline`, `run_id` and `attempt` are empty for what no pipeline logged.

    `further_services` counts those that a ticket names beside the change's own.
    """

    id: int
    type: str
    origin: str
    authorization: str
    state: str
    outcome: str
    verdict: str
    verdict_rule: str
    policy_version: int
    title: str
    version: str
    sha: str
    flags: str
    customer_impacting: bool
    at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    created_at: datetime
    updated_at: datetime
    service: str
    tier: int
    environment: str
    pipeline: str | None
    run_id: str | None
    attempt: int | None
    risk: str
    window_start: datetime | None
    window_end: datetime | None
    review_due_at: datetime | None
    further_services: int

    @property
    def ref(self) -> str:
        """`CHG-12`."""
        return f"CHG-{self.id}"


COLUMNS = """c.id, c.type, c.origin, c.authorization, c.state, c.outcome, c.verdict, c.verdict_rule, c.policy_version,
    c.title, c.version, c.sha, c.flags, c.customer_impacting, c.at, c.started_at, c.finished_at, c.created_at,
    c.updated_at, s.slug, s.tier, e.slug, p.slug, r.run_id, r.attempt, c.risk, c.window_start, c.window_end,
    c.review_due_at, CASE WHEN c.origin = 'person'
    THEN (SELECT count(*) - 1 FROM changes_ticket_services ts WHERE ts.ticket_id = c.id) ELSE 0 END"""
COLUMNS_OF_DEPLOYS = f"{COLUMNS.partition('CASE')[0]} 0"
"""The same for a list without tickets, where PostgreSQL need not get ready to count."""
JOINS = """JOIN catalog_service s ON s.id = c.service_id JOIN catalog_environment e ON e.id = c.environment_id
    LEFT JOIN changes_pipeline p ON p.id = c.pipeline_id LEFT JOIN changes_run r ON r.change_id = c.id"""
MOMENTS = (14, 15, 16, 17, 18, 26, 27, 28)
CONDITIONS: dict[str, str] = {
    "service": "c.service_id = {one}(SELECT id FROM catalog_service WHERE slug = %s){end}",
    "environment": "c.environment_id = (SELECT id FROM catalog_environment WHERE slug = %s)",
    "pipeline": "c.pipeline_id = {one}(SELECT id FROM changes_pipeline WHERE slug = %s){end}",
    "team": "c.service_id IN (SELECT s.id FROM catalog_service s JOIN accounts_team t ON t.id = s.team_id"
    " WHERE t.slug = %s)",
    "requester": "c.requester_id = (SELECT id FROM accounts_user WHERE lower(email) = lower(%s))",
    "type": "c.type = %s",
    "origin": "c.origin = %s",
    "authorization": "c.authorization = %s",
    "state": "c.state = %s",
    "outcome": "c.outcome = %s",
    "verdict": "c.verdict = %s",
    "risk": "c.risk = %s",
    "sha": "c.sha = %s",
    "customer_impacting": "c.customer_impacting = %s",
    "since": "c.at >= %s",
    "until": "c.at < %s",
    "window_from": "c.window_start > %s AND c.window_end > %s",
    "window_to": "c.window_start < %s",
}
"""Each filter that a list knows, and what it demands of a row; `{one}`, `{among}` and `{end}` differ between databases.

The two of the window together leave the changes whose window touches an interval.
"""
_NAMED = "changes_ticket_services ts JOIN catalog_service s ON s.id = ts.service_id"
_OF = {
    "service": f"FROM {_NAMED} WHERE s.slug = %s",
    "team": f"FROM {_NAMED} JOIN accounts_team t ON t.id = s.team_id WHERE t.slug = %s",
}
_SEVERAL = "EXISTS (SELECT 1 FROM changes_ticket_services o WHERE o.ticket_id = ts.ticket_id AND o.id <> ts.id)"
BY_TICKET = {name: f"c.id {{among}}(SELECT ts.ticket_id {rows} AND {_SEVERAL}){{end}}" for name, rows in _OF.items()}
"""The filters that a change also satisfies by a further service that its ticket names.

A list is then put together from two halves, the changes whose own service it is and those others, because the first
comes in order out of an index. The numbers of the others are looked up first: few, or none where nobody files tickets.
"""
JUST_NOW = timedelta(minutes=10)
ENDED = frozenset({State.FINISHED, State.CLOSED})
LONGEST_WINDOW = timedelta(days=92)
"""How long a window lasts at most for a list that is narrowed by it."""
BY_WINDOW = "c.window_start IS NULL, "
"""Says nothing about the order of rows that have a window. But no index begins so, and a walk of all changes from the
newest would meet those of an old window late.
"""
OWN_ORDER = {"service": "c.service_id", "pipeline": "c.pipeline_id"}
"""The filters that have an index of their own in the order of the list."""
AS_ARRAY, AS_VALUE = {"one": "ANY(ARRAY", "among": "= ANY(ARRAY", "end": ")"}, {"one": "", "among": "IN ", "end": ""}
"""PostgreSQL sees no constant in an array. So it cannot drop the column from the order of the list, and must take the
index that begins with it; else it would walk all changes for a service that has few.
"""


@dataclass(frozen=True, slots=True)
class ChangeList:
    """What to list.

    `filters` maps names of CONDITIONS to a value; `q` is full-text search over title, service, pipeline, run, version,
    sha and tickets, of which the last word may be a beginning.
    """

    filters: Mapping[str, Any] = field(default_factory=dict)
    q: str = ""
    cursor: Cursor | None = None
    size: int = DEFAULT_PAGE_SIZE


class Page(NamedTuple):
    """Rows, newest first, and the cursors of the neighbouring pages, None where there is none."""

    rows: list[ChangeRow]
    newer: Cursor | None
    older: Cursor | None


def list_changes(wanted: ChangeList) -> Page:
    """One page of changes."""
    if wanted.q and not words(wanted.q):
        return Page([], None, None)
    narrowing = _narrowing(wanted)
    source = _found(wanted, narrowing) if wanted.q else narrowing.picked("changes_change c")
    columns = COLUMNS_OF_DEPLOYS if wanted.filters.get("origin") == Origin.PIPELINE else COLUMNS
    sql = f"SELECT {columns} FROM ({source.sql}) c {JOINS} ORDER BY {narrowing.order} LIMIT %s"
    found = fetch(sql, [*source.parameters, narrowing.limit], moments=MOMENTS)
    return _page([ChangeRow._make(row) for row in found], wanted, newer_first=narrowing.newer_first)


class Sql(NamedTuple):
    """A statement and its parameters."""

    sql: str
    parameters: list[object]


class Half(NamedTuple):
    """What is demanded of one half of a list, in SQL about the alias `c`; `first` is what comes before its order."""

    where: str
    parameters: list[object]
    first: str = ""


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What filters and cursor demand; `limit` is one more than the page holds. The halves have no row in common."""

    halves: tuple[Half, ...]
    limit: int
    newer_first: bool

    @property
    def order(self) -> str:
        """The order in which the page is cut off, which is reversed for a page of newer rows."""
        return "c.at, c.id" if self.newer_first else "c.at DESC, c.id DESC"

    def picked(self, source: str, *, also: str = "TRUE", given: Sequence[object] = (), columns: str = "c.*") -> Sql:
        """The rows of `source` that belong to the page, and satisfy `also`; with two halves up to twice as many."""
        parts = [
            f"SELECT {columns} FROM {source} WHERE {also} AND {half.where} ORDER BY {half.first}{self.order} LIMIT %s"
            for half in self.halves
        ]
        parameters = [value for half in self.halves for value in (*given, *half.parameters, self.limit)]
        if len(parts) == 1:
            return Sql(parts[0], parameters)
        return Sql(" UNION ALL ".join(f"SELECT * FROM ({part}) half" for part in parts), parameters)


def _narrowing(wanted: ChangeList) -> Narrowing:
    cursor = wanted.cursor
    newer_first = cursor is not None and cursor.is_newer
    split = next((name for name in BY_TICKET if name in wanted.filters), "")
    own = next((OWN_ORDER[name] for name in OWN_ORDER if name in wanted.filters), "")
    first = f"{own} {'DESC' if newer_first else 'ASC'}, " if own else ""
    if {"window_from", "window_to"} & set(wanted.filters):
        first = BY_WINDOW
    halves = [_half(wanted, split, first=first)]
    if split and wanted.filters.get("origin") != Origin.PIPELINE and "pipeline" not in wanted.filters:
        halves.append(_half(wanted, split, is_by_ticket=True))
    return Narrowing(tuple(halves), wanted.size + 1, newer_first)


def _half(wanted: ChangeList, split: str, *, first: str = "", is_by_ticket: bool = False) -> Half:
    """The changes that satisfy the filter `split` by their own service, or those that do so by their ticket only."""
    dialect = AS_ARRAY if connection.vendor == "postgresql" else AS_VALUE
    clauses, parameters = ["TRUE"], list[object]()
    for name, value in wanted.filters.items():
        wording, count = _wording(name, split, is_by_ticket=is_by_ticket)
        clauses.append(wording.format(**dialect))
        parameters += [value - LONGEST_WINDOW, value] if name == "window_from" else [value] * count
    if wanted.cursor is not None:
        clauses.append(f"(c.at, c.id) {'>' if wanted.cursor.is_newer else '<'} (%s, %s)")
        parameters += [wanted.cursor.at, wanted.cursor.id]
    return Half(" AND ".join(clauses), parameters, first)


def _wording(name: str, split: str, *, is_by_ticket: bool) -> tuple[str, int]:
    """What a filter demands in this half, and how often its value stands in it."""
    own = CONDITIONS[name]
    if name not in BY_TICKET or (name == split and not is_by_ticket):
        return own, 1
    if name == split:
        return f"({BY_TICKET[name]} AND NOT {own})", 2
    return f"({own} OR EXISTS (SELECT 1 {_OF[name]} AND ts.ticket_id = c.id))", 2


# --- Search ----------------------------------------------------------------------------------------------------------

COLUMN = re.compile(r"\bc\.\w+")
MOST_HITS = 5_000
"""A word with more matches than this is so frequent that a walk from the newest change meets a page of them soon."""
WALKED = "array_to_tsvector(string_to_array(c.search_text, ' ')) @@ %s::text::tsquery"
INDEXED = "changes_words(c.search_text) @@ %s::text::tsquery"
"""The same condition twice: only the second is the one that the index is made for."""


def _found(wanted: ChangeList, narrowing: Narrowing) -> Sql:
    """The rows of the page that match the search.

    Two steps on PostgreSQL, because the plan of the first depends on the word and is made anew each time, and so should
    be about one table only.
    """
    if connection.vendor != "postgresql":
        hits = "(SELECT rowid FROM changes_search WHERE changes_search MATCH %s)"
        return narrowing.picked("changes_change c", also=f"c.id IN {hits}", given=[sqlite_query(wanted.q)])
    query = postgres_query(wanted.q)
    page = narrowing.picked("hit c", columns="c.id")
    # Only the columns that the page is picked by: whole rows would be copied for every match.
    names = ", ".join(sorted({*COLUMN.findall(page.sql)}))
    hits = f"WITH hit AS MATERIALIZED (SELECT {names} FROM changes_change c WHERE {INDEXED} LIMIT {MOST_HITS + 1})"
    counted = f"SELECT p.id, h.n FROM (SELECT count(*) AS n FROM hit) h LEFT JOIN ({page.sql}) p ON TRUE"
    found = fetch(f"{hits} {counted}", [query, *page.parameters])
    if found[0][1] > MOST_HITS:
        found = fetch(*narrowing.picked("changes_change c", also=WALKED, given=[query], columns="c.id"))
    ids = [row[0] for row in found if row[0] is not None]
    return Sql("SELECT * FROM changes_change WHERE id = ANY(%s)", [ids])


def _page(rows: list[ChangeRow], wanted: ChangeList, *, newer_first: bool) -> Page:
    has_more = len(rows) > wanted.size
    rows = rows[: wanted.size]
    if newer_first:
        rows.reverse()
    if not rows:
        return Page([], None, None)
    first, last = rows[0], rows[-1]
    has_newer = has_more if newer_first else wanted.cursor is not None
    has_older = True if newer_first else has_more
    return Page(
        rows,
        Cursor(first.at, first.id, is_newer=True) if has_newer else None,
        Cursor(last.at, last.id) if has_older else None,
    )


NOW = f"""SELECT {COLUMNS} FROM (
    SELECT * FROM (SELECT c.* FROM changes_change c WHERE c.state = 'in_progress' ORDER BY c.at DESC, c.id DESC
        LIMIT %s) under_way
    UNION ALL SELECT * FROM (SELECT c.* FROM changes_change c WHERE c.state IN ('submitted', 'approved')
        AND c.window_end > %s AND c.window_start < %s ORDER BY c.window_start, c.id LIMIT %s) next
    UNION ALL SELECT * FROM (SELECT c.* FROM changes_change c WHERE c.state IN ('finished', 'closed')
        AND c.at < %s ORDER BY c.at DESC, c.id DESC LIMIT %s) ended
    ) c {JOINS} ORDER BY CASE WHEN c.state = 'in_progress' THEN 0 ELSE 1 END,
    CASE WHEN c.state IN ('submitted', 'approved') THEN c.window_start ELSE c.at END, c.id"""


class Happening(NamedTuple):
    """What is under way and then what comes next, by time; and what ended last, the newest first."""

    around: list[ChangeRow]
    ended: list[ChangeRow]


def happening(*, now: datetime, until: datetime, most: int, ended: int) -> Happening:
    """What is under way, what is planned for [now, until), at most so many of each, and what ended last; one statement.

    Clocks of pipelines may be ahead of ours by as much as JUST_NOW.
    """
    found = fetch(NOW, [most, now, until, most, now + JUST_NOW, ended], moments=MOMENTS)
    rows = [ChangeRow._make(row) for row in found]
    past = [row for row in rows if row.state in ENDED]
    return Happening([row for row in rows if row.state not in ENDED], past[::-1])


DEPLOYMENTS = {"origin": Origin.PIPELINE.value}
"""The filter that makes a list of changes a list of deployments."""


# --- What the pages of changes need beside a list -------------------------------------------------------------------

CHOICES = """SELECT 'service', slug FROM catalog_service UNION ALL SELECT 'team', slug FROM accounts_team
    UNION ALL SELECT 'environment', slug FROM catalog_environment
    UNION ALL SELECT 'pipeline', slug FROM changes_pipeline ORDER BY 1, 2"""


def filter_choices() -> tuple[tuple[str, str], ...]:
    """What there is to filter by, as (filter, slug)."""
    return tuple((kind, slug) for kind, slug in fetch(CHOICES))


def change_in_full(pk: int) -> Change | None:
    """A change with everything that its page names, in one statement; None when there is none."""
    of_deploy = ("run", "pipeline__registered_by", "pipeline__token")
    of_ticket = ("ticket__implementer", "ticket__template", "review__reviewer")
    related = ("service__team", "environment", "requester", *of_deploy, *of_ticket)
    return Change.objects.select_related(*related).filter(pk=pk).first()


def names_of(actors: Iterable[str]) -> dict[str, str]:
    """The names behind the ledger's ids (`user:7`, `token:3`), in one statement; who is gone is left out."""
    wanted: dict[str, list[int]] = {"user": [], "token": []}
    for actor in actors:
        kind, _, number = actor.partition(":")
        if kind in wanted and number.isdigit():
            wanted[kind].append(int(number))
    people = User.objects.filter(pk__in=wanted["user"]).order_by().values_list(Value("user"), "pk", "name")
    tokens = ApiToken.objects.filter(pk__in=wanted["token"]).values_list(Value("token"), "pk", "name")
    return {f"{kind}:{pk}": name for kind, pk, name in people.union(tokens, all=True)}


def timeline_with_names(subject: str) -> tuple[list[Entry], dict[str, str]]:
    """What happened to `subject`, newest first, and the names behind the ledger's ids in it, in one statement."""
    return entries_with_names(ledger.entries_about(subject))


def entries_with_names(rows: QuerySet[Entry]) -> tuple[list[Entry], dict[str, str]]:
    """The newest of these entries, and the names behind the ledger's ids in them, in one statement."""

    def name(kind: str, known: QuerySet[Any]) -> Subquery:
        return Subquery(known.filter(pk=OuterRef(kind)).order_by().values("name")[:1])

    numbers = {
        kind: Case(When(actor__startswith=f"{kind}:", then=Cast(Substr("actor", len(kind) + 2), BigIntegerField())))
        for kind in ("user", "token")
    }
    ordered = rows.annotate(**numbers).order_by("-occurred_at", "-id")
    named = ordered.annotate(
        name=Coalesce(name("user", User.objects.all()), name("token", ApiToken.objects.all()), output_field=TextField())
    )
    entries = list(named[: ledger.SHOWN])
    return [*entries], {entry.actor: str(entry.name) for entry in entries if entry.name is not None}


def names_by_email(emails: Iterable[str]) -> dict[str, str]:
    """The names of those who have an account, by their e-mail in lower case."""
    wanted = {email.lower() for email in emails if email}
    found = User.objects.annotate(lower=Lower("email")).filter(lower__in=wanted).values_list("lower", "name")
    return dict(found)
