"""`manage.py apply_organisation FILE`: an organisation from one file."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config.organisation import Applied, Refused, apply_file
from workflow.errors import RuleViolation
from workflow.manifest import MAX_FAULTS


class Command(BaseCommand):
    help = "Create and change people, teams, services and the rest as a YAML file says. Deletes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--dry-run", action="store_true", help="show what would be done and do nothing")
        parser.add_argument(
            "--tokens",
            type=Path,
            metavar="FILE",
            help="make the tokens that do not exist yet and add their texts to this JSON file, for its owner only",
        )

    def handle(self, *_: Any, file: Path, dry_run: bool, tokens: Path | None, **__: Any) -> None:
        try:
            applied = apply_file(file, tokens_file=tokens, dry_run=dry_run)
        except Refused as refused:
            raise CommandError(self._mistakes(file, refused)) from refused
        except RuleViolation as refusal:
            raise CommandError(f"{refusal.message} ({refusal.code})") from refusal
        self._show(applied, dry_run=dry_run, tokens=tokens)

    def _mistakes(self, file: Path, refused: Refused) -> str:
        lines = [str(fault) for fault in refused.faults[:MAX_FAULTS]]
        if len(refused.faults) > MAX_FAULTS:
            lines.append(f"… and {len(refused.faults) - MAX_FAULTS} more")
        return "\n".join([f"Nothing was applied: {file} has {_count(len(refused.faults), 'mistake')}.", *lines])

    def _show(self, applied: Applied, *, dry_run: bool, tokens: Path | None) -> None:
        for step in applied.steps:
            self.stdout.write(step.line)
        for name in applied.skipped:
            self.stdout.write(f"! {name}: this version does not apply this section yet; it was left alone")
        done = [step for step in applied.steps if step.do is not None]
        if not done:
            self.stdout.write("= nothing to do")
        else:
            self.stdout.write(f"= {_count(len(done), 'step')} {'would be taken' if dry_run else 'taken'}")
        if tokens is not None and not dry_run and any(step.line.startswith("+ token") for step in done):
            self.stdout.write(f"= the texts of the new tokens are in {tokens}; they are shown nowhere else")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
