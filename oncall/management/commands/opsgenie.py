"""`manage.py opsgenie plan|apply|import|drift`."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from oncall.providers import from_settings
from oncall.sync import actions, looking, planning, queries
from oncall.sync.models import Plan
from oncall.sync.planning import Intent
from workflow.errors import RuleViolation

SIGNS = {"add": "+", "change": "~", "remove": "-"}


class Command(BaseCommand):
    help = "Brings schedules in Opsgenie and here together: plans it, applies a plan, imports, or shows what drifted."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("deed", choices=["plan", "apply", "import", "drift"])
        parser.add_argument("plan", nargs="?", help="the id of the plan to apply")
        parser.add_argument("--direction", choices=["import", "push", "both", "adopt"], default="both")
        parser.add_argument("--invite", action="store_true", help="let a push make people in Opsgenie")
        parser.add_argument("--confirm", default="", help="to take much away, as in “remove 4”")

    def handle(self, *_: Any, deed: str, **options: Any) -> None:
        try:
            if deed == "drift":
                self._show_drift()
            elif deed == "apply":
                self._apply(self._found(options["plan"]), options["confirm"])
            else:
                intent = Intent("import" if deed == "import" else options["direction"], invites=options["invite"])
                plan = planning.make_plan(intent, remote=from_settings, by=None)
                self._show(plan)
                if deed == "import":
                    self._apply(plan, options["confirm"])
        except RuleViolation as refusal:
            raise CommandError(f"{refusal.message} ({refusal.code})") from refusal

    def _found(self, text: str | None) -> Plan:
        try:
            plan = queries.plans().filter(pk=text).first() if text else None
        except ValidationError:
            plan = None
        if plan is None:
            raise CommandError("Name the plan to apply; `manage.py opsgenie plan` says its id.")
        return plan

    def _show(self, plan: Plan) -> None:
        for one in plan.operations.all():
            self.stdout.write(f"{SIGNS[one.kind]} {one.object} {one.schedule} {one.name}".rstrip() + f" ({one.side})")
        for noun, schedule, name, because in plan.conflicts:
            self.stdout.write(f"! {noun} {schedule} {name}".rstrip() + f": {because}")
        for person in plan.unmatched:
            where = "here" if person["missing"] == "here" else "in Opsgenie"
            self.stdout.write(f"? {person['email']} is not known {where}")
        self.stdout.write(f"Plan {plan.pk}: {plan.operations.count()} to do, {plan.hours_changed} hours change hands.")

    def _apply(self, plan: Plan, confirmation: str) -> None:
        actions.ask_to_apply(plan, by=None, confirmation=confirmation)
        plan = actions.run_plan(plan, remote=from_settings())
        if plan.state != Plan.State.APPLIED:
            raise CommandError(f"Plan {plan.pk} is {plan.state}. {plan.because}".strip())
        if plan.because:
            raise CommandError(f"Plan {plan.pk} is applied as far as it went. {plan.because}")
        self.stdout.write(f"Plan {plan.pk} is applied, and both sides say the same for the next 13 weeks.")

    def _show_drift(self) -> None:
        found = looking.look_for_drift(remote=from_settings())
        for noun, schedule, name in found:
            self.stdout.write(f"~ {noun} {schedule} {name}".rstrip())
        if not found:
            self.stdout.write("Nothing that is kept here was changed in Opsgenie.")
