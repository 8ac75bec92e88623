"""Proof that comes after the deploy, from a person or a token: who may supply it. Both doors ask here."""

from django.utils import timezone

from accounts.callers import Caller
from catalog.models import Service
from changes import policy
from changes.models import Run
from changes.pipelines import actions
from changes.pipelines.order import Event
from changes.pipelines.policy import REFUSED, may_supply_proof, proof_by_a_person_counts
from workflow.decisions import Decision, require
from workflow.errors import Conflict, Missing


def supply_proof(change_id: int, event: Event, *, by: Caller) -> actions.Logged:
    """Add late proof and judge the deploy again; `event` holds `evidence` alone.

    After 24 hours it is kept and the verdict stays. Raises Forbidden("token_limits"), Forbidden("may_supply_proof"),
    Conflict("proof_by_a_person_counts") for a pipeline that only its own token may prove for, and Missing for a change
    that no pipeline logged.
    """
    run = _run_of(change_id)
    allowed = decide(run, by=by)
    require(allowed)
    bound = run.pipeline.token_id is not None
    counts = proof_by_a_person_counts(bound_to_token=bound, is_own_token=_is_own_token(run, by))
    require(counts, Conflict)
    return actions.add_evidence(change_id, event, caller=by)


def supply_proof_in_time(change_id: int, event: Event, *, by: Caller) -> actions.Logged:
    """The same for who types it on the page to turn the verdict; after 24 hours Conflict("late_proof_counts")."""
    run, now = _run_of(change_id), timezone.now()
    late = policy.late_proof_counts(finished_at=run.change.finished_at or now, now=now)
    if late.outcome != "counts" and decide(run, by=by).outcome != REFUSED:
        raise Conflict(late.rule, late.because)
    return supply_proof(change_id, event, by=by)


def decide(run: Run, *, by: Caller) -> Decision:
    """Whether this caller may supply proof for the run."""
    return may_supply_proof(
        owns_the_service=Service.objects.filter(pk=run.service_id, team__memberships__user=by.user_id).exists(),
        registered_it=run.pipeline.registered_by_id == by.user_id,
        is_admin=by.is_admin,
        is_own_token=_is_own_token(run, by),
    )


def _is_own_token(run: Run, by: Caller) -> bool:
    return by.token_id is not None and by.token_id == run.pipeline.token_id


def _run_of(change_id: int) -> Run:
    run = Run.objects.select_related("pipeline", "change").filter(change_id=change_id).first()
    if run is None:
        raise Missing("not_found", "No deploy was logged under this reference.")
    return run
