"""The API's short lists: parameters in, one page of rows out. Long lists have statements of their own."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from django.conf import settings
from django.db.models import Model, Q, QuerySet
from django.http import QueryDict

from workflow.errors import InvalidFields
from workflow.paging import Cursor, read_cursor, read_page_size

Row = TypeVar("Row", bound=Model)
LONGEST = 254
_NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which page of which rows; `filters` are the texts that were asked for."""

    filters: dict[str, str]
    cursor: Cursor | None
    size: int


@dataclass(frozen=True, slots=True)
class Slice(Generic[Row]):
    """Rows, newest first, and the cursors of the neighbouring pages, None where there is none."""

    rows: list[Row]
    newer: Cursor | None
    older: Cursor | None


def read_wanted(query: QueryDict, *, allowed: Collection[str] = ()) -> Wanted:
    """What a query string asks for; raises InvalidFields (400) that names each parameter it does not know."""
    known = ", ".join((*allowed, "cursor", "page_size"))
    errors = [
        (name, "unknown_parameter", f"“{name[:40]}” is no parameter of this list. Known: {known}.")
        for name in query
        if name not in {*allowed, "cursor", "page_size"}
    ]
    filters = {name: query.get(name, "") for name in allowed if query.get(name)}
    for name, text in filters.items():
        if len(text) > LONGEST or not text.isprintable():
            errors.append((name, "invalid", f"{name} holds characters that no {name} has."))
    if errors:
        raise InvalidFields(errors, status=400)
    return Wanted(filters, read_cursor(query.get("cursor", "")), read_page_size(query.get("page_size", "")))


def page_of(rows: QuerySet[Row], wanted: Wanted, *, at: str = "") -> Slice[Row]:
    """One page of `rows`, newest first by the column `at` and then by id; without `at` by id alone.

    `at` must be a column that Decklog writes; SQLite's own clock spells times in another way and compares them as text.
    """
    cursor = wanted.cursor
    is_upward = cursor is not None and cursor.is_newer
    if cursor is not None:
        rows = rows.filter(_beyond(cursor, at))
    keys = [at, "id"] if at else ["id"]
    found = list(rows.order_by(*(keys if is_upward else [f"-{key}" for key in keys]))[: wanted.size + 1])
    has_more = len(found) > wanted.size
    shown = found[: wanted.size][:: -1 if is_upward else 1]
    if not shown:
        return Slice([], None, None)
    has_newer = has_more if is_upward else cursor is not None
    return Slice(
        shown,
        _edge(shown[0], at, is_newer=True) if has_newer else None,
        _edge(shown[-1], at) if is_upward or has_more else None,
    )


def _beyond(cursor: Cursor, at: str) -> Q:
    way = "gt" if cursor.is_newer else "lt"
    beyond = Q(**{f"id__{way}": cursor.id})
    return Q(**{f"{at}__{way}": cursor.at}) | Q(**{at: cursor.at}) & beyond if at else beyond


def _edge(row: Model, at: str, *, is_newer: bool = False) -> Cursor:
    return Cursor(getattr(row, at) if at else _NO_TIME, row.pk, is_newer=is_newer)


def list_json(shown: Sequence[dict[str, Any]], page: Slice[Any], *, query: QueryDict, path: str) -> dict[str, Any]:
    """A page in the words of the API, with the addresses of its neighbours."""
    return {"results": shown, "next": _address(page.older, query, path), "previous": _address(page.newer, query, path)}


def _address(cursor: Cursor | None, query: QueryDict, path: str) -> str | None:
    if cursor is None:
        return None
    turned = query.copy()
    turned["cursor"] = str(cursor)
    return f"{settings.BASE_URL}{path}?{turned.urlencode()}"
