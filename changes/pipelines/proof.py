"""What a person does about missing proof."""

from django.utils import timezone

from accounts.callers import Caller
from catalog.models import Service
from changes import policy
from changes.models import Run
from changes.pipelines import actions
from changes.pipelines.order import Event
from changes.pipelines.policy import REFUSED, may_supply_proof, proof_by_a_person_counts
from workflow.decisions import Decision
from workflow.errors import Conflict, Forbidden, Missing


def supply_proof(change_id: int, event: Event, *, by: Caller) -> actions.Logged:
    """Add late proof by hand and judge the deploy again; `event` holds `evidence` alone.

    Raises Forbidden("may_supply_proof"), Conflict("proof_by_a_person_counts") for a pipeline that only its own token
    may prove for, Conflict("late_proof_counts") after 24 hours, and Missing for a change that no pipeline logged.
    """
    run = Run.objects.select_related("service", "pipeline", "change").filter(change_id=change_id).first()
    if run is None:
        raise Missing("not_found", "No deploy was logged under this reference.")
    allowed = decide(run, by=by)
    if allowed.outcome == REFUSED:
        raise Forbidden(allowed.rule, allowed.because)
    counts = proof_by_a_person_counts(bound_to_token=run.pipeline.token_id is not None)
    if counts.outcome == REFUSED:
        raise Conflict(counts.rule, counts.because)
    now = timezone.now()
    late = policy.late_proof_counts(finished_at=run.change.finished_at or now, now=now)
    if late.outcome != "counts":
        raise Conflict(late.rule, late.because)
    return actions.add_evidence(change_id, event, caller=by)


def decide(run: Run, *, by: Caller) -> Decision:
    """Whether this person may supply proof for the run."""
    return may_supply_proof(
        owns_the_service=Service.objects.filter(pk=run.service_id, team__memberships__user=by.user_id).exists(),
        registered_it=run.pipeline.registered_by_id == by.user_id,
        is_admin=by.is_admin,
    )
