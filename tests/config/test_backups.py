"""A backup brings everything back, and a file that does not is refused before anything is touched."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from django.conf import settings

from config import backups
from config.backups import postgres, sqlite
from config.backups.refusals import Refused


def database(path: Path, *tables: str) -> Path:
    with closing(sqlite3.connect(path)) as opened, opened:
        for table in tables:
            opened.execute(f"CREATE TABLE {table} (name TEXT PRIMARY KEY, at TEXT)")
        opened.executemany(f"INSERT INTO {tables[0]} VALUES (?, 'x')", [(f"row {number}",) for number in range(500)])
    return path


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    return database(tmp_path / "backup", "workflow_entry", "notifications_mark", "django_migrations")


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that a restore fills."""
    monkeypatch.setitem(settings.DATABASES["default"], "NAME", str(tmp_path / "restored.sqlite3"))
    return tmp_path / "restored.sqlite3"


def test_a_restored_database_is_whole_and_paused(backup: Path, target: Path) -> None:
    sqlite.load(backup)
    with closing(sqlite3.connect(target)) as opened:
        assert opened.execute("SELECT name FROM notifications_mark").fetchall() == [("paused",)]
        assert opened.execute("SELECT count(*) FROM workflow_entry").fetchone() == (500,)


@pytest.mark.parametrize("kept", [0, 40, 9_000])
def test_a_file_that_is_not_whole_changes_nothing(backup: Path, target: Path, kept: int) -> None:
    sqlite.load(backup)
    before = target.read_bytes()
    backup.write_bytes(backup.read_bytes()[:kept])
    with pytest.raises(Refused, match="Nothing was changed"):
        sqlite.load(backup)
    assert target.read_bytes() == before


def test_somebody_elses_database_is_refused(tmp_path: Path, target: Path) -> None:
    with pytest.raises(Refused, match="not Decklog's"):
        sqlite.load(database(tmp_path / "other", "bees"))
    assert not target.exists()


def test_a_database_that_somebody_holds_is_not_waited_for_for_ever(
    backup: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0)
    with closing(sqlite3.connect(database(target, "held"))) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(Refused, match="could not be replaced"):
            sqlite.load(backup)


def test_a_backup_of_the_other_kind_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "dump").write_bytes(postgres.MAGIC + b"more")
    with pytest.raises(Refused, match="is not an SQLite backup"):
        sqlite.load(tmp_path / "dump")
    (tmp_path / "file").write_bytes(sqlite.MAGIC)
    with pytest.raises(Refused, match="is not an archive of pg_dump"):
        postgres.load(tmp_path / "file")


def test_a_file_that_is_there_is_not_replaced_by_a_backup(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"mine")
    with pytest.raises(Refused, match="is there already"):
        backups.back_up(tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"mine"
