"""Backup of an SQLite database by SQLite's own backup, which copies one moment while others go on writing."""

import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from django.conf import settings
from django.db import connection

from config.backups.refusals import BROKEN, NOT_OURS, Refused

MAGIC = b"SQLite format 3\x00"
BUSY_SECONDS = 20
PAUSE = "INSERT OR IGNORE INTO notifications_mark (name, at) VALUES ('paused', strftime('%Y-%m-%d %H:%M:%f', 'now'))"


def dump(part: Path) -> None:
    """Write a copy to `part`."""
    connection.ensure_connection()
    with closing(sqlite3.connect(part)) as copy:
        try:
            connection.connection.backup(copy, progress=_within(BUSY_SECONDS))
            # One file, whatever the database beside us uses.
            copy.execute("PRAGMA journal_mode=DELETE")
            _check(copy, part)
        except sqlite3.Error as failure:
            raise Refused(f"The backup could not be written: {failure}.") from failure


def load(source: Path) -> None:
    """Check a copy of `source`, pause it, and put it in the database's place in one transaction."""
    with source.open("rb") as opened:
        if opened.read(len(MAGIC)) != MAGIC:
            raise Refused(f"{source} is not an SQLite backup, and this database is one. Nothing was changed.")
    with tempfile.TemporaryDirectory(prefix="decklog-restore-") as folder:
        checked = Path(folder) / "checked.sqlite3"
        shutil.copyfile(source, checked)
        with closing(sqlite3.connect(checked)) as copy:
            try:
                _check(copy, source)
                with copy:
                    copy.execute(PAUSE)
            except sqlite3.Error as failure:
                raise Refused(BROKEN.format(source, f"{failure}.")) from failure
            _put(copy)


def _put(copy: sqlite3.Connection) -> None:
    with closing(sqlite3.connect(settings.DATABASES["default"]["NAME"], timeout=BUSY_SECONDS)) as target:
        try:
            copy.backup(target, progress=_within(BUSY_SECONDS))
        except sqlite3.Error as failure:
            raise Refused(
                f"The database could not be replaced: {failure}. Stop what uses it, then try again."
            ) from failure


def _within(seconds: float) -> Callable[[int, int, int], None]:
    """Ends a copy that waits for a lock: sqlite3 would wait for ever, and calls this after each look."""
    give_up_at = time.monotonic() + seconds

    def look(status: int, remaining: int, total: int) -> None:
        is_waiting = status in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
        if is_waiting and time.monotonic() > give_up_at:
            raise sqlite3.OperationalError("something else holds the database")

    return look


def _check(copy: sqlite3.Connection, source: Path) -> None:
    (words,) = copy.execute("PRAGMA integrity_check(1)").fetchone()
    if words != "ok":
        raise Refused(BROKEN.format(source, f"{words}."))
    tables = {name for (name,) in copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not {"django_migrations", "notifications_mark", "workflow_entry"} <= tables:
        raise Refused(NOT_OURS.format(source))
