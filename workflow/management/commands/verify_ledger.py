"""`manage.py verify_ledger`: recompute every seal and name the first row that differs."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from workflow import ledger
from workflow.models import Entry, Seal


class Command(BaseCommand):
    help = "Checks that nothing in the ledger was changed, removed or slipped in after it was sealed."

    def handle(self, *args: Any, **options: Any) -> None:
        faults = list(ledger.verify())
        if faults:
            listed = "\n".join(f"{fault.where}: {fault.because}" for fault in faults[:20])
            raise CommandError(f"The ledger is not as it was sealed, first at {listed}")
        newest = Seal.objects.order_by("-id").first()
        sealed = Entry.objects.filter(pk__lte=newest.last_id).count() if newest else 0
        entries = "1 entry" if sealed == 1 else f"{sealed} entries"
        digest = f" The newest seal is {newest.digest}." if newest else ""
        self.stdout.write(f"The ledger is as it was sealed: {entries} in {Seal.objects.count()} seals.{digest}")
