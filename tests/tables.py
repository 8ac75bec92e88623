"""Every table of an empty Decklog, made by one worker of a run of the tests and copied by the others."""

import fcntl
import sqlite3
from pathlib import Path
from typing import Any
from unittest import mock

from django.core import management
from django.core.management import call_command
from django.db import connection


class Tables:
    """What the migrations make: on SQLite a file in *folder*, on PostgreSQL a database with the name of the *run*.

    All workers of a run have the folder and the name in common.
    """

    def __init__(self, folder: Path, *, run: str) -> None:
        self._file = folder / "tables.sqlite3"
        self._lock = folder / "tables.lock"
        self._template = f"tables_{run}"
        self._is_maker = False
        self._patch = mock.patch.object(management, "call_command", self._call_command)

    def stand_in(self) -> None:
        """Make the next `migrate`, which is that of Django's test database, copy what another worker has made."""
        self._patch.start()

    def forget(self) -> None:
        """Remove what nobody will copy any more."""
        if self._is_maker and connection.vendor == "postgresql":
            self._on_the_server(f'DROP DATABASE IF EXISTS "{self._template}"')

    def _call_command(self, name: str, **options: Any) -> None:
        if name != "migrate":
            call_command(name, **options)
            return
        self._patch.stop()
        with self._lock.open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if self._are_made():
                self._take()
            else:
                call_command(name, **options)
                self._keep()
                self._is_maker = True

    def _are_made(self) -> bool:
        if connection.vendor == "sqlite":
            return self._file.exists()
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [self._template])
            return cursor.fetchone() is not None

    def _keep(self) -> None:
        if connection.vendor == "sqlite":
            self._copy_file(takes=False)
        else:
            self._on_the_server(f'CREATE DATABASE "{self._template}" TEMPLATE "{connection.settings_dict["NAME"]}"')

    def _take(self) -> None:
        if connection.vendor == "sqlite":
            self._copy_file(takes=True)
        else:
            own = connection.settings_dict["NAME"]
            self._on_the_server(f'DROP DATABASE "{own}"', f'CREATE DATABASE "{own}" TEMPLATE "{self._template}"')

    def _copy_file(self, *, takes: bool) -> None:
        connection.ensure_connection()
        file = sqlite3.connect(self._file)
        try:
            source, target = (file, connection.connection) if takes else (connection.connection, file)
            source.backup(target)
        finally:
            file.close()

    @staticmethod
    def _on_the_server(*statements: str) -> None:
        # PostgreSQL copies only what nobody is connected to.
        connection.close()
        with connection._nodb_cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
