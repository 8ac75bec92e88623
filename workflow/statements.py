"""Hand-written SQL for the few hot paths, on both databases.

PostgreSQL gets a server-side prepared statement (planning the same joins again for every request would cost more than
running them); SQLite gets the same text. Everything else in Decklog uses the ORM.
"""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson
import psycopg
from django.db import connection, connections, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import DEFAULT_DB_ALIAS
from psycopg.types.datetime import TimestamptzLoader

Row = tuple[Any, ...]
_OWN = threading.local()


def fetch(sql: str, parameters: Sequence[Any] = (), *, moments: Iterable[int] = ()) -> list[Row]:
    """Run one statement with `%s` placeholders and return its rows; `moments` are the columns that hold times.

    Raises django.db errors, as the ORM does.
    """
    # `django.db.connection` would look for this thread's connection at every use of it.
    database = connections[DEFAULT_DB_ALIAS]
    if database.vendor == "postgresql":
        # Only Django's wrapper knows the isolation it promised, so its connection is used, without its cursor.
        with database.wrap_database_errors:
            return _cursor(database).execute(_numbered(sql), parameters, prepare=True).fetchall()
    with database.cursor() as cursor:
        cursor.execute(sql, [_for_sqlite(value) for value in parameters])
        rows = cursor.fetchall()
    columns = tuple(moments)
    return [_with_moments(row, columns) for row in rows] if columns else rows


@lru_cache(maxsize=512)
def _numbered(sql: str) -> bytes:
    """The statement with `$1`, `$2` for its marks. psycopg would number, encode and hash it each time."""
    parts = sql.split("%s")
    return ("".join(f"{part}${number}" for number, part in enumerate(parts[:-1], start=1)) + parts[-1]).encode()


def _cursor(database: BaseDatabaseWrapper) -> "psycopg.RawCursor[Row]":
    """This thread's server-side cursor, made once for each connection."""
    database.ensure_connection()
    cursor: psycopg.RawCursor[Row] | None = getattr(_OWN, "cursor", None)
    if cursor is None or cursor.connection is not database.connection:
        cursor = psycopg.RawCursor(database.connection)
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
        values[column] = _moment(values[column])
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


@dataclass(frozen=True, slots=True)
class Premise:
    """What must still be so for something to be inserted: a condition in SQL, and its parameters."""

    holds: str
    parameters: Sequence[object]


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
        shapes, given = _laid_out((parent, *children))
        return int(fetch(_statement(shapes), given)[0][0])
    with transaction.atomic():
        parent_id = _insert_one(parent, parent_id=0)
        for child in children:
            _insert_one(child, parent_id=parent_id)
    return parent_id


def can_insert_if() -> bool:
    """Whether this database can do `insert_if`: SQLite cannot write in a WITH."""
    return connection.vendor == "postgresql"


def insert_if(premise: Premise, parent: NewRow, children: Sequence[NewRow]) -> int | None:
    """As `insert_together`, but only if `premise` holds at this very moment; PostgreSQL only.

    The parent's id, or None when it does not hold and nothing was written; either way in one round trip.
    """
    shapes, given = _laid_out((parent, *children))
    inserted = fetch(_statement(shapes, premise.holds), [*premise.parameters, *given])
    return int(inserted[0][0]) if inserted else None


def _parameter(value: object) -> object:
    return orjson.dumps(value).decode() if type(value) in _WRITTEN_AS_JSON else value


_WRITTEN_AS_JSON = frozenset({dict, list})


Shape = tuple[type[models.Model], tuple[str, ...], tuple[tuple[str, FromParent], ...]]
"""What the text of an insert depends on: the model, the columns, and which of them name the parent."""


def _laid_out(rows: Sequence[NewRow]) -> tuple[tuple[Shape, ...], list[object]]:
    """The shapes of the rows and the values that they bring, in one pass, because this runs for every deploy."""
    shapes: list[Shape] = []
    given: list[object] = []
    for row in rows:
        inherited = []
        for name, value in row.values.items():
            if type(value) is FromParent:
                inherited.append((name, value))
            else:
                # As _parameter does, without calling it for each of fifty values.
                given.append(orjson.dumps(value).decode() if type(value) in _WRITTEN_AS_JSON else value)
        shapes.append((row.model, tuple(row.values), tuple(inherited)))
    return tuple(shapes), given


