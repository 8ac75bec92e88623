"""Every write that starts at a pipeline's word: a deploy, late proof, and what follows when no word comes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.callers import Caller, require_reach
from accounts.contacts.actions import call_off, tell_all
from changes import policy
from changes.freezes.queries import freezes_at
from changes.messages import proof_topic, proof_wanted, run_went_silent
from changes.models import REF_PREFIX, Change
from changes.pipelines import broadcasts, queries
from changes.pipelines.drafts import Draft, draft_run, happening_of
from changes.pipelines.intake.rest import Deployment, event_of
from changes.pipelines.models import Run
from changes.pipelines.order import (
    MAX_EVENTS,
    MAX_EVENTS_BYTES,
    STARTED,
    Event,
    RunState,
    began_at,
    fingerprint,
    fold,
    size_of,
)
from changes.pipelines.recording import Recorded, Target, Trust, record_run
from changes.pipelines.remembered import TARGETS
from changes.pipelines.strangers import take_in
from changes.pipelines.trust import suspend_if_due
from changes.states import MOVES, Outcome, State, Verdict
from workflow.errors import Conflict, Missing, TooLarge, Unauthenticated, Unprocessable
from workflow.ledger import SYSTEM, Happening, new_entry, record
from workflow.statements import (
    ChangedRow,
    NewRow,
    can_insert_if,
    columns_of,
    insert_if,
    insert_together,
    undoable,
    write_together,
)
from workflow.transitions import is_legal, move

TrustAt = Callable[[datetime], tuple[Trust, list[str]]]
"""Looks up, for the moment a deploy began, what its pipeline is trusted with, and warnings."""
Columns = Mapping[str, Any]
VERDICT_COLUMNS = ("verdict", "verdict_rule", "policy_version", "state", "review_due_at")


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
    require_reach(caller, services=[deployment.service], environments=[deployment.environment])
    event = event_of(deployment, received_at=timezone.now().isoformat(), by=caller.actor, backfill=backfill)
    key = queries.IntakeKey(
        service=deployment.service,
        environment=deployment.environment,
        pipeline=deployment.pipeline,
        run_id=deployment.run_id,
        attempt=deployment.attempt,
        at=began_at(event),
    )
    logged = _insert_as_remembered(key, event, caller=caller)
    if logged:
        return logged
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


def _draft(key: queries.IntakeKey, context: queries.IntakeContext, event: Event) -> Draft:
    target = _target_in(key, context)
    trust, warnings = _trust_in(context, target, at=key.at)
    return draft_run(event, target=target, trust=trust, warnings=warnings)


def _logged(draft: Draft, pk: int) -> Logged:
    change, run = draft.change.values, draft.run.values
    return Logged(pk, change, run, draft.recorded.run, draft.target, is_new=True, warnings=draft.warnings)


def _insert(key: queries.IntakeKey, context: queries.IntakeContext, event: Event) -> Logged:
    draft, starts = _draft(key, context, event), event["status"] == STARTED
    if not (draft.needs_proof or broadcasts.is_news(draft)):
        pk = insert_together(draft.change, [draft.run, draft.entry])
        if not context.may_be_frozen:
            TARGETS.remember(key, context, starts=starts)
        return _logged(draft, pk)
    with transaction.atomic():
        pk = insert_together(draft.change, [draft.run, draft.entry])
        now = datetime.fromisoformat(event["received_at"])
        if draft.needs_proof:
            _ask_for_proof(f"{REF_PREFIX}{pk}", draft.recorded, draft.target, now=now)
        if not draft.is_quiet:
            broadcasts.tell_deploy(f"{REF_PREFIX}{pk}", draft.change.values, at=now)
    TARGETS.forget(key, starts=starts)
    return _logged(draft, pk)


def _insert_as_remembered(key: queries.IntakeKey, event: Event, *, caller: Caller) -> Logged | None:
    """Look up and write in one statement, judged by what is remembered: nothing is written unless that is still so.

    What became of it, or None when nothing fit and so nothing was written.
    """
    starts = event["status"] == STARTED
    remembered = TARGETS.recall(key, starts=starts) if can_insert_if() else None
    if remembered is None:
        return None
    draft = _draft(key, remembered, event)
    if draft.needs_proof or broadcasts.is_news(draft):
        return None
    try:
        with undoable():
            premise = queries.as_remembered(remembered, key, caller=caller)
            pk = insert_if(premise, draft.change, [draft.run, draft.entry])
    except IntegrityError:
        return None
    if pk is None:
        TARGETS.forget(key, starts=starts)
        return None
    return _logged(draft, pk)


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
    freezes = freezes_at(at, service_id=target.service_id, team_id=target.team_id, environment_id=target.environment_id)
    warnings = ["freeze_soft"] if not all(freeze.is_hard for freeze in freezes) else []
    if any(freeze.is_overridden for freeze in freezes):
        warnings.append("freeze_overridden")
    return [freeze.name for freeze in freezes if freeze.forbids], warnings


def _ask_for_proof(ref: str, recorded: Recorded, target: Target, *, now: datetime) -> None:
    due = (recorded.run.finished_at or now) + policy.PROOF_WITHIN
    missing = [check.detail for check in recorded.reached.missing] or [recorded.reached.decision.because]
    title = recorded.change_values["title"]
    owners = queries.pipeline_owners(target.registered_by_id, target.team_id)
    tell_all([proof_wanted(ref, title, to=owner, missing=missing, due=due) for owner in owners], at=now)
    suspend_if_due(target.pipeline_id, now=now)


def add_evidence(change_id: int, event: Event, *, caller: Caller) -> Logged:
    """Add late proof to a logged deploy and judge it again; `event` holds `evidence` alone.

    Within 24 hours of the finish the verdict may flip; later the proof is kept and the verdict stays, which the warning
    `proof_window_closed` says. Raises Missing for a change that no pipeline logged.
    """
    run = Run.objects.select_related("service", "environment", "pipeline").filter(change_id=change_id).first()
    if run is None:
        raise Missing("not_found", "No deploy was logged under this reference.")
    target = _target_of(run)
    require_reach(caller, services=[target.service], environments=[target.environment])
    event = {**event, "received_at": timezone.now().isoformat(), "by": caller.actor}
    return _add(change_id, event, trust_at=lambda at: _trust_of(run, target, at=at), target=target)


@transaction.atomic
def _add(change_id: int, event: Event, *, trust_at: TrustAt, target: Target) -> Logged:
    """Add an event to a known run; one that says nothing new changes nothing."""
    change, run = queries.lock_logged(change_id)
    before, ref, known = change["verdict"], f"{REF_PREFIX}{change_id}", run["events"]
    trust, warnings = trust_at(min(change["at"], began_at(event)))
    if fingerprint(event) in {fingerprint(other) for other in known}:
        return Logged(change_id, change, run, fold(known), target, warnings=warnings)
    _require_room(known, event)
    # The ledger learns of it when it arrived, however long it waited for the row.
    now = datetime.fromisoformat(event["received_at"])
    recorded = record_run([*known, event], target=target, trust=trust, now=now)
    counts = policy.late_proof_counts(finished_at=change["finished_at"] or now, now=now).outcome == "counts"
    happenings = [happening_of(event, recorded, with_verdict=False)]
    if counts:
        happenings += _verdict_reached(recorded, before=before, now=now)
    else:
        warnings = [*warnings, "proof_window_closed"]
    entries = [new_entry(ref, happening, at=now) for happening in happenings]
    written = _write(change, run, recorded, entries, verdict_too=counts)
    if counts:
        _tell_verdict(ref, recorded, target, before=before, is_quiet="backfill" in event)
    if written[0]["outcome"] != change["outcome"] and "backfill" not in event:
        broadcasts.tell_deploy(ref, written[0], at=now)
    return Logged(change_id, *written, recorded.run, target, warnings=warnings)


def _require_room(known: list[Event], event: Event) -> None:
    if len(known) >= MAX_EVENTS:
        raise Conflict("too_many_events", f"This run has {MAX_EVENTS} messages already. Start a new attempt.")
    if size_of(event) + sum(map(size_of, known)) > MAX_EVENTS_BYTES:
        because = f"The messages of this run are over {MAX_EVENTS_BYTES // 2**20} MiB together. Start a new attempt."
        raise TooLarge("run_too_large", because)


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


def _write(
    change: Columns, run: Columns, recorded: Recorded, entries: list[NewRow], *, verdict_too: bool
) -> tuple[Columns, Columns]:
    """Write what is recorded now, with its entries, and return the columns as they then are."""
    change_values: dict[str, Any] = dict(recorded.change_values)
    run_values = dict(recorded.run_values)
    if not verdict_too:
        for name in VERDICT_COLUMNS:
            del change_values[name]
        del run_values["checks"], run_values["proof_due_at"]
    if change["outcome"] == Outcome.UNKNOWN and not recorded.run.is_over:
        del change_values["outcome"]
    if not is_legal(MOVES, change["state"], change_values.get("state", "")):
        # Where nothing moves, a review that is due stays due, and one that was done is not asked for again.
        for name in ("state", "review_due_at"):
            change_values.pop(name, None)
    rows = [
        ChangedRow(Change, change["id"], change_values, {"state": change["state"]}),
        ChangedRow(Run, run["change_id"], run_values, {}),
    ]
    if not write_together(rows, entries):
        raise Conflict("transition_illegal", "Somebody else wrote to this deploy at the same moment. Send it again.")
    return {**change, **change_values}, {**run, **run_values}


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
        call_off(proof_topic(ref))


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
    entries = [new_entry(change.ref, reached, at=now) for reached in _verdict_reached(recorded, before=before, now=now)]
    _write(columns_of(change), columns_of(run), recorded, entries, verdict_too=True)
    _tell_verdict(change.ref, recorded, target, before=before, is_quiet=is_quiet)


def _settle_silent(change: Change, run: Run, *, now: datetime) -> None:
    started = change.started_at or change.at
    usual = queries.usual_longest(run.pipeline_id)
    decision = policy.silent_run_unknown(started_at=started, usual_longest=usual, now=now)
    if decision.outcome != Outcome.UNKNOWN:
        Run.objects.filter(pk=run.pk).update(proof_due_at=started + policy.patience_with(usual))
        return
    due = now + policy.REVIEW_WITHIN
    move(change, State.FINISHED, moves=MOVES, outcome=Outcome.UNKNOWN, review_due_at=due, updated_at=now)
    Run.objects.filter(pk=run.pk).update(proof_due_at=None)
    facts: dict[str, object] = {"outcome": Outcome.UNKNOWN.value, "because": decision.because}
    record(change.ref, Happening("went_silent", SYSTEM, now, facts, decision.rule), at=now)
    broadcasts.tell_deploy(change.ref, columns_of(change), at=now)
    owners = queries.pipeline_owners(run.pipeline.registered_by_id, run.service.team_id)
    tell_all([run_went_silent(change.ref, change.title, to=owner) for owner in owners], at=now)
