"""Every write that starts at a pipeline's word: a deploy, late proof, and what follows when no word comes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db import IntegrityError, models, transaction
from django.utils import timezone

from accounts.callers import Caller
from changes import policy
from changes.freezes.queries import freezes_at
from changes.messages import proof_topic, proof_wanted, run_went_silent
from changes.models import REF_PREFIX, Change
from changes.pipelines import queries
from changes.pipelines.intake.rest import Deployment, event_of
from changes.pipelines.models import Run
from changes.pipelines.order import (
    MAX_EVENTS,
    MAX_EVENTS_BYTES,
    Event,
    RunState,
    began_at,
    fingerprint,
    occurred_at,
    size_of,
)
from changes.pipelines.recording import Recorded, Target, Trust, record_run
from changes.pipelines.strangers import take_in
from changes.states import MOVES, Outcome, State, Verdict
from notifications import outbox
from workflow.errors import Conflict, Forbidden, Missing, TooLarge, Unauthenticated, Unprocessable
from workflow.ledger import SYSTEM, Happening, new_entry, record, record_all
from workflow.statements import FromParent, NewRow, columns_of, insert_together, undoable
from workflow.transitions import is_legal, move

TrustAt = Callable[[datetime], tuple[Trust, list[str]]]
"""Looks up, for the moment a deploy began, what its pipeline is trusted with, and warnings."""
VERDICT_COLUMNS = ("verdict", "verdict_rule", "policy_version", "state")


@dataclass(frozen=True, slots=True)
class Logged:
    """What became of a message about a deploy.

    `change` and `run` are the columns of the two rows as they now stand, `story` is what all messages amount to.
    `is_new` is False when the run was known; `warnings` are words.
    """

    id: int
    change: Mapping[str, Any]
    run: Mapping[str, Any]
    story: RunState
    target: Target
    is_new: bool = False
    warnings: list[str] = field(default_factory=list)

    @property
    def ref(self) -> str:
        """The reference of the change."""
        return f"{REF_PREFIX}{self.id}"


def log_deployment(deployment: Deployment, *, caller: Caller, backfill: bool = False) -> Logged:
    """Keep what a pipeline says about a deploy, judge it, and tell the owner when proof is missing.

    The same natural key again is an update; the order of arrival makes no difference; nothing is refused for missing
    evidence. When this returns, the deploy is durable. Raises Unprocessable for a service or environment that does not
    exist and Forbidden("token_limits") outside the token's limits.
    """
    _require_reach(caller, service=deployment.service, environment=deployment.environment)
    event = event_of(deployment, received_at=timezone.now().isoformat(), by=caller.actor, backfill=backfill)
    key = queries.IntakeKey(
        service=deployment.service,
        environment=deployment.environment,
        pipeline=deployment.pipeline,
        run_id=deployment.run_id,
        attempt=deployment.attempt,
        at=began_at(event),
    )
    context = _known_context(key, caller)
    if context.change_id is None:
        try:
            with undoable():
                return _insert(key, context, event)
        except IntegrityError:
            # Somebody logged the same run between our look and our insert; now it is an update.
            context = _known_context(key, caller)
            if context.change_id is None:
                raise
    target = _target_in(key, context)
    return _add(context.change_id, event, trust_at=lambda at: _trust_in(context, target, at=at), target=target)


def _require_reach(caller: Caller, *, service: str, environment: str) -> None:
    if not caller.covers(service=service, environment=environment):
        raise Forbidden("token_limits", "This token may not log deploys of this service in this environment.")


def _known_context(key: queries.IntakeKey, caller: Caller) -> queries.IntakeContext:
    context = queries.intake_context(key, caller=caller)
    if not context.caller_is_live:
        raise Unauthenticated("authentication_failed", "This token was revoked a moment ago. Nothing was written.")
    if context.service_id is None:
        raise Unprocessable("unknown_service", f"There is no service “{key.service}”.", field="service")
    if context.environment_id is None:
        raise Unprocessable("unknown_environment", f"There is no environment “{key.environment}”.", field="environment")
    if context.pipeline_id is None:
        take_in(key.pipeline, by=caller)
        return queries.intake_context(key, caller=caller)
    return context


def _insert(key: queries.IntakeKey, context: queries.IntakeContext, event: Event) -> Logged:
    now = datetime.fromisoformat(event["received_at"])
    target = _target_in(key, context)
    trust, warnings = _trust_in(context, target, at=key.at)
    recorded = record_run([event], target=target, trust=trust, now=now)
    change_values = {**recorded.change_values, "created_at": now}
    run_values = {**recorded.run_values, "received_at": now}
    entry = new_entry(REF_PREFIX, _happening(event, recorded, with_verdict=True), at=now)
    children = [NewRow(Run, {"change_id": FromParent(), **run_values}), entry]
    parent = NewRow(Change, change_values)
    if recorded.reached.result == Verdict.UNPROVEN and "backfill" not in event:
        with transaction.atomic():
            pk = insert_together(parent, children)
            _ask_for_proof(f"{REF_PREFIX}{pk}", recorded, target, now=now)
    else:
        pk = insert_together(parent, children)
    return Logged(pk, change_values, run_values, recorded.run, target, is_new=True, warnings=warnings)


def _trust_in(context: queries.IntakeContext, target: Target, *, at: datetime) -> tuple[Trust, list[str]]:
    hard, warnings = _freezes(target, at=at) if context.may_be_frozen else ([], [])
    trust = Trust(
        pipeline_state=context.pipeline_state,
        requires=context.requires,
        covers_target=context.covers_target,
        token_id=context.token_id,
        hard_freezes=hard,
    )
    return trust, warnings


def _target_in(key: queries.IntakeKey, context: queries.IntakeContext) -> Target:
    assert context.service_id
    assert context.team_id
    assert context.environment_id
    assert context.pipeline_id
    return Target(
        service_id=context.service_id,
        team_id=context.team_id,
        environment_id=context.environment_id,
        pipeline_id=context.pipeline_id,
        registered_by_id=context.registered_by_id,
        service=key.service,
        environment=key.environment,
        pipeline=key.pipeline,
        run_id=key.run_id,
        attempt=key.attempt,
    )


def _freezes(target: Target, *, at: datetime) -> tuple[list[str], list[str]]:
    freezes = freezes_at(
        at, service_id=target.service_id, team_id=target.team_id, environment_id=target.environment_id
    )
    warnings = ["freeze_soft"] if not all(freeze.is_hard for freeze in freezes) else []
    if any(freeze.is_overridden for freeze in freezes):
        warnings.append("freeze_overridden")
    return [freeze.name for freeze in freezes if freeze.forbids], warnings


def _happening(event: Event, recorded: Recorded, *, with_verdict: bool) -> Happening:
    names = ("status", "version", "sha", "sequence", "evidence", "backfill")
    said: dict[str, object] = {name: event[name] for name in names if name in event}
    decision = recorded.reached.decision
    if with_verdict:
        said |= {"verdict": decision.outcome, "because": decision.because}
    verb = "evidence" if "status" not in event else "started" if event["status"] == "started" else "finished"
    moment = occurred_at(event).astimezone(UTC)
    return Happening(verb, event["by"], moment, said, decision.rule if with_verdict else "")


def _ask_for_proof(ref: str, recorded: Recorded, target: Target, *, now: datetime) -> None:
    due = (recorded.run.finished_at or now) + policy.PROOF_WITHIN
    missing = [check.detail for check in recorded.reached.missing] or [recorded.reached.decision.because]
    title = recorded.change_values["title"]
    for owner in queries.pipeline_owners(target.registered_by_id, target.team_id):
        outbox.enqueue(proof_wanted(ref, title, to=owner, missing=missing, due=due), at=now)


def add_evidence(change_id: int, event: Event, *, caller: Caller) -> Logged:
    """Add late proof to a logged deploy and judge it again; `event` holds `evidence` alone.

    Within 24 hours of the finish the verdict may flip; later the proof is kept and the verdict stays, which the warning
    `proof_window_closed` says. Raises Missing for a change that no pipeline logged.
    """
    run = Run.objects.select_related("service", "environment", "pipeline").filter(change_id=change_id).first()
    if run is None:
        raise Missing("not_found", "No deploy was logged under this reference.")
    target = _target_of(run)
    _require_reach(caller, service=target.service, environment=target.environment)
    event = {**event, "received_at": timezone.now().isoformat(), "by": caller.actor}
    return _add(change_id, event, trust_at=lambda at: _trust_of(run, target, at=at), target=target)


@transaction.atomic
def _add(change_id: int, event: Event, *, trust_at: TrustAt, target: Target) -> Logged:
    """Add an event to a known run; one that says nothing new changes nothing."""
    change = Change.objects.select_for_update(of=("self",)).select_related("run").get(pk=change_id)
    run, before = change.run, change.verdict
    trust, warnings = trust_at(min(change.at, began_at(event)))
    if fingerprint(event) in {fingerprint(known) for known in run.events}:
        return Logged(change.pk, columns_of(change), columns_of(run), run.told, target, warnings=warnings)
    if len(run.events) >= MAX_EVENTS:
        raise Conflict("too_many_events", f"This run has {MAX_EVENTS} messages already. Start a new attempt.")
    if size_of(event) + sum(map(size_of, run.events)) > MAX_EVENTS_BYTES:
        because = f"The messages of this run are over {MAX_EVENTS_BYTES // 2**20} MiB together. Start a new attempt."
        raise TooLarge("run_too_large", because)
    now = timezone.now()
    recorded = record_run([*run.events, event], target=target, trust=trust, now=now)
    counts = policy.late_proof_counts(finished_at=change.finished_at or now, now=now).outcome == "counts"
    happenings = [_happening(event, recorded, with_verdict=False)]
    if counts:
        happenings += _verdict_reached(recorded, before=before, now=now)
    else:
        warnings = [*warnings, "proof_window_closed"]
    record_all(change.ref, happenings, at=now)
    _write(change, run, recorded, verdict_too=counts)
    if counts:
        _tell_verdict(change.ref, recorded, target, before=before, is_quiet="backfill" in event)
    return Logged(change.pk, columns_of(change), columns_of(run), recorded.run, target, warnings=warnings)


def _target_of(run: Run) -> Target:
    return Target(
        service_id=run.service_id,
        team_id=run.service.team_id,
        environment_id=run.environment_id,
        pipeline_id=run.pipeline_id,
        registered_by_id=run.pipeline.registered_by_id,
        service=run.service.slug,
        environment=run.environment.slug,
        pipeline=run.pipeline.slug,
        run_id=run.run_id,
        attempt=run.attempt,
    )


def _trust_of(run: Run, target: Target, *, at: datetime) -> tuple[Trust, list[str]]:
    hard, warnings = _freezes(target, at=at)
    pipeline = run.pipeline
    covers_service = pipeline.services.filter(pk=run.service_id).exists()
    trust = Trust(
        pipeline_state=pipeline.state,
        requires=pipeline.requires,
        covers_target=covers_service and pipeline.environments.filter(pk=run.environment_id).exists(),
        token_id=pipeline.token_id,
        hard_freezes=hard,
    )
    return trust, warnings


def _write(change: Change, run: Run, recorded: Recorded, *, verdict_too: bool) -> None:
    change_values: dict[str, Any] = dict(recorded.change_values)
    run_values = dict(recorded.run_values)
    if not verdict_too:
        for name in VERDICT_COLUMNS:
            del change_values[name]
        del run_values["checks"], run_values["proof_due_at"]
    if change.outcome == Outcome.UNKNOWN and not recorded.run.is_over:
        del change_values["outcome"]
    state = change_values.pop("state", change.state)
    if is_legal(MOVES, change.state, state):
        move(change, state, moves=MOVES, **change_values)
    else:
        _put(change, change_values)
    _put(run, run_values)


def _put(row: models.Model, values: dict[str, Any]) -> None:
    type(row)._default_manager.filter(pk=row.pk).update(**values)
    for name, value in values.items():
        setattr(row, name, value)


def _verdict_reached(recorded: Recorded, *, before: str, now: datetime) -> list[Happening]:
    """The entry for a verdict that differs from the one before."""
    decision = recorded.reached.decision
    if before == decision.outcome:
        return []
    facts: dict[str, object] = {"verdict": decision.outcome, "before": before, "because": decision.because}
    return [Happening("verdict", SYSTEM, now, facts, decision.rule)]


def _tell_verdict(ref: str, recorded: Recorded, target: Target, *, before: str, is_quiet: bool) -> None:
    """Ask for proof when the verdict became unproven, or call the question back when proof came."""
    result = recorded.reached.result
    if result == Verdict.UNPROVEN and before != result and not is_quiet:
        _ask_for_proof(ref, recorded, target, now=timezone.now())
    elif result == Verdict.EXEMPT and before == Verdict.UNPROVEN:
        outbox.cancel(proof_topic(ref))


@transaction.atomic
def settle(change_id: int, *, now: datetime) -> None:
    """Look again at a run that owes a word: a smoke test that did not come, or an end that was never reported."""
    change = Change.objects.select_for_update().get(pk=change_id)
    run = Run.objects.select_related("service", "environment", "pipeline").get(change_id=change_id)
    if run.proof_due_at is None or run.proof_due_at > now:
        return
    if change.state == State.IN_PROGRESS:
        _settle_silent(change, run, now=now)
        return
    target = _target_of(run)
    trust, _ = _trust_of(run, target, at=change.at)
    recorded = record_run(run.events, target=target, trust=trust, now=now)
    before, is_quiet = change.verdict, any("backfill" in event for event in run.events)
    record_all(change.ref, _verdict_reached(recorded, before=before, now=now), at=now)
    _write(change, run, recorded, verdict_too=True)
    _tell_verdict(change.ref, recorded, target, before=before, is_quiet=is_quiet)


def _settle_silent(change: Change, run: Run, *, now: datetime) -> None:
    started = change.started_at or change.at
    usual = queries.usual_longest(run.pipeline_id)
    decision = policy.silent_run_unknown(started_at=started, usual_longest=usual, now=now)
    if decision.outcome != Outcome.UNKNOWN:
        Run.objects.filter(pk=run.pk).update(proof_due_at=started + policy.patience_with(usual))
        return
    move(change, State.FINISHED, moves=MOVES, outcome=Outcome.UNKNOWN, updated_at=now)
    Run.objects.filter(pk=run.pk).update(proof_due_at=None)
    facts: dict[str, object] = {"outcome": Outcome.UNKNOWN.value, "because": decision.because}
    record(change.ref, Happening("went_silent", SYSTEM, now, facts, decision.rule), at=now)
    for owner in queries.pipeline_owners(run.pipeline.registered_by_id, run.service.team_id):
        outbox.enqueue(run_went_silent(change.ref, change.title, to=owner), at=now)
