"""Lists of changes, by hand-written SQL because every page and many scripts wait for them.

Newest first by (`at`, `id`); a page costs the same wherever it is, because a cursor names its edge; nothing is counted.
Matches of a search are collected first and sorted then: left to itself, PostgreSQL walks the newest-first index and
tests every row after a bulk load.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Value
from django.db.models.functions import Lower

from accounts.models import ApiToken, User
from changes.models import Change
from changes.search import postgres_query, sqlite_query, words
from changes.states import Origin
from workflow.paging import DEFAULT_PAGE_SIZE, Cursor
from workflow.statements import fetch


class ChangeRow(NamedTuple):
    """A change as lists show it; `pipeline`, `run_id` and `attempt` are empty for what no pipeline logged."""

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

    @property
    def ref(self) -> str:
        """`CHG-12`."""
        return f"CHG-{self.id}"


COLUMNS = """c.id, c.type, c.origin, c.authorization, c.state, c.outcome, c.verdict, c.verdict_rule, c.policy_version,
    c.title, c.version, c.sha, c.flags, c.customer_impacting, c.at, c.started_at, c.finished_at, c.created_at,
    c.updated_at, s.slug, s.tier, e.slug, p.slug, r.run_id, r.attempt"""
JOINS = """JOIN catalog_service s ON s.id = c.service_id JOIN catalog_environment e ON e.id = c.environment_id
    LEFT JOIN changes_pipeline p ON p.id = c.pipeline_id LEFT JOIN changes_run r ON r.change_id = c.id"""
MOMENTS = (14, 15, 16, 17, 18)
CONDITIONS: dict[str, str] = {
    "service": "c.service_id = (SELECT id FROM catalog_service WHERE slug = %s)",
    "environment": "c.environment_id = (SELECT id FROM catalog_environment WHERE slug = %s)",
    "pipeline": "c.pipeline_id = (SELECT id FROM changes_pipeline WHERE slug = %s)",
    "team": "c.service_id IN (SELECT s.id FROM catalog_service s JOIN accounts_team t ON t.id = s.team_id"
    " WHERE t.slug = %s)",
    "requester": "c.requester_id = (SELECT id FROM accounts_user WHERE lower(email) = lower(%s))",
    "type": "c.type = %s",
    "origin": "c.origin = %s",
    "authorization": "c.authorization = %s",
    "state": "c.state = %s",
    "outcome": "c.outcome = %s",
    "verdict": "c.verdict = %s",
    "sha": "c.sha = %s",
    "customer_impacting": "c.customer_impacting = %s",
    "since": "c.at >= %s",
    "until": "c.at < %s",
}
"""Each filter that a list knows, and what it demands of a row."""


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
    clauses = [CONDITIONS[name] for name in wanted.filters]
    parameters: list[object] = list(wanted.filters.values())
    source = "changes_change c"
    prefix = ""
    if wanted.q:
        prefix, source, search = _search(wanted.q)
        parameters = [search, *parameters]
    cursor = wanted.cursor
    newer_first = cursor is not None and cursor.is_newer
    if cursor is not None:
        clauses.append(f"(c.at, c.id) {'>' if newer_first else '<'} (%s, %s)")
        parameters += [cursor.at, cursor.id]
    where = f"WHERE {' AND '.join(clauses)}" if clauses else ""
    order = "c.at, c.id" if newer_first else "c.at DESC, c.id DESC"
    picked = f"SELECT c.* FROM {source} {where} ORDER BY {order} LIMIT %s"
    sql = f"{prefix}SELECT {COLUMNS} FROM ({picked}) c {JOINS} ORDER BY {order}"
    found = fetch(sql, [*parameters, wanted.size + 1], moments=MOMENTS)
    return _page([ChangeRow._make(row) for row in found], wanted, newer_first=newer_first)


def _search(text: str) -> tuple[str, str, str]:
    """The SQL before and inside the query that narrows it to matches, and the parameter of the search."""
    if connection.vendor == "postgresql":
        matches = (
            "WITH hit AS MATERIALIZED (SELECT id FROM changes_change"
            " WHERE array_to_tsvector(string_to_array(search_text, ' ')) @@ %s::text::tsquery) "
        )
        return matches, "hit JOIN changes_change c ON c.id = hit.id", postgres_query(text)
    matches = "WITH hit AS MATERIALIZED (SELECT rowid AS id FROM changes_search WHERE changes_search MATCH %s) "
    return matches, "hit JOIN changes_change c ON c.id = hit.id", sqlite_query(text)


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
    related = ("run", "service__team", "environment", "requester", "pipeline__registered_by", "pipeline__token")
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


def names_by_email(emails: Iterable[str]) -> dict[str, str]:
    """The names of those who have an account, by their e-mail in lower case."""
    wanted = {email.lower() for email in emails if email}
    found = User.objects.annotate(lower=Lower("email")).filter(lower__in=wanted).values_list("lower", "name")
    return dict(found)
