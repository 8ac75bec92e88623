"""`manage.py evidence_pack`: what an auditor takes home, written to a file, without the web and without a worker."""

import sys
from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from catalog.models import Service
from changes.audit.actions import Wanted, require_makeable, scope_of
from changes.audit.making import Made, make_pack
from changes.audit.policy import USUAL_SAMPLE
from workflow.errors import RuleViolation


def moment(text: str) -> datetime:
    """A day, which means its beginning in UTC, or a moment with or without offset; raises ValueError."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


class Command(BaseCommand):
    help = "Writes the evidence about all changes of a period into a zip that verifies itself."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--since", required=True, type=moment, help="the first moment, as 2026-01-01, in UTC")
        parser.add_argument("--until", required=True, type=moment, help="the first moment that is not meant any more")
        parser.add_argument("--services", nargs="*", default=[], help="slugs; without them all services")
        parser.add_argument("--sample", type=int, default=USUAL_SAMPLE, help="how many changes get a page of their own")
        parser.add_argument("--seed", default="", help="what the sample is drawn by; without it a random one")
        parser.add_argument("--out", required=True, type=Path, help="the zip to write")

    def handle(self, *args: Any, **options: Any) -> None:
        services = [slug for word in options["services"] for slug in word.split(",") if slug]
        unknown = set(services) - set(Service.objects.filter(slug__in=services).values_list("slug", flat=True))
        if unknown:
            raise CommandError(f"There is no service “{min(unknown)}”.")
        wanted = Wanted(options["since"], options["until"], services, options["sample"], options["seed"][:64])
        try:
            require_makeable(wanted)
        except RuleViolation as refusal:
            raise CommandError(refusal.message) from refusal
        scope, target = scope_of(wanted), options["out"]
        try:
            made = make_pack(scope, target, progress=self._report)
        except OSError as trouble:
            raise CommandError(f"{target} cannot be written: {trouble.strerror or trouble}.") from trouble
        self._tell(target, scope.seed, made)

    def _report(self, done: int, total: int) -> None:
        if sys.stderr.isatty():
            self.stderr.write(f"\r{done} of {total} changes", ending="")

    def _tell(self, target: Path, seed: str, made: Made) -> None:
        newest = made.proven.newest.digest if made.proven.newest else "none yet"
        self.stdout.write(f"{target}: {made.changes} changes, {made.sampled} of them sampled by the seed {seed}.")
        self.stdout.write(f"Its SHA-256 is {made.sha256}.")
        self.stdout.write(f"The newest seal is {newest}; {len(made.proven.unsealed)} entries are not sealed yet.")
