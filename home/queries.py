"""What the Now page reads across the rooms. Every number is bounded by an index, however long the record has become."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import Case, Count, F, Q, QuerySet, When, Window
from django.db.models.functions import RowNumber

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
UNTRUSTED = (Pipeline.State.UNREGISTERED, Pipeline.State.PROPOSED, Pipeline.State.SUSPENDED)


def around(now: datetime) -> list[ChangeRow]:
    """The changes under way, and then those planned for the next 24 hours, by time."""
    return under_way_and_next(now=now, until=now + SOON, most=SHOWN)


def latest(now: datetime) -> list[ChangeRow]:
    """The latest changes that have begun; nothing only in an installation that has none."""
    rows = list_changes(ChangeList({"until": now + JUST_NOW}, size=SHOWN + LATEST)).rows
    return [row for row in rows if row.started_at or row.finished_at]


class Owed(NamedTuple):
    """What my teams' services and my pipelines owe proof for, or what nobody can prove until people decide.

    `deploys` are unproven and their proof still counts, the soonest due first; `untrusted` are (slug, state, unproven
    deploys) of pipelines, the most first.
    """

    deploys: list[Change]
    untrusted: list[tuple[str, str, int]]


def owed_by(me: User, *, now: datetime) -> Owed:
    """Both kinds in one statement, SHOWN of each at most."""
    is_untrusted = Case(When(verdict_rule__in=REGISTRATION_RULES, then=F("pipeline_id")), default=None)
    rows = _unproven_of(me, now).annotate(untrusted=is_untrusted).select_related("service", "pipeline")
    group = [F("untrusted")]
    rows = rows.annotate(
        place=Window(RowNumber(), partition_by=group, order_by="finished_at"),
        together=Window(Count("pk"), partition_by=group),
    )
    is_told = Q(untrusted=None, place__lte=SHOWN) | Q(untrusted__isnull=False, place=1)
    found = list(rows.filter(is_told).order_by("finished_at"))
    pipelines = [(one.pipeline, one.together) for one in found if one.untrusted and one.pipeline]
    groups = [(pipeline.slug, pipeline.state, count) for pipeline, count in pipelines if pipeline.state in UNTRUSTED]
    untrusted = sorted(groups, key=lambda one: -one[2])[:SHOWN]
    return Owed([one for one in found if one.untrusted is None and not _is_registration(one)], untrusted)


def _is_registration(change: Change) -> bool:
    return change.verdict_rule in REGISTRATION_RULES


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
