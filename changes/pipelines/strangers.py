"""Pipelines that nobody registered: they exist from their first deploy on, so that no deploy is turned away."""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from accounts.callers import Caller
from accounts.models import ApiToken
from changes.pipelines.models import Pipeline
from changes.pipelines.policy import MOST_STRANGERS, REFUSED, stranger_is_welcome
from workflow.errors import TooMany
from workflow.ledger import Happening, record
from workflow.models import Entry

HOUR = timedelta(hours=1)


@transaction.atomic
def take_in(slug: str, *, by: Caller) -> None:
    """Make sure that there is a pipeline of this name.

    Raises TooMany("stranger_is_welcome") when the caller's tokens, all of one person together, brought in too many
    within an hour: whoever can log deploys must not be able to fill the list of pipelines without end.
    """
    if Pipeline.objects.filter(slug=slug).exists():
        return
    now = timezone.now()
    recent = Pipeline.objects.filter(state=Pipeline.State.UNREGISTERED, created_at__gt=now - HOUR)
    if recent.count() >= MOST_STRANGERS:
        welcome = stranger_is_welcome(brought=_brought(list(recent.values_list("pk", flat=True)), by))
        if welcome.outcome == REFUSED:
            wait = HOUR - (now - recent.earliest("created_at").created_at)
            raise TooMany(welcome.rule, welcome.because, wait=max(1, int(wait.total_seconds())), field="pipeline")
    pipeline, is_new = Pipeline.objects.get_or_create(slug=slug)
    if is_new:
        record(pipeline.ref, Happening("appeared", by.actor, now, {}), at=now)


def _brought(pipelines: list[int], by: Caller) -> int:
    tokens = ApiToken.objects.filter(owner=by.user_id).values_list("pk", flat=True)
    actors = [f"user:{by.user_id}", *(f"token:{token}" for token in tokens)]
    subjects = [f"PIPE-{pk}" for pk in pipelines]
    return Entry.objects.filter(subject__in=subjects, verb="appeared", actor__in=actors).count()
