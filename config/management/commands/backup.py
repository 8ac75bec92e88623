"""`manage.py backup FILE`."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config import backups


class Command(BaseCommand):
    help = "Writes the whole database, as of one moment, to a file that only its owner can read. Nothing need stop."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *_: Any, file: Path, **__: Any) -> None:
        try:
            size = backups.back_up(file)
        except backups.Refused as refused:
            raise CommandError(str(refused)) from refused
        self.stdout.write(f"{file} holds the whole database: {size:,} bytes.")
