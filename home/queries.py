"""What the Now page reads across the rooms. Every number is bounded by an index, however long the record has become."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q, QuerySet

from accounts.models import ApiToken, User
from catalog.models import Service
from changes.models import Change, Pipeline
from changes.narration import REGISTRATION_RULES
from changes.policy import PROOF_WITHIN
from changes.queries import ChangeList, ChangeRow, list_changes, under_way_and_next
from changes.states import Origin, Outcome, Verdict
from notifications.models import Message

SOON = timedelta(hours=24)
JUST_NOW = timedelta(minutes=10)
"""Clocks of pipelines may be ahead of ours."""
LONGEST_DEPLOY = timedelta(days=2)
"""How long before its finish a deploy may have begun and still be found among those that owe proof."""
SHOWN = 10
LATEST = 5
MANY = 100


def around(now: datetime) -> list[ChangeRow]:
    """The changes under way, and then those planned for the next 24 hours, by time."""
    return under_way_and_next(now=now, until=now + SOON, most=SHOWN)


def latest(now: datetime) -> list[ChangeRow]:
    """The latest changes that have begun; nothing only in an installation that has none."""
    rows = list_changes(ChangeList({"until": now + JUST_NOW}, size=SHOWN + LATEST)).rows
    return [row for row in rows if row.started_at or row.finished_at]


def proof_asked_of(me: User, *, now: datetime) -> list[Change]:
    """Unproven deploys whose proof still counts, of my teams' services or my pipelines; the soonest due first."""
    rows = _unproven_of(me, now).exclude(verdict_rule__in=REGISTRATION_RULES).select_related("service", "pipeline")
    return list(rows.order_by("finished_at")[:SHOWN])


def untrusted_of(me: User, *, now: datetime) -> list[tuple[str, str, int]]:
    """My pipelines that nobody can prove for until people decide: (slug, state, unproven deploys), the most first."""
    rows = _unproven_of(me, now).filter(verdict_rule__in=REGISTRATION_RULES).order_by()
    groups = rows.values_list("pipeline__slug", "pipeline__state").annotate(count=Count("pk", distinct=True))
    states = (Pipeline.State.UNREGISTERED, Pipeline.State.PROPOSED, Pipeline.State.SUSPENDED)
    return [tuple(group) for group in groups.filter(pipeline__state__in=states).order_by("-count")[:SHOWN]]


def _unproven_of(me: User, now: datetime) -> QuerySet[Change]:
    mine = Q(service__in=Service.objects.filter(team__memberships__user=me)) | Q(pipeline__registered_by=me)
    window = Q(finished_at__gt=now - PROOF_WITHIN, at__gt=now - PROOF_WITHIN - LONGEST_DEPLOY)
    return Change.objects.filter(mine, window, verdict=Verdict.UNPROVEN)


def confirmable_by(me: User) -> list[Pipeline]:
    """Pipelines that wait for a second person, which I could be."""
    waiting = Pipeline.objects.filter(state=Pipeline.State.PROPOSED).exclude(registered_by=me)
    if not me.is_admin:
        waiting = waiting.filter(services__team__memberships__user=me)
    return list(waiting.select_related("registered_by").distinct()[:SHOWN])


def dead_messages() -> int:
    """How many messages were given up, counted to MANY at most."""
    dead = Message.objects.filter(state=Message.State.DEAD).exclude(channel=Message.Channel.CANARY)
    return dead.values("pk")[:MANY].count()


@dataclass(frozen=True, slots=True)
class Today:
    """The deploys since midnight where the reader lives."""

    deploys: int
    exempt: int
    unproven: int
    failed: int
    rolled_back: int
    felt: int


def today(midnight: datetime) -> Today:
    """Count the deploys that began since `midnight`."""
    deploys = Change.objects.filter(at__gte=midnight, origin=Origin.PIPELINE).order_by()
    counted = deploys.aggregate(
        deploys=Count("pk"),
        exempt=Count("pk", filter=Q(verdict=Verdict.EXEMPT)),
        unproven=Count("pk", filter=Q(verdict=Verdict.UNPROVEN)),
        failed=Count("pk", filter=Q(outcome=Outcome.FAILED)),
        rolled_back=Count("pk", filter=Q(outcome=Outcome.ROLLED_BACK)),
        felt=Count("pk", filter=Q(customer_impacting=True)),
    )
    return Today(**counted)


def has_token(me: User) -> bool:
    """Whether I ever made a token."""
    return ApiToken.objects.filter(owner=me).exists()
