"""What the Now page reads across the rooms. Every number is bounded by an index, however long the record has become."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import (
    Case,
    Count,
    DateTimeField,
    F,
    IntegerField,
    Q,
    QuerySet,
    Subquery,
    TextField,
    Value,
    When,
    Window,
)
from django.db.models.functions import Cast, Coalesce, RowNumber

from accounts.models import ApiToken, User
from catalog.models import Service
from changes.freezes.queries import overrides_to_confirm
from changes.mailboxes import mailbox
from changes.models import Change, Pipeline
from changes.narration import REGISTRATION_RULES
from changes.policy import PROOF_WITHIN
from changes.queries import Happening, happening
from changes.states import Origin, Outcome, Verdict
from notifications.models import Message

SOON = timedelta(hours=24)
LONGEST_DEPLOY = timedelta(days=2)
"""How long before its finish a deploy may have begun and still be found among those that owe proof."""
SHOWN = 10
LATEST = 5
MANY = 100
UNTRUSTED = (Pipeline.State.UNREGISTERED, Pipeline.State.PROPOSED, Pipeline.State.SUSPENDED)


def around(now: datetime) -> Happening:
    """The changes under way, those planned for the next 24 hours, and the latest that ended."""
    return happening(now=now, until=now + SOON, most=SHOWN, ended=LATEST)


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


class ToConfirm(NamedTuple):
    """What waits for a second person, or for an administrator: `kind` is one of the words below.

    `key` is the slug of a pipeline, the id of a freeze, or how many messages were given up; only an override has a
    `why` and an `until`.
    """

    kind: str
    key: str
    name: str
    asked_by: str
    email: str
    why: str
    until: datetime | None


PIPELINE, OVERRIDE, DEAD = "pipeline", "override", "dead"


class _CountOf(Subquery):
    """How many rows a query has; a scalar, so that it can stand in another statement."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) counted)"
    output_field = IntegerField()


def to_confirm(me: User, *, now: datetime) -> list[ToConfirm]:
    """What I could confirm, SHOWN of each kind at most, and the messages that nobody got; one statement."""
    found = _proposed(me).union(_overrides(me, now), *([_dead_messages(me)] if me.is_admin else []))
    rows = sorted((ToConfirm._make(row) for row in found), key=lambda row: (row.kind, row.until or now, row.key))
    # Another account of the same mailbox is no second person.
    mine = [row for row in rows if mailbox(row.email) != mailbox(me.email)]
    shown: list[ToConfirm] = []
    for kind in (DEAD, OVERRIDE, PIPELINE):
        shown += [row for row in mine if row.kind == kind][:SHOWN]
    return shown


def _proposed(me: User) -> QuerySet[Pipeline, Any]:
    """Pipelines that wait for a second person, in the columns of ToConfirm."""
    waiting = Pipeline.objects.filter(state=Pipeline.State.PROPOSED).exclude(registered_by=me)
    if not me.is_admin:
        waiting = waiting.filter(services__team__memberships__user=me)
    by = "registered_by__"
    return waiting.order_by().values_list(
        _text(PIPELINE), "slug", "slug", _known(f"{by}name"), _known(f"{by}email"), _text(""),
        Cast(Value(None), DateTimeField()),
    )  # fmt: skip


def _overrides(me: User, now: datetime) -> QuerySet[Any, Any]:
    waiting, by = overrides_to_confirm(me, now=now), "requested_by__"
    key = Cast("freeze", TextField())
    columns = (_text(OVERRIDE), key, "freeze__name", f"{by}name", f"{by}email", "reason", "expires_at")
    return waiting.order_by().values_list(*columns)


def _dead_messages(me: User) -> QuerySet[Any, Any]:
    """How many were given up, counted to MANY at most: one line, in the columns of ToConfirm."""
    dead = Message.objects.filter(state=Message.State.DEAD).exclude(channel=Message.Channel.CANARY)
    count = Cast(_CountOf(dead.order_by().values("pk")[:MANY]), TextField())
    blank = (_text(""),) * 4
    return (
        User.objects.filter(pk=me.pk)
        .order_by()
        .values_list(_text(DEAD), count, *blank, Cast(Value(None), DateTimeField()))
    )


def _known(column: str) -> Coalesce:
    return Coalesce(column, Value(""), output_field=TextField())


def _text(word: str) -> Cast:
    return Cast(Value(word), TextField())


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
