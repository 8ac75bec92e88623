"""How a template comes to be trusted and stops being it: one person writes it, two others approve, a failure demotes.

`put_down` and `give_approval` are the two steps themselves, for the operator's organisation file; people come through
`propose_template`, `change_template` and `approve_template`, which also ask whether they may. Each writer locks the
template first, so of two who decide at once the second sees what the first made of it.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.callers import Caller, require_reach
from accounts.contacts.actions import call_off, tell, tell_all
from catalog.models import Environment, Service
from changes import edit_policy
from changes.preapproved import messages, policy, queries
from changes.preapproved.content import COLUMNS, LABELS, Terms, terms_of
from changes.preapproved.models import Template, TemplateApproval
from changes.preapproved.queries import Standing
from changes.preapproved.states import MOVES
from changes.tickets.content import differences
from changes.tickets.policy import quorum_satisfiable
from changes.tickets.risk_policy import RISK_QUESTIONS
from workflow.amendments import amend
from workflow.decisions import require
from workflow.errors import Conflict, Forbidden, InvalidFields, Unprocessable
from workflow.ledger import SYSTEM, Happening, record
from workflow.lines import line_fault
from workflow.transitions import move

State = Template.State

# --- By people -------------------------------------------------------------------------------------------------------


@transaction.atomic
def propose_template(slug: str, terms: Terms, *, by: Caller) -> Template:
    """Write down a change that is done often and ask those who may approve it.

    Raises Forbidden("may_propose_template"), Forbidden("token_limits"), Conflict("slug_taken"), and what `put_down`
    raises.
    """
    _judge(terms)
    _require_a_hand_in(terms.services, by)
    require_reach(by, services=terms.services, environments=[terms.environment])
    if Template.objects.filter(slug=slug).exists():
        raise Conflict("slug_taken", f"There is a template “{slug}” already. Choose another address.", field="slug")
    return put_down(None, terms, slug=slug, author=by.user_id, actor=by.actor)


@transaction.atomic
def change_template(slug: str, terms: Terms, *, by: Caller, seen: str = "") -> Template:
    """Change what a template says, or propose it again as it is; what was approved before counts no longer.

    Only a new name needs no approval. `seen` is the edition of what the writer read, if they say it. Raises
    Forbidden("may_propose_template"), Conflict("stale_edit") and what `put_down` raises.
    """
    standing = queries.standing_of(slug, lock=True)
    _judge(terms)
    present = terms_of(standing.template)
    for scope in (present, terms):
        _require_a_hand_in(scope.services, by)
        require_reach(by, services=scope.services, environments=[scope.environment])
    require(edit_policy.stale_edit(seen=seen, present=present.edition), Conflict)
    is_same, state = terms.digest == standing.template.digest == present.digest, standing.template.state
    is_over = (
        policy.template_approvable(
            state=state, approved_until=standing.template.approved_until, now=standing.now
        ).outcome
        == policy.ALLOWED
        and state == State.APPROVED
    )
    if is_same and state in {State.PROPOSED, State.APPROVED} and not is_over:
        return rename(standing, terms.name, actor=by.actor)
    return put_down(standing, terms, slug=slug, author=by.user_id, actor=by.actor)


@transaction.atomic
def approve_template(slug: str, *, seen: str, by: Caller, note: str = "") -> Template:
    """Approve what the template says; the second approval makes it usable. `seen` is its digest as it was shown.

    Raises Conflict("template_approvable"), Forbidden("four_eyes"), Forbidden("approver_role"),
    Forbidden("role_held_before"), Conflict("already_approved"), and Conflict("stale_approval") when it changed since.
    """
    standing = queries.standing_of(slug, lock=True)
    _require_reach_of(standing.template, by)
    require(policy.template_as_seen(seen=seen, present=terms_of(standing.template).digest), Conflict)
    return give_approval(standing, approver=by.user_id, actor=by.actor, note=note)


@transaction.atomic
def retire_template(slug: str, *, reason: str, by: Caller) -> Template:
    """End the use of a template for good, or until somebody proposes it again.

    Raises Forbidden("may_propose_template"), Unprocessable("reason_required"), Conflict("transition_illegal").
    """
    standing = queries.standing_of(slug, lock=True)
    template, now = standing.template, standing.now
    _require_a_hand_in(terms_of(template).services, by)
    _require_reach_of(template, by)
    if not reason.strip():
        raise Unprocessable("reason_required", "Say why it is not wanted any more.", field="reason")
    move(template, State.RETIRED, moves=MOVES, approved_until=None, updated_at=now)
    call_off(messages.approval_topic(template.ref))
    record(template.ref, Happening("retired", by.actor, now, {"reason": reason.strip()}), at=now)
    return template


def _require_reach_of(template: Template, by: Caller) -> None:
    terms = terms_of(template)
    require_reach(by, services=terms.services, environments=[terms.environment])


def _require_a_hand_in(services: Sequence[str], by: Caller) -> None:
    owns = queries.owns_a_service(by.user_id, services)
    require(policy.may_propose_template(owns_a_service=owns, is_admin=by.is_admin), Forbidden)


# --- By what happens -------------------------------------------------------------------------------------------------


@transaction.atomic
def demote_template(template: Template, *, because: str, at: datetime) -> None:
    """Stop the use of a template because a change that was made from it failed; `because` is a sentence that says so.

    A template that is demoted or retired already stays so, and the failure is recorded all the same.
    """
    locked = queries.standing_of(template.slug, lock=True).template
    facts: dict[str, object] = {"because": because, "digest": locked.digest}
    if locked.state in {State.DEMOTED, State.RETIRED}:
        record(locked.ref, Happening("failed_again", SYSTEM, at, facts, "template_demoted"), at=at)
        return
    people = {(locked.author_id, locked.author.email)}
    people |= {(one.approver_id, one.approver.email) for one in queries.standing_approvals(locked)}
    move(locked, State.DEMOTED, moves=MOVES, approved_until=None, updated_at=at)
    _void_approvals(locked, at=at)
    call_off(messages.approval_topic(locked.ref))
    record(locked.ref, Happening("demoted", SYSTEM, at, facts, "template_demoted"), at=at)
    letters = [
        messages.template_demoted(locked.ref, locked.slug, to=to, at=at, because=because) for to in sorted(people)
    ]
    tell_all(letters, at=at)


@transaction.atomic
def tell_of_expiry(pk: int, *, now: datetime) -> None:
    """Tell the author, or the leads if the author is gone, that the approval ends soon. Twice is as good as once."""
    template = queries.templates().get(pk=pk)
    until = template.approved_until
    decision = policy.template_expiry_told(approved_until=until, now=now)
    if decision.outcome != "tell" or until is None or template.state != State.APPROVED:
        return
    standing = Standing(template, now)
    leads = [(hand.user_id, hand.email) for hand in standing.circle.hands if hand.is_lead]
    author = (template.author_id, template.author.email)
    who_can = standing.decision.because
    letters = [
        messages.template_expiring(template.ref, template.slug, to=to, until=until, who_can=who_can)
        for to in ([author] if template.author.is_active else sorted(set(leads)))
    ]
    tell_all(letters, at=now)


# --- The two steps ---------------------------------------------------------------------------------------------------


@transaction.atomic
def put_down(present: Standing | None, terms: Terms, *, slug: str, author: int, actor: str) -> Template:
    """Write the terms down in the name of the user `author`; what was approved before must be approved anew.

    `present` is the locked template, None for a new one. Raises InvalidFields and Unprocessable for terms that are
    none, and Conflict("quorum_unsatisfiable") with names if too few people could approve them.
    """
    environment, services = _judge(terms)
    now = timezone.now()
    columns = {name: getattr(terms, name) for name in COLUMNS} | {"risk_answers": terms.content["risk_answers"]}
    columns |= {"environment": environment, "author_id": author, "digest": terms.digest, "approved_until": None}
    columns |= {"name": terms.name or terms.title[:120], "updated_at": now}
    said: dict[str, object] = {"author": author, "digest": terms.digest, "content": terms.content}
    if present is None:
        template, verb = _insert(slug, columns, now=now), "proposed"
    else:
        template, verb = present.template, "changed"
        said["changed"] = [one.name for one in differences(terms_of(template).content, terms.content, labels=LABELS)]
        _void_approvals(template, at=now)
        if template.state == State.PROPOSED:
            amend(template, **columns)
        else:
            move(template, State.PROPOSED, moves=MOVES, **columns)
    template.services.set(services)
    record(template.ref, Happening(verb, actor, now, said), at=now)
    return _ask_for_approval(slug)


@transaction.atomic
def rename(standing: Standing, name: str, *, actor: str) -> Template:
    """Give a locked template another name, which nobody needs to approve."""
    template, now = standing.template, standing.now
    if name and amend(template, name=name):
        amend(template, updated_at=now)
        record(template.ref, Happening("renamed", actor, now, {"name": name}), at=now)
    return template


def _insert(slug: str, columns: dict[str, object], *, now: datetime) -> Template:
    template = Template(slug=slug, created_at=now, **columns)
    try:
        with transaction.atomic():
            template.save(force_insert=True)
    except IntegrityError as error:
        because = f"There is a template “{slug}” already. Choose another address."
        raise Conflict("slug_taken", because, field="slug") from error
    return template


def _ask_for_approval(slug: str) -> Template:
    standing = queries.standing_of(slug)
    template, now = standing.template, standing.now
    require(quorum_satisfiable(standing.circle), Conflict)
    call_off(messages.approval_topic(template.ref))
    facts = [
        template.title,
        f"Services: {', '.join(terms_of(template).services)} in {template.environment.slug}",
        f"Written by {template.author}",
    ]
    people = [(judge.user_id, judge.email) for judge in standing.judges]
    wanted = messages.template_approval_wanted
    tell_all([wanted(template.ref, template.slug, to=to, at=now, facts=facts) for to in people], at=now)
    return template


def _void_approvals(template: Template, *, at: datetime) -> None:
    template.approvals.filter(voided_at__isnull=True).update(voided_at=at)


@transaction.atomic
def give_approval(standing: Standing, *, approver: int, actor: str, note: str = "") -> Template:
    """Approve a locked template in the name of the user `approver`. Raises what `approve_template` raises."""
    template, now = standing.template, standing.now
    decision = standing.may_approve(approver)
    require(decision, Conflict if decision.rule == "template_approvable" else Forbidden)
    if any(one.approver_id == approver for one in standing.approvals):
        raise Conflict("already_approved", "You have approved it already. Somebody else is asked now.")
    # An approval of the time that is ending gives way to the one for the next.
    template.approvals.filter(approver=approver, voided_at__isnull=True).update(voided_at=now)
    TemplateApproval(
        template=template,
        approver_id=approver,
        author_id=template.author_id,
        digest=template.digest,
        note=note,
        at=now,
    ).save(force_insert=True)
    return _settle(template.slug, approver=approver, actor=actor, note=note)


def _settle(slug: str, *, approver: int, actor: str, note: str) -> Template:
    standing = queries.standing_of(slug)
    template, now, decision = standing.template, standing.now, standing.decision
    said: dict[str, object] = {"approver": approver, "digest": template.digest, "note": note}
    if decision.outcome == policy.APPROVED:
        until = now + policy.VALID_FOR
        said |= {"until": until.isoformat(timespec="seconds"), "because": decision.because}
        if template.state == State.APPROVED:
            amend(template, approved_until=until, updated_at=now)
        else:
            move(template, State.APPROVED, moves=MOVES, approved_until=until, updated_at=now)
        call_off(messages.approval_topic(template.ref))
        words = f"{decision.because} It is good until {until:%d %B %Y}."
        to = (template.author_id, template.author.email)
        tell(messages.template_approved(template.ref, template.slug, to=to, at=now, words=words), at=now)
    record(template.ref, Happening("approved", actor, now, said, decision.rule), at=now)
    return template


def _judge(terms: Terms) -> tuple[Environment, list[Service]]:
    """The things that the terms name; raises InvalidFields for everything that is wrong with them."""
    errors = [(name, "required", sentence) for name, sentence in policy.template_complete(terms.content)]
    faults = {name: line_fault(getattr(terms, name)) for name in ("name", "title")}
    errors += [(name, "one_line", fault) for name, fault in faults.items() if fault]
    if not terms.title.strip():
        errors.append(("title", "blank", "Say in a few words what is changed."))
    unknown = sorted(set(terms.risk_answers) - set(RISK_QUESTIONS))
    if unknown:
        because = f"“{unknown[0][:40]}” is no risk question. They are {', '.join(RISK_QUESTIONS)}."
        errors.append(("risk_answers", "unknown_question", because))
    services = list(Service.objects.filter(slug__in=list(terms.services)))
    missing = sorted(set(terms.services) - {service.slug for service in services})
    if missing:
        errors.append(("services", "unknown_service", f"There is no service “{missing[0][:64]}”."))
    elif not services:
        errors.append(("services", "service_needed", "Name at least one service that it touches."))
    environment = Environment.objects.filter(slug=terms.environment).first()
    if environment is None:
        because = f"There is no environment “{terms.environment[:64]}”."
        errors.append(("environment", "unknown_environment", because))
    if errors or environment is None:
        raise InvalidFields(errors)
    return environment, services
