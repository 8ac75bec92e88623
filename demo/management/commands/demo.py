"""`manage.py demo`: Halyard, to look at Decklog with."""

import secrets
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from demo import actions, queries
from workflow.errors import RuleViolation


class Command(BaseCommand):
    help = "Fill an empty installation with an invented company and 90 days of its deploys."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--force", action="store_true", help="also beside people who are not of the demo")
        parser.add_argument("--seed", type=int, default=actions.SEED, help="another number tells another story")

    def handle(self, *_: Any, force: bool, seed: int, **__: Any) -> None:
        # Where others can reach it, the password must be one that stands in no source code.
        is_local = actions.is_local_only()
        password = actions.PASSWORD if is_local else secrets.token_urlsafe(12)
        if queries.is_made():
            known = actions.sign_in_line(actions.PASSWORD) if is_local else "The password was shown when it was made."
            self.stdout.write(f"The demo is there already. {known}")
            return
        try:
            made = actions.make_halyard(password=password, now=timezone.now(), seed=seed, is_forced=force)
        except RuleViolation as refusal:
            if is_local and refusal.code == "not_empty":
                # `make run` asks for the demo at every start; somebody's own data are no reason not to start.
                self.stdout.write(
                    "Sign in with your own account: the demo keeps away from a database with real people."
                )
                return
            raise CommandError(f"{refusal.message} ({refusal.code})") from refusal
        self.stdout.write(
            f"Halyard is there: {made.people} people, {made.services} services, "
            f"{made.changes:,} deploys and {made.filed} filed changes in 90 days."
        )
        self.stdout.write(actions.sign_in_line(password))
