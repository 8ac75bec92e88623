"""`manage.py outbox status|pause|resume`."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from notifications import actions, queries
from workflow.ledger import SYSTEM


class Command(BaseCommand):
    help = "Shows whether messages go out, or pauses and resumes sending; messages are taken in all the same."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("deed", choices=["status", "pause", "resume"])

    def handle(self, *_: Any, deed: str, **__: Any) -> None:
        if deed == "pause":
            is_new = actions.pause(actor=SYSTEM, at=timezone.now())
            self.stdout.write("Sending is paused." if is_new else "Sending was paused already.")
        elif deed == "resume":
            was_paused = actions.resume(actor=SYSTEM, at=timezone.now())
            self.stdout.write("Sending goes on." if was_paused else "Sending was not paused.")
        else:
            self._say_status()

    def _say_status(self) -> None:
        health = queries.health()
        count = sum(row.count for row in queries.waiting())
        age = health.sweeper_age_seconds
        self.stdout.write("Sending is paused." if health.is_paused else "Sending is on.")
        self.stdout.write(f"{count} waiting, the oldest for {health.oldest_seconds:.0f} s")
        self.stdout.write(f"{health.dead} not delivered")
        self.stdout.write("No worker has looked yet." if age is None else f"A worker looked {age:.0f} s ago.")
