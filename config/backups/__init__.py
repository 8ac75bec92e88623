"""Backups: one file with the whole database, and its way back; the outbox is paused afterwards.

A backup is the database's own format (an SQLite file, or PostgreSQL's custom archive), so it can be read without
Decklog. A restore is one transaction: it happens whole, with the pause in it, or not at all.
"""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

from config.backups import postgres, sqlite
from config.backups.refusals import Refused

__all__ = ["Refused", "back_up", "holds_data", "missing_migrations", "restore", "unknown_migrations"]


def back_up(target: Path) -> int:
    """Write the whole database, as of one moment, to `target` and return its size in bytes; raises Refused.

    The file appears under its name only once it is whole and on the disk, readable for its owner alone.
    """
    if target.exists():
        raise Refused(f"{target} is there already. Name another file, or remove it first.")
    with _part_of(target) as part:
        _kind(postgres.dump, sqlite.dump)(part)
        with part.open("rb") as written:
            os.fsync(written.fileno())
        size = part.stat().st_size
        part.replace(target)
    return size


def restore(source: Path, *, may_overwrite: bool) -> None:
    """Put the contents of `source` in the place of everything in the database, with sending paused; raises Refused."""
    if not source.is_file():
        raise Refused(f"{source} is not there.")
    if holds_data() and not may_overwrite:
        raise Refused(
            "The database is not empty, and a restore replaces everything in it. Back it up first, then say --yes."
        )
    connection.close()
    _kind(postgres.load, sqlite.load)(source)


def holds_data() -> bool:
    """Whether the database has any table."""
    return bool(connection.introspection.table_names())


def missing_migrations() -> list[str]:
    """What this version has still to do to the database after a restore of an older one's."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def unknown_migrations() -> list[str]:
    """What a newer version did to the database and this one does not know."""
    known = MigrationExecutor(connection).loader.disk_migrations or {}
    done = MigrationRecorder(connection).applied_migrations()
    return [f"{app}.{name}" for app, name in done if (app, name) not in known]


def _kind(for_postgres: Callable[[Path], None], for_sqlite: Callable[[Path], None]) -> Callable[[Path], None]:
    return for_postgres if settings.IS_POSTGRES else for_sqlite


@contextmanager
def _part_of(target: Path) -> Iterator[Path]:
    """A file beside `target` for its owner alone, which is gone afterwards unless it was moved."""
    try:
        number, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
    except OSError as failure:
        raise Refused(f"{target.parent} cannot be written to: {failure.strerror}.") from failure
    os.close(number)
    try:
        yield Path(name)
    except OSError as failure:
        raise Refused(f"The backup could not be written: {failure.strerror or failure}.") from failure
    finally:
        Path(name).unlink(missing_ok=True)
