"""`manage.py restore FILE [--yes]`."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from config import backups


class Command(BaseCommand):
    help = "Puts a backup in the place of everything in the database and pauses sending, so that no old page goes out."
    # The checks ask the database, which may still be empty.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--yes", action="store_true", help="replace what is in the database")

    def handle(self, *_: Any, file: Path, yes: bool, **__: Any) -> None:
        try:
            backups.restore(file, may_overwrite=yes)
        except backups.Refused as refused:
            raise CommandError(str(refused)) from refused
        self.stdout.write(f"The database is as {file} has it. Sending is paused until `manage.py outbox resume`.")
        if unknown := backups.unknown_migrations():
            raise CommandError(f"A newer version made this backup ({unknown[-1]}). Run that version with it.")
        if missing := backups.missing_migrations():
            self.stdout.write(f"An older version made it: run `manage.py migrate` ({len(missing)} steps) and")
            self.stdout.write("`manage.py verify_ledger` before anything else.")
        else:
            call_command("verify_ledger", stdout=self.stdout)
