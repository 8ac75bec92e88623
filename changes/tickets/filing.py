"""Filing a change, editing it, and asking for its approval."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.callers import Caller, require_reach
from accounts.contacts.actions import call_off, tell_all
from accounts.models import User
from catalog.models import Environment, Service
from changes import edit_policy
from changes import policy as deploy_policy
from changes.models import Change, Template, Ticket
from changes.search import words
from changes.states import MOVES, Authorization, Origin, State, Type
from changes.tickets import messages, policy, queries, risk_policy, start_policy
from changes.tickets.broadcasts import tell_progress
from changes.tickets.content import FREE, LABELS, Draft, bound, digest_of, plain, without_blanks
from changes.tickets.queries import Standing
from changes.tickets.scheduling import broken_through, require_a_free_window
from changes.tickets.templates import draft_from, require_as_agreed, require_usable
from oncall.queries import on_call_for
from workflow.amendments import amend
from workflow.decisions import require
from workflow.errors import Conflict, InvalidFields, Unprocessable
from workflow.ledger import Happening, record
from workflow.lines import brief, line_fault
from workflow.transitions import move

OF_CHANGE = ("title", "customer_impacting", "public_note", "window_start", "window_end", "sha")
OF_TICKET = ("description", "reason", "risk_answers", "test_evidence", "rollback_plan", "rollback_minutes")
OF_TICKET_TOO = ("verification_plan", "commits", "incident")
MOST_SERVICES = 40
EDITS_SETTLE = timedelta(minutes=10)
"""How long after an edit those who can approve are written to again, so that several edits are one mail."""


@dataclass(frozen=True, slots=True)
class Named:
    """The things that a draft names, found."""

    services: list[Service]
    environment: Environment
    implementer: User


# --- Filing ----------------------------------------------------------------------------------------------------------


@transaction.atomic
def file_change(draft: Draft, *, by: Caller) -> Change:
    """Keep a change as a draft; an emergent one begins at once, and its review is due in 24 hours.

    A draft may lack what submitting will ask for; a title and a service it needs. Raises Unprocessable, InvalidFields
    for what it names wrongly, Forbidden("token_limits"), Conflict("template_usable").
    """
    now = timezone.now()
    template = _template(draft.template)
    if template:
        require_usable(template, now=now)
        draft = draft_from(template, draft)
    named = _named(draft, by=by)
    said = draft.as_mapping() | {"implementer": named.implementer.email, "environment": named.environment.slug}
    authorization = _authorization(draft, template)
    _judge_shape(said, authorization=authorization)
    change = _insert_change(said, named, by=by, authorization=authorization, now=now)
    ticket = _insert_ticket(change, said, named, template, by=by)
    facts = {"type": draft.type, "title": change.title, "services": said["services"], "digest": ticket.digest}
    record(change.ref, Happening("filed", by.actor, now, {**facts, "risk": change.risk}, "risk_level"), at=now)
    if authorization == Authorization.EMERGENCY:
        _begin_emergency(change, ticket, by=by, now=now)
    return change


@transaction.atomic
def file_and_submit(draft: Draft, *, by: Caller) -> Change:
    """File a change and ask for its approval, both or neither; an emergent one needs none."""
    _require_all_said(draft)
    change = file_change(draft, by=by)
    return change if change.type == Type.EMERGENT else submit_change(change.ref, by=by).change


def _require_all_said(draft: Draft) -> None:
    """Raise InvalidFields that names all that is missing at once, where not even a service is named."""
    authorization = _authorization(draft, None)
    if draft.template or without_blanks(draft.services) or authorization == Authorization.EMERGENCY:
        return
    errors = [] if draft.title.strip() else [("title", "blank", "Say in a few words what is changed.")]
    errors.append(("services", "service_needed", "Name at least one service that it touches."))
    missing = policy.missing_parts(draft.as_mapping(), authorization=authorization)
    raise InvalidFields([*errors, *((name, "required", sentence) for name, sentence in missing)])


def _authorization(draft: Draft, template: Template | None) -> str:
    if draft.type == Type.EMERGENT:
        return str(Authorization.EMERGENCY)
    return str(Authorization.TEMPLATE if template else Authorization.REVIEWED)


def _template(slug: str) -> Template | None:
    if not slug:
        return None
    template = queries.template_named(slug)
    if template is None:
        raise Unprocessable("unknown_template", f"There is no template “{slug[:64]}”.", field="template")
    return template


def _named(draft: Draft, *, by: Caller) -> Named:
    slugs = without_blanks(draft.services)
    if not slugs:
        raise Unprocessable("service_needed", "Name at least one service that it touches.", field="services")
    if len(slugs) > MOST_SERVICES:
        raise Unprocessable("too_many_services", f"Name at most {MOST_SERVICES} services.", field="services")
    known = queries.services_named(slugs)
    missing = [slug for slug in slugs if slug not in known]
    if missing:
        raise Unprocessable("unknown_service", f"There is no service “{missing[0][:64]}”.", field="services")
    environment = queries.environment_named(draft.environment)
    if environment is None:
        name = draft.environment[:64] or "production"
        raise Unprocessable("unknown_environment", f"There is no environment “{name}”.", field="environment")
    require_reach(by, services=slugs, environments=[environment.slug])
    name = draft.implementer.strip()
    implementer = queries.person_named(name) if name else User.objects.get(pk=by.user_id)
    if implementer is None:
        raise Unprocessable("unknown_person", f"There is no active person “{name[:64]}”.", field="implementer")
    return Named([known[slug] for slug in slugs], environment, implementer)


def require_reach_of(standing: Standing, by: Caller) -> None:
    """Raise Forbidden("token_limits") unless the caller's limits allow all that the change touches."""
    require_reach(by, services=standing.said["services"], environments=[standing.change.environment.slug])


