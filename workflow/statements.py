"""Hand-written SQL for the few hot paths, on both databases.

PostgreSQL gets a server-side prepared statement (planning the same joins again for every request would cost more than
running them); SQLite gets the same text. Everything else in Decklog uses the ORM.
"""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson
import psycopg
from django.db import connection, models, transaction
from psycopg.types.datetime import TimestamptzLoader

Row = tuple[Any, ...]
_OWN = threading.local()


def fetch(sql: str, parameters: Sequence[Any] = (), *, moments: Iterable[int] = ()) -> list[Row]:
    """Run one statement with `%s` placeholders and return its rows; `moments` are the columns that hold times.

    Raises django.db errors, as the ORM does.
    """
    if connection.vendor == "postgresql":
        # Only Django's wrapper knows the isolation it promised, so its connection is used, without its cursor.
        with connection.wrap_database_errors:
            return _cursor().execute(sql, parameters, prepare=True).fetchall()
    with connection.cursor() as cursor:
        cursor.execute(sql, [_for_sqlite(value) for value in parameters])
        rows = cursor.fetchall()
    columns = tuple(moments)
    return [_with_moments(row, columns) for row in rows] if columns else rows


def _cursor() -> "psycopg.Cursor[Row]":
    """This thread's server-side cursor, made once for each connection."""
    connection.ensure_connection()
    cursor: psycopg.Cursor[Row] | None = getattr(_OWN, "cursor", None)
    if cursor is None or cursor.connection is not connection.connection:
        cursor = psycopg.Cursor(connection.connection)
        # Django's own loader of times is Python; the connection is in UTC, so psycopg's compiled one says the same.
        cursor.adapters.register_loader("timestamptz", TimestamptzLoader)
        _OWN.cursor = cursor
    return cursor


def _for_sqlite(value: Any) -> Any:
    if isinstance(value, datetime):
        # SQLite compares times as text, so a moment must have one spelling: the one that the ORM uses.
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ")
    return value


def _with_moments(row: Row, columns: tuple[int, ...]) -> Row:
    values = list(row)
    for column in columns:
        moment = values[column]
        if isinstance(moment, str):
            moment = datetime.fromisoformat(moment)
        values[column] = moment and moment.replace(tzinfo=UTC)
    return tuple(values)


# --- One parent row and its children, together or not at all --------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FromParent:
    """A column whose value is known only once the parent is inserted: its id, or a ref made of a prefix and its id."""

    prefix: str = ""


@dataclass(frozen=True, slots=True)
class NewRow:
    """A row to insert: the model, and a value for each column that has no database default."""

    model: type[models.Model]
    values: dict[str, object]


def insert_together(parent: NewRow, children: Sequence[NewRow]) -> int:
    """Insert `parent` and all `children` in one durable step and return the parent's id.

    PostgreSQL does it in a single statement, so one round trip and no explicit transaction; SQLite in a transaction.
    Keys of `NewRow.values` are column names; a child names the parent with FromParent. Raises IntegrityError when a
    unique key is taken; then nothing was written.
    """
    if connection.vendor == "postgresql":
        shape = tuple(_shape(row) for row in (parent, *children))
        parameters = [_parameter(v) for row in (parent, *children) for v in row.values.values() if _is_given(v)]
        return int(fetch(_statement(shape), parameters)[0][0])
    with transaction.atomic():
        parent_id = _insert_one(parent, parent_id=0)
        for child in children:
            _insert_one(child, parent_id=parent_id)
    return parent_id


def _is_given(value: object) -> bool:
    return not isinstance(value, FromParent)


def _parameter(value: object) -> object:
    return orjson.dumps(value).decode() if isinstance(value, dict | list) else value


def _shape(row: NewRow) -> tuple[str, tuple[tuple[str, str], ...]]:
    casts = _casts(row.model)
    columns = tuple(
        (name, f"'{value.prefix}' || parent.id" if value.prefix else "parent.id")
        if isinstance(value, FromParent)
        else (name, casts[name])
        for name, value in row.values.items()
    )
    return row.model._meta.db_table, columns


@lru_cache
def _casts(model: type[models.Model]) -> dict[str, str]:
    return {field.column or "": f"%s::{field.db_type(connection)}" for field in model._meta.concrete_fields}


@lru_cache(maxsize=64)
def _statement(shape: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]) -> str:
    (table, columns), *children = shape
    parts = [f"parent AS (INSERT INTO {_into(table, columns)} SELECT {_values(columns)} RETURNING id)"]
    parts += [
        f"child_{number} AS (INSERT INTO {_into(table, columns)} SELECT {_values(columns)} FROM parent)"
        for number, (table, columns) in enumerate(children)
    ]
    return f"WITH {', '.join(parts)} SELECT id FROM parent"


def _into(table: str, columns: tuple[tuple[str, str], ...]) -> str:
    return f"{table} ({', '.join(_quoted(name) for name, _ in columns)})"


def _quoted(name: str) -> str:
    # `authorization` and `end` are words of SQL.
    return f'"{name}"'


def _values(columns: tuple[tuple[str, str], ...]) -> str:
    return ", ".join(expression for _, expression in columns)


def _insert_one(row: NewRow, *, parent_id: int) -> int:
    values = [
        (f"{value.prefix}{parent_id}" if value.prefix else parent_id)
        if isinstance(value, FromParent)
        else _parameter(value)
        for value in row.values.values()
    ]
    marks = ", ".join(["%s"] * len(values))
    columns = ", ".join(_quoted(name) for name in row.values)
    key = row.model._meta.pk.column
    sql = f"INSERT INTO {row.model._meta.db_table} ({columns}) VALUES ({marks}) RETURNING {key}"
    return int(fetch(sql, values)[0][0])


def columns_of(row: models.Model) -> dict[str, Any]:
    """The columns of a loaded row by name."""
    return {column.attname: getattr(row, column.attname) for column in row._meta.concrete_fields}
