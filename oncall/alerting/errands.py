"""Doing what is to be done in Opsgenie: each call outside of any transaction, what it brought in one of its own."""

from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import User
from oncall.alerting.models import Errand
from oncall.alerting.policy import ANSWERED, page_of, pause_after, was_answered
from oncall.paging.actions import acknowledge
from oncall.providers.protocol import Alerting, Declined, Unanswered
from workflow.errors import Conflict, Missing
from workflow.ledger import SYSTEM
from workflow.lines import brief

LEASE = timedelta(minutes=2)
"""For how long whoever took an errand has it; longer than a call with all its tries takes."""
MOST_AT_ONCE = 50


def run_due(*, remote: Alerting) -> int:
    """Do everything that is due and return how much that was. Several may do this at once."""
    due = Errand.objects.filter(due_at__lte=timezone.now()).order_by("due_at")
    return sum(_run_one(pk, remote) for pk in list(due.values_list("pk", flat=True)[:MOST_AT_ONCE]))


def _run_one(pk: int, remote: Alerting) -> bool:
    now = timezone.now()
    mine = Errand.objects.filter(pk=pk, due_at__lte=now)
    if not mine.update(due_at=now + LEASE, tries=F("tries") + 1):
        return False
    errand = Errand.objects.get(pk=pk)
    try:
        outcome = _look(errand, remote) if errand.kind == Errand.Kind.LOOK else _close(errand, remote)
    except (Unanswered, Declined) as failure:
        _put_off(errand, failure.message)
    else:
        Errand.objects.filter(pk=pk).update(due_at=None, outcome=brief(outcome, most=300))
    return True


def _put_off(errand: Errand, because: str) -> None:
    pause = pause_after(errand.tries)
    due_at = timezone.now() + pause if pause else None
    Errand.objects.filter(pk=errand.pk).update(due_at=due_at, outcome=brief(because, most=300))


def _look(errand: Errand, remote: Alerting) -> str:
    seen = remote.alert(errand.alias)
    person = User.objects.filter(email__iexact=seen.by, is_active=True).first() if seen and seen.by else None
    decision = was_answered(seen, known={person.email.lower()} if person else ())
    key = page_of(errand.alias)
    if decision.outcome != ANSWERED or key is None:
        return decision.because
    try:
        with transaction.atomic():
            acknowledge(key, user=person, via="opsgenie", actor=person.actor if person else SYSTEM)
    except (Missing, Conflict) as refusal:
        return refusal.message
    return decision.because


def _close(errand: Errand, remote: Alerting) -> str:
    if not remote.close_alert(errand.alias):
        raise Declined("There is no such alert yet.")
    return "It is closed."
