"""Every write about what Opsgenie says: its last answer, which the pages show, and what drifted."""

from datetime import datetime

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from accounts.callers import Caller
from oncall.models import Schedule
from oncall.providers.native import Native
from oncall.providers.protocol import Declined, Provider, Unanswered
from oncall.sync import policy, queries
from oncall.sync.models import Agreed, Look
from oncall.sync.shapes import State, people_in
from workflow.amendments import amend
from workflow.decisions import require
from workflow.ledger import SYSTEM, Happening, record


def ask_to_look(*, by: Caller) -> None:
    """Let a worker ask Opsgenie at once; asking again before it did is harmless. Raises Forbidden("may_plan")."""
    require(policy.may_plan(is_admin=by.is_admin, leads=queries.led_by(by.user_id)))
    Look.objects.update_or_create(mark=queries.key_mark(), defaults={"asked_at": timezone.now()})


def look_if_wanted(*, remote: Provider) -> None:
    """Look when somebody asked, or when nobody has looked with this key yet."""
    mark = queries.key_mark()
    wanted = Q(looked_at__isnull=True) | Q(asked_at__gt=F("looked_at"))
    known = Look.objects.filter(mark=mark)
    if not known.exists() or known.filter(wanted).exists():
        look_around(remote=remote, now=timezone.now())


def look_around(*, remote: Provider, now: datetime) -> None:
    """Keep what Opsgenie holds, or why it did not say, and what drifted there."""
    row = Look.objects.get_or_create(mark=queries.key_mark())[0]
    try:
        there, people = remote.schedules(), remote.people()
    except (Declined, Unanswered) as refusal:
        amend(row, looked_at=now, because=refusal.message)
        return
    native = Native()
    local = native.schedules()
    needed = {email for form in local.values() for email in people_in(form)}
    found = queries.unmatched(native.people(), people, needed=needed)
    unmatched = [{"email": one.email, "name": one.name, "missing": one.missing} for one in found]
    facts = {"schedules": len(there), "people": len(people), "unmatched": unmatched}
    amend(row, looked_at=now, answered_at=now, because="", **facts)
    _keep_drift(local, there, now=now)


def look_for_drift(*, remote: Provider) -> list[tuple[str, str, str]]:
    """What somebody changed in Opsgenie although it is kept here; it is remembered, and told when it is new.

    Raises Unanswered, Declined.
    """
    return _keep_drift(Native().schedules(), remote.schedules(), now=timezone.now())


def _keep_drift(local: State, there: State, *, now: datetime) -> list[tuple[str, str, str]]:
    found = policy.drift(local, there, queries.base(), truths=queries.truths())
    for row in Agreed.objects.filter(schedule__in=local):
        mine = [list(key) for key in found if key[1] == row.schedule]
        with transaction.atomic():
            is_new = bool(mine) and "drift" in amend(row, drift=mine, looked_at=now)
            if is_new:
                happening = Happening("drifted", SYSTEM, now, {"objects": mine}, "opsgenie_drift")
                record(Schedule.objects.get(name=row.schedule).ref, happening, at=now)
            elif not mine:
                amend(row, drift=[], looked_at=now)
    return found
