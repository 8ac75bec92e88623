"""`manage.py drill`: prove that a backup brings everything back."""

import subprocess
import sys
import tempfile
import time
import uuid
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection

from config import backups
from config.backups import postgres

MANAGE = settings.ROOT / "manage.py"
STEPS = ("restore {backup}", "check", "migrate --check", "verify_ledger", "outbox status")
"""What is done with the scratch database, in this order."""


class Command(BaseCommand):
    help = "Backs up, restores into a scratch database, checks it, and removes both. The real database is only read."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--scratch",
            metavar="URL",
            default="",
            help="an empty database to use; without it one is made beside the real one and removed again",
        )

    def handle(self, *_: Any, scratch: str, **__: Any) -> None:
        with tempfile.TemporaryDirectory(prefix="decklog-drill-") as folder:
            backup = Path(folder) / "backup"
            begun = time.monotonic()
            try:
                size = backups.back_up(backup)
            except backups.Refused as refused:
                raise CommandError(str(refused)) from refused
            self._say(f"backup: {size:,} bytes", begun)
            with _scratch(Path(folder), scratch) as url:
                # In a file, because everybody can read a command line.
                (Path(folder) / "url").write_text(url, encoding="utf-8")
                for step in STEPS:
                    self._do(step.format(backup=backup), Path(folder) / "url")
        self.stdout.write("The backup brings everything back.")

    def _do(self, step: str, url: Path) -> None:
        begun = time.monotonic()
        words = ["env", f"DATABASE_URL_FILE={url}", sys.executable, str(MANAGE), *step.split()]
        done = subprocess.run(words, check=False, capture_output=True, text=True)
        if done.returncode:
            complaint = (done.stderr or done.stdout).strip().splitlines() or ["It gave no reason."]
            raise CommandError(f"{step.split(maxsplit=1)[0]} failed on the restored database: {complaint[-1]}")
        said = done.stdout.strip().splitlines()
        self._say(f"{step.split(maxsplit=1)[0]}: {said[-1] if said else 'nothing to complain about'}", begun)

    def _say(self, words: str, begun: float) -> None:
        self.stdout.write(f"{words} ({time.monotonic() - begun:.1f} s)")


@contextmanager
def _scratch(folder: Path, given: str) -> Iterator[str]:
    """The address of an empty database."""
    if given or not settings.IS_POSTGRES:
        yield given or f"sqlite:///{folder / 'scratch.sqlite3'}"
        return
    name = f"decklog_drill_{uuid.uuid4().hex[:12]}"
    try:
        _run(f'CREATE DATABASE "{name}"')
    except DatabaseError as failure:
        raise CommandError(
            f"A scratch database could not be made: {failure}. Name an empty one with --scratch."
        ) from failure
    known = {**connection.get_connection_params(), "dbname": name}
    given = urlencode({word: known[word] for word in (*postgres.CONNECTING, "password") if known.get(word)})
    try:
        yield f"postgres:///{name}?{given}"
    finally:
        _run(f'DROP DATABASE "{name}" WITH (FORCE)')


def _run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
