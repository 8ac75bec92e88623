"""`manage.py replay_policy`: what the present rules, or a draft of them, would have decided. It writes nothing."""

from argparse import ArgumentParser
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from catalog.models import Service
from changes.replay import deploys, tickets
from changes.replay.draft import PRESENT, BadDraft, Policies, with_draft
from changes.replay.report import Said, Tally
from workflow.snapshots import one_moment

MOST_DAYS = 3_660
EVERY = 10_000


class Command(BaseCommand):
    help = "Shows what a draft of the policy, or the present one, would have decided about past changes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=int, default=90, help="how far to look back; 90 by default")
        parser.add_argument("--draft", type=Path, help="a Python file that replaces names of the policy")
        parser.add_argument("--services", nargs="*", default=[], help="slugs; without them all services")

    def handle(self, *args: Any, **options: Any) -> None:
        days, services = options["days"], [slug for word in options["services"] for slug in word.split(",") if slug]
        if not 1 <= days <= MOST_DAYS:
            raise CommandError(f"Look back 1 to {MOST_DAYS} days.")
        unknown = set(services) - set(Service.objects.filter(slug__in=services).values_list("slug", flat=True))
        if unknown:
            raise CommandError(f"There is no service “{min(unknown)}”.")
        try:
            after = with_draft(options["draft"]) if options["draft"] else PRESENT
            with one_moment():
                lines = self._replay(after, days, services)
        except BadDraft as trouble:
            raise CommandError(str(trouble)) from trouble
        self.stdout.write("\n".join(lines))

    def _replay(self, after: Policies, days: int, services: list[str]) -> list[str]:
        since = timezone.now() - timedelta(days=days)
        before = PRESENT if after.replaced else None
        logged, risks, demands = Tally("Deploys"), Tally("Risk of filed changes"), Tally("Their approvals")
        now, terms = timezone.now(), deploys.present_terms()
        judge = deploys.Judge(after, terms, now)
        judge_before = deploys.Judge(before, terms, now) if before else None
        for deploy in deploys.logged_since(since, services=services):
            was = Said(*_words(judge_before.decide(deploy))) if judge_before else Said(deploy.rule, deploy.verdict)
            logged.add(deploy.ref, was, Said(*_words(judge.decide(deploy))))
            self._report(logged)
        for ticket in tickets.filed_since(since, services=services):
            _add_ticket(ticket, before, after, risks, demands)
        return [*_head(after, days), "", *logged.lines(), "", *risks.lines(), "", *demands.lines()]

    def _report(self, tally: Tally) -> None:
        if tally.count % EVERY == 0:
            self.stderr.write(f"{tally.count:,} deploys judged")


def _words(decision: Any) -> tuple[str, str, str]:
    return decision.rule, decision.outcome, decision.because


def _add_ticket(ticket: Any, before: Policies | None, after: Policies, risks: Tally, demands: Tally) -> None:
    ref, new = ticket.change.ref, tickets.risk_by(after, ticket)
    old = tickets.risk_by(before, ticket).outcome if before else tickets.stored(ticket)
    risks.add(ref, Said("risk_level", old), Said(*_words(new)))
    rule = "demanded_approvals"
    was, will = tickets.demand_by(before or PRESENT, ticket, old), tickets.demand_by(after, ticket, new.outcome)
    demands.add(ref, Said(rule, was), Said(rule, will))


def _head(after: Policies, days: int) -> list[str]:
    if after.replaced:
        return [
            f"The last {days} days by the present rules, and by the draft, which replaces {', '.join(after.replaced)}."
        ]
    return [f"The last {days} days as they were decided, and by the present rules."]