@lru_cache(maxsize=64)
def _statement(shapes: tuple[Shape, ...], holds: str = "") -> str:
    parent, *children = (_insert(shape) for shape in shapes)
    # The condition comes before the rows, so that its parameters do too.
    parts = [f"held AS MATERIALIZED (SELECT 1 WHERE {holds})"] if holds else []
    parts.append(f"parent AS ({parent}{' FROM held' if holds else ''} RETURNING id)")
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


# --- Known rows ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ChangedRow:
    """A row to update: its model and key, the new values by column, and what it must still say (empty: anything)."""

    model: type[models.Model]
    pk: int
    values: Mapping[str, object]
    expected: Mapping[str, object]


def write_together(changed: Sequence[ChangedRow], new: Sequence[NewRow]) -> bool:
    """Update the `changed` rows and insert the `new` ones, on PostgreSQL in a single statement.

    Runs in the caller's transaction, which must be undone when this returns False: one row was not as expected.
    """
    steps = [*(_update_of(row) for row in changed), *(_insert_of(row) for row in new)]
    if connection.vendor == "postgresql":
        parts = [f"step_{number} AS ({sql} RETURNING 1)" for number, (sql, _) in enumerate(steps)]
        counts = ", ".join(f"(SELECT count(*) FROM step_{number})" for number in range(len(steps)))
        given = [value for _, values in steps for value in values]
        return all(fetch(f"WITH {', '.join(parts)} SELECT {counts}", given)[0])
    return all(fetch(f"{sql} RETURNING 1", values) for sql, values in steps)


def _update_of(row: ChangedRow) -> tuple[str, list[object]]:
    values = [*map(_parameter, row.values.values()), row.pk, *row.expected.values()]
    return _update(row.model, tuple(row.values), tuple(row.expected), connection.vendor), values


def _insert_of(row: NewRow) -> tuple[str, list[object]]:
    return _plain_insert(row.model, tuple(row.values), connection.vendor), [*map(_parameter, row.values.values())]


@lru_cache(maxsize=64)
def _update(model: type[models.Model], names: tuple[str, ...], expected: tuple[str, ...], vendor: str) -> str:
    marks = _marks(model, vendor)
    sets = ", ".join(f"{_quoted(name)} = {marks[name]}" for name in names)
    wheres = " AND ".join(f"{_quoted(name)} = {marks[name]}" for name in (str(model._meta.pk.column), *expected))
    return f"UPDATE {model._meta.db_table} SET {sets} WHERE {wheres}"


@lru_cache(maxsize=64)
def _plain_insert(model: type[models.Model], names: tuple[str, ...], vendor: str) -> str:
    marks = _marks(model, vendor)
    columns, values = ", ".join(map(_quoted, names)), ", ".join(marks[name] for name in names)
    return f"INSERT INTO {model._meta.db_table} ({columns}) VALUES ({values})"


def _marks(model: type[models.Model], vendor: str) -> dict[str, str]:
    """A placeholder for each column; PostgreSQL is told its type."""
    is_typed = vendor == "postgresql"
    fields = model._meta.concrete_fields
    return {field.column or "": f"%s::{_type_of(field)}" if is_typed else "%s" for field in fields}


def select_list(model: type[models.Model], alias: str) -> str:
    """All columns of a model, for a statement in which its table is called `alias`."""
    return ", ".join(f"{alias}.{_quoted(field.column or '')}" for field in model._meta.concrete_fields)


def read_columns(model: type[models.Model], row: Row) -> dict[str, Any]:
    """The columns of `select_list` by name, as the model would hold them."""
    return {name: read(value) if read else value for (name, read), value in zip(_readers(model), row, strict=True)}


Reader = Callable[[Any], Any]


@lru_cache(maxsize=64)
def _readers(model: type[models.Model]) -> list[tuple[str, Reader | None]]:
    readers: list[tuple[type[models.Field[Any, Any]], Reader]] = [
        (models.DateTimeField, _moment),
        (models.JSONField, _from_json),
        (models.BooleanField, bool),
    ]
    return [
        (field.attname, next((read for kind, read in readers if isinstance(field, kind)), None))
        for field in model._meta.concrete_fields
    ]


def _moment(value: Any) -> Any:
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return value and value.replace(tzinfo=UTC)


def _from_json(value: Any) -> Any:
    return orjson.loads(value) if isinstance(value, str) else value


def columns_of(row: models.Model) -> dict[str, Any]:
    """The columns of a loaded row by name."""
    return {column.attname: getattr(row, column.attname) for column in row._meta.concrete_fields}
