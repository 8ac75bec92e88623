"""How a trusted pipeline loses its exemption."""

from datetime import datetime

from django.db import transaction

from accounts.contacts.actions import tell_all
from changes.messages import pipeline_suspended
from changes.models import Change, Pipeline
from changes.pipelines import policy, queries
from changes.pipelines.states import MOVES
from changes.states import State, Verdict
from workflow.ledger import SYSTEM, Happening, record
from workflow.transitions import move


@transaction.atomic
def suspend_if_due(pipeline_id: int, *, now: datetime) -> None:
    """Suspend the pipeline if its unproven deploys are too many, and tell who registered it and its teams' leads.

    Whoever makes a deploy unproven calls this in the same transaction, so that the next deploy is judged by it.
    """
    pipeline = Pipeline.objects.select_for_update().get(pk=pipeline_id)
    if pipeline.state != Pipeline.State.TRUSTED:
        return
    decision = policy.third_unproven_suspends(state=pipeline.state, unproven=_unproven(pipeline, now=now))
    if decision.outcome != Pipeline.State.SUSPENDED:
        return
    move(pipeline, Pipeline.State.SUSPENDED, moves=MOVES, updated_at=now)
    facts: dict[str, object] = {"because": decision.because}
    record(pipeline.ref, Happening("suspended", SYSTEM, now, facts, decision.rule), at=now)
    letters = [
        pipeline_suspended(pipeline.ref, pipeline.slug, to=to, at=now, because=decision.because)
        for to in queries.people_of_pipeline(pipeline)
    ]
    tell_all(letters, at=now)


def _unproven(pipeline: Pipeline, *, now: datetime) -> int:
    """How many deploys count: they came since it was last confirmed, and neither proof nor a review came for them."""
    since = now - policy.UNPROVEN_WITHIN
    rows = Change.objects.filter(pipeline=pipeline, verdict=Verdict.UNPROVEN, at__gte=since)
    fresh = rows.filter(created_at__gte=max(since, pipeline.confirmed_at or since)).exclude(state=State.CLOSED)
    return fresh.order_by().values("pk")[: policy.UNPROVEN_SUSPENDS].count()
