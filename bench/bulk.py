"""Filling tables fast: indexes are dropped first and built again at the end, and references are not checked."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psycopg

from bench import distribution
from bench.distribution import Span

Connection = psycopg.Connection[tuple[object, ...]]
INDEXES = """
SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema() AND tablename = ANY(%s)
AND indexname NOT IN (SELECT conname FROM pg_constraint)
"""


@contextmanager
def deeds(connection: Connection, span: Span) -> Iterator[None]:
    """Have the rows of `span` as a temporary table `deed` inside one transaction, with references unchecked.

    The role must be a superuser, as the owner of a fresh cluster is.
    """
    with connection.transaction():
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute("CREATE TEMPORARY TABLE saying (number int, words text) ON COMMIT DROP")
        with connection.cursor().copy("COPY saying FROM STDIN") as copy:
            for row in distribution.texts():
                copy.write_row(row)
        parts = {"first": span.first, "last": span.last, "start": span.start, "end": span.end}
        psycopg.ClientCursor(connection).execute(distribution.DEED, parts)
        connection.execute("ANALYZE deed")
        yield
        connection.execute("DROP TABLE deed")


@contextmanager
def without_indexes(connection: Connection, tables: Sequence[str]) -> Iterator[None]:
    """Drop the indexes of `tables` that hold no constraint, and build them again at the end."""
    found = connection.execute(INDEXES, (list(tables),)).fetchall()
    for name, _ in found:
        connection.execute(f'DROP INDEX "{name}"')
    yield
    connection.execute("SET maintenance_work_mem = '256MB'")
    for _, definition in found:
        connection.execute(str(definition))


def settle(connection: Connection, tables: Sequence[str]) -> None:
    """Leave `tables` as they are after a quiet night: statistics fresh, everything on disk."""
    for table in tables:
        connection.execute(f"VACUUM ANALYZE {table}")
    connection.execute("CHECKPOINT")


def hold_back_vacuum(connection: Connection, tables: Sequence[str]) -> None:
    """Keep the statistics as stale as they are in the first minute after a bulk ingest."""
    for table in tables:
        connection.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")