def _judge_shape(said: Mapping[str, Any], *, authorization: str) -> None:
    errors = []
    if not said["title"].strip():
        errors.append(("title", "blank", "Say in a few words what is changed."))
    elif fault := line_fault(said["title"]):
        errors.append(("title", "one_line", fault))
    errors += _window_faults(said["window_start"], said["window_end"])
    unknown = sorted(set(said["risk_answers"]) - set(risk_policy.RISK_QUESTIONS))
    if unknown:
        because = f"“{unknown[0][:40]}” is no risk question. They are {', '.join(risk_policy.RISK_QUESTIONS)}."
        errors.append(("risk_answers", "unknown_question", because))
    if authorization == Authorization.EMERGENCY:
        missing = policy.missing_parts(said, authorization=authorization)
        errors += [(field, "reason_required", sentence) for field, sentence in missing]
    if errors:
        raise InvalidFields(errors)


def _window_faults(start: datetime | None, end: datetime | None) -> list[tuple[str, str, str]]:
    if not (start and end):
        field, moment = ("window_end", "ends") if start else ("window_start", "begins")
        half = (field, "window_half", f"Say when the window {moment} as well, or leave both open.")
        return [half] if start or end else []
    if end <= start:
        return [("window_end", "window_order", "The window must end after it begins.")]
    # How far ahead it lies is asked when it is submitted.
    reach = start_policy.window_within_reach(start=start, end=end, now=start)
    return [("window_end", reach.rule, reach.because)] if reach.outcome == policy.REFUSED else []


def _insert_change(said: Mapping[str, Any], named: Named, *, by: Caller, authorization: str, now: datetime) -> Change:
    is_emergency = authorization == Authorization.EMERGENCY
    change = Change(
        type=Type.EMERGENT if is_emergency else Type.STANDARD,
        origin=Origin.PERSON,
        authorization=authorization,
        state=State.DRAFT,
        service=named.services[0],
        environment=named.environment,
        requester_id=by.user_id,
        policy_version=deploy_policy.POLICY_VERSION,
        risk=queries.risk_found(said, named.services).level,
        at=now,
        search_text=_search_text(said),
        created_at=now,
        updated_at=now,
        **{name: said[name] for name in OF_CHANGE},
    )
    change.save(force_insert=True)
    return change


def _search_text(said: Mapping[str, Any]) -> str:
    return words(said["title"], *said["services"], said["incident"], said["sha"], said["reason"], said["description"])


def _insert_ticket(
    change: Change, said: Mapping[str, Any], named: Named, template: Template | None, *, by: Caller
) -> Ticket:
    ticket = Ticket(
        change=change,
        template=template,
        implementer=named.implementer,
        digest=digest_of(bound(said)),
        written_by=[by.user_id],
        **{name: _kept(said[name]) for name in (*OF_TICKET, *OF_TICKET_TOO)},
    )
    ticket.save(force_insert=True)
    ticket.services.set(named.services)
    return ticket


