"""What the Now page reads across the rooms. Every number is bounded by an index, however long the record has become."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q

from accounts.models import ApiToken, User
from changes.models import Change, Pipeline
from changes.policy import PROOF_WITHIN
from changes.queries import ChangeList, ChangeRow, list_changes
from changes.states import Origin, Outcome, State, Verdict
from notifications.models import Message

LONGEST_DEPLOY = timedelta(days=2)
"""How long before its finish a deploy may have begun and still be found among those that owe proof."""
SHOWN = 10
MANY = 100


def in_progress() -> list[ChangeRow]:
    """The changes under way, the latest first."""
    return list_changes(ChangeList({"state": State.IN_PROGRESS.value}, size=SHOWN)).rows


def latest() -> list[ChangeRow]:
    """The five latest changes."""
    return list_changes(ChangeList(size=5)).rows


def proof_asked_of(me: User, *, now: datetime) -> list[Change]:
    """Unproven deploys whose proof still counts, of my teams' services or my pipelines; the soonest due first."""
    mine = Q(service__team__memberships__user=me) | Q(pipeline__registered_by=me)
    window = Q(finished_at__gt=now - PROOF_WITHIN, at__gt=now - PROOF_WITHIN - LONGEST_DEPLOY)
    rows = Change.objects.filter(mine, window, verdict=Verdict.UNPROVEN).select_related("service", "pipeline")
    return list(rows.distinct().order_by("finished_at")[:SHOWN])


def confirmable_by(me: User) -> list[Pipeline]:
    """Pipelines that wait for a second person, which I could be."""
    waiting = Pipeline.objects.filter(state=Pipeline.State.PROPOSED).exclude(registered_by=me)
    if not me.is_admin:
        waiting = waiting.filter(services__team__memberships__user=me)
    return list(waiting.select_related("registered_by").distinct()[:SHOWN])


def dead_messages() -> int:
    """How many messages were given up, counted to MANY at most."""
    return Message.objects.filter(state=Message.State.DEAD).values("pk")[:MANY].count()


@dataclass(frozen=True, slots=True)
class Today:
    """The deploys since midnight where the reader lives."""

    deploys: int
    exempt: int
    unproven: int
    troubled: int
    felt: int


def today(midnight: datetime) -> Today:
    """Count the deploys that began since `midnight`."""
    deploys = Change.objects.filter(at__gte=midnight, origin=Origin.PIPELINE).order_by()
    counted = deploys.aggregate(
        deploys=Count("pk"),
        exempt=Count("pk", filter=Q(verdict=Verdict.EXEMPT)),
        unproven=Count("pk", filter=Q(verdict=Verdict.UNPROVEN)),
        troubled=Count("pk", filter=Q(outcome__in=(Outcome.FAILED, Outcome.ROLLED_BACK))),
        felt=Count("pk", filter=Q(customer_impacting=True)),
    )
    return Today(**counted)


def has_token(me: User) -> bool:
    """Whether I ever made a token."""
    return ApiToken.objects.filter(owner=me).exists()
