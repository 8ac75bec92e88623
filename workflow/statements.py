"""Hand-written SQL for the few hot paths, on both databases.

PostgreSQL gets a server-side prepared statement (planning the same joins again for every request would cost more than
running them); SQLite gets the same text. Everything else in Decklog uses the ORM.
"""

import threading
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
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


def undoable() -> AbstractContextManager[None]:
    """A step that may meet a taken key: inside a transaction it fails alone, outside one nothing needs protection."""
    return transaction.atomic() if connection.in_atomic_block else nullcontext()


def insert_together(parent: NewRow, children: Sequence[NewRow]) -> int:
    """Insert `parent` and all `children` in one durable step and return the parent's id.

    PostgreSQL does it in a single statement, so one round trip and no explicit transaction; SQLite in a transaction.
    Keys of `NewRow.values` are column names; a child names the parent with FromParent. Raises IntegrityError when a
    unique key is taken; then nothing was written.
    """
    if connection.vendor == "postgresql":
        rows = (parent, *children)
        sql = _statement(tuple([_shape(row) for row in rows]))
        given = [_parameter(value) for row in rows for value in row.values.values() if type(value) is not FromParent]
        return int(fetch(sql, given)[0][0])
    with transaction.atomic():
        parent_id = _insert_one(parent, parent_id=0)
        for child in children:
            _insert_one(child, parent_id=parent_id)
    return parent_id


def _parameter(value: object) -> object:
    return orjson.dumps(value).decode() if isinstance(value, dict | list) else value


Shape = tuple[type[models.Model], tuple[str, ...], tuple[tuple[str, FromParent], ...]]
"""What the text of an insert depends on: the model, the columns, and which of them name the parent."""


def _shape(row: NewRow) -> Shape:
    inherited = [(name, value) for name, value in row.values.items() if type(value) is FromParent]
    return row.model, tuple(row.values), tuple(inherited)


@lru_cache(maxsize=64)
def _statement(shapes: tuple[Shape, ...]) -> str:
    parent, *children = (_insert(shape) for shape in shapes)
    parts = [f"parent AS ({parent} RETURNING id)"]
    parts += [f"child_{number} AS ({child} FROM parent)" for number, child in enumerate(children)]
    return f"WITH {', '.join(parts)} SELECT id FROM parent"


def _insert(shape: Shape) -> str:
    model, names, inherited = shape
    expressions = {column.column or "": f"%s::{_type_of(column)}" for column in model._meta.concrete_fields}
    for name, value in inherited:
        expressions[name] = f"'{value.prefix}' || parent.id" if value.prefix else "parent.id"
    columns = ", ".join(_quoted(name) for name in names)
    return f"INSERT INTO {model._meta.db_table} ({columns}) SELECT {', '.join(expressions[name] for name in names)}"


def _type_of(column: "models.Field[Any, Any]") -> str:
    # A cast to varchar(n) would cut a longer text in silence; as text it meets the column's own limit.
    return "text" if isinstance(column, models.CharField) else str(column.db_type(connection))


def _quoted(name: str) -> str:
    # `authorization` and `end` are words of SQL.
    return f'"{name}"'


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