def _kept(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else dict(value) if isinstance(value, Mapping) else value


def _begin_emergency(change: Change, ticket: Ticket, *, by: Caller, now: datetime) -> None:
    watch = on_call_for(list(ticket.services.all()), now)
    decision = policy.emergency_authorization(watch.people, user_id=by.user_id, is_known=watch.is_known)
    due = now + policy.REVIEW_WITHIN
    standing = Standing(change, ticket)
    flags = broken_through(standing, now=now)
    columns = {"started_at": now, "at": now, "review_due_at": due, "flags": " ".join(flags), "updated_at": now}
    move(change, State.IN_PROGRESS, moves=MOVES, **columns)
    amend(ticket, is_break_glass=decision.outcome == "break_glass")
    facts: dict[str, object] = {"because": decision.because, "how": decision.outcome, "warnings": flags}
    record(change.ref, Happening("started", by.actor, now, facts, decision.rule), at=now)
    reason = brief(ticket.reason) or f"It belongs to {ticket.incident}."
    told = {"who": by.name, "because": decision.because, "reason": reason}
    leads = queries.to_be_told(standing.circle, but=by.user_id) if ticket.is_break_glass else []
    tell_all([messages.glass_broken(change.ref, change.title, to=lead, **told) for lead in leads], at=now)
    tell_progress(standing, at=now)


# --- Editing ---------------------------------------------------------------------------------------------------------


@transaction.atomic
def amend_change(ref: str, changed: Mapping[str, Any], *, by: Caller, seen: str = "") -> Standing:
    """Change parts of a filed change, named as in Draft; what was approved before counts no longer.

    An approved change is submitted again by it. `seen` is the edition of what the writer read, if they say it. Raises
    Forbidden("may_edit_change"), Conflict("stale_edit"), Conflict("not_editable"), Conflict("template_fixed"), and what
    filing and submitting raise.
    """
    standing, now = queries.standing_of(ref, lock=True), timezone.now()
    require(policy.may_edit_change(standing.parts_of(by.user_id)))
    require_reach_of(standing, by)
    require(edit_policy.stale_edit(seen=seen, present=standing.edition), Conflict)
    said = {**standing.said, **changed}
    draft = Draft(**{name: said[name] for name in (*LABELS, *FREE)})
    named = _named(draft, by=by)
    said |= {"implementer": named.implementer.email, "environment": named.environment.slug}
    said["services"] = [service.slug for service in named.services]
    differing = [name for name in (*LABELS, *FREE) if said[name] != standing.said[name]]
    if not differing:
        return standing
    change, ticket = standing.change, standing.ticket
    decision = policy.editable(differing, state=change.state, authorization=change.authorization)
    require(decision, Conflict, field=differing[0])
    _judge_shape(said, authorization=change.authorization)
    _write_edit(standing, said, named, by=by, now=now)
    voided = _void_approvals(standing, now=now)
    facts = {name: [plain(standing.said[name]), plain(said[name])] for name in differing}
    data: dict[str, object] = {"changed": facts, "digest": ticket.digest, "voided": voided}
    record(change.ref, Happening("edited", by.actor, now, data), at=now)
    fresh = queries.standing_of(ref)
    if change.state in {State.SUBMITTED, State.APPROVED}:
        _submit_again(fresh, digest_before=standing.digest, now=now)
    return fresh


def _write_edit(standing: Standing, said: Mapping[str, Any], named: Named, *, by: Caller, now: datetime) -> None:
    change, ticket = standing.change, standing.ticket
    columns = {name: said[name] for name in OF_CHANGE}
    amend(
        change,
        service=named.services[0],
        environment=named.environment,
        risk=queries.risk_found(said, named.services).level,
        search_text=_search_text(said),
        updated_at=now,
        **columns,
    )
    amend(
        ticket,
        implementer=named.implementer,
        digest=digest_of(bound(said)),
        written_by=sorted({*ticket.written_by, by.user_id}),
        **{name: _kept(said[name]) for name in (*OF_TICKET, *OF_TICKET_TOO)},
    )
    ticket.services.set(named.services)


def _void_approvals(standing: Standing, *, now: datetime) -> int:
    """Approvals of what the change said before count no longer; those of exactly what it says now do."""
    stale = standing.ticket.approvals.filter(voided_at__isnull=True).exclude(digest=standing.ticket.digest)
    return stale.update(voided_at=now)


def _submit_again(standing: Standing, *, digest_before: str, now: datetime) -> None:
    if standing.ticket.digest == digest_before:
        return
    _judge_submission(standing, now=now)
    change = standing.change
    if change.authorization == Authorization.TEMPLATE:
        return
    if change.state == State.APPROVED:
        move(change, State.SUBMITTED, moves=MOVES, updated_at=now)
    amend(standing.ticket, submitted_at=now, approved_at=None)
    # Whoever edits once often edits again; the next edit calls this mail off.
    ask_for_approval(standing, now=now, not_before=now + EDITS_SETTLE)


# --- Submitting ------------------------------------------------------------------------------------------------------


@transaction.atomic
def submit_change(ref: str, *, by: Caller) -> Standing:
    """Ask for the approval of a draft; one from a usable template is approved by it.

    Raises Forbidden("may_edit_change"), InvalidFields for what is missing, Conflict("quorum_unsatisfiable"),
    Conflict("nothing_changed"), Conflict("freeze_active"), Conflict("collision_tier_0"), Conflict("template_usable").
    """
    standing, now = queries.standing_of(ref, lock=True), timezone.now()
    require(policy.may_edit_change(standing.parts_of(by.user_id)))
    require_reach_of(standing, by)
    change, ticket = standing.change, standing.ticket
    if change.state != State.DRAFT:
        raise Conflict("transition_illegal", f"A change that is {change.state} cannot be submitted.")
    _judge_submission(standing, now=now)
    if change.authorization == Authorization.TEMPLATE:
        _approve_by_template(standing, by=by, now=now)
        return standing
    move(change, State.SUBMITTED, moves=MOVES, updated_at=now)
    amend(ticket, submitted_at=now)
    facts: dict[str, object] = {"digest": ticket.digest, "risk": change.risk}
    decision = policy.quorum_satisfiable(standing.circle)
    facts["because"] = decision.because
    record(change.ref, Happening("submitted", by.actor, now, facts, decision.rule), at=now)
    ask_for_approval(standing, now=now)
    return standing


def _approve_by_template(standing: Standing, *, by: Caller, now: datetime) -> None:
    template = standing.ticket.template
    assert template is not None
    facts: dict[str, object] = {"template": template.slug, "template_digest": template.digest}
    move(standing.change, State.APPROVED, moves=MOVES, updated_at=now)
    amend(standing.ticket, submitted_at=now, approved_at=now)
    record(standing.ref, Happening("approved", by.actor, now, facts, "template_usable"), at=now)


def _judge_submission(standing: Standing, *, now: datetime) -> None:
    said, authorization = standing.said, standing.change.authorization
    missing = policy.missing_parts(said, authorization=authorization)
    if missing:
        raise InvalidFields([(name, "required", sentence) for name, sentence in missing])
    ahead = policy.window_ahead(end=said["window_end"], now=now)
    require(ahead, Unprocessable, field="window_end")
    reach = start_policy.window_within_reach(start=said["window_start"], end=said["window_end"], now=now)
    require(reach, kind=Unprocessable, field="window_start")
    if standing.ticket.template:
        require_as_agreed(standing.ticket.template, said, now=now)
    else:
        require(edit_policy.nothing_changed(digest=standing.ticket.digest, rejected=standing.rejected), Conflict)
        require(policy.quorum_satisfiable(standing.circle), Conflict)
    require_a_free_window(standing)


def ask_for_approval(standing: Standing, *, now: datetime, not_before: datetime | None = None) -> None:
    """Write to everybody who may approve and has not yet; one mail about the change waits for each of them at most."""
    change = standing.change
    call_off(messages.approval_topic(change.ref))
    given = {one.approver_id for one in standing.standing_approvals}
    facts = [
        f"Risk: {change.risk}",
        f"Services: {', '.join(standing.said['services'])} in {change.environment.slug}",
        f"Window: {change.window_start:%a %d %b %H:%M} to {change.window_end:%a %d %b %H:%M} UTC",
        f"Requested by {change.requester}, carried out by {standing.ticket.implementer}",
    ]
    key = f"{now:%Y%m%d%H%M%S%f}"
    judges = [(judge.user_id, judge.email) for judge in policy.judges(standing.circle) if judge.user_id not in given]
    asked = [messages.approval_wanted(change.ref, change.title, to=to, key=key, facts=facts) for to in judges]
    tell_all([replace(one, due=change.window_start, not_before=not_before) for one in asked], at=now)
