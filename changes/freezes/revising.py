"""Changing a freeze that was declared, and revoking leave to change something in one."""

from dataclasses import replace
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts.callers import Caller
from accounts.contacts.actions import call_off, tell_all
from changes import edit_policy
from changes.freezes import actions, messages, policy, queries, recurrence
from changes.freezes.content import Declared, declared_of
from changes.freezes.models import Freeze, FreezeOverride
from changes.freezes.queries import Scope
from workflow.amendments import amend
from workflow.decisions import require
from workflow.errors import Conflict, Missing, Unprocessable


@transaction.atomic
def edit_freeze(pk: int, declared: Declared, *, by: Caller, seen: str = "") -> Freeze:
    """Give a freeze other terms; both versions stay in the ledger. `seen` is the edition that the writer read.

    Raises Missing, Conflict("freeze_is_running"), Conflict("stale_edit"), Conflict("freeze_keeps_its_past"),
    Forbidden("may_decide_on_freeze"), Forbidden("token_limits"), and Unprocessable for terms that are none.
    """
    freeze, now = actions.locked_freeze(pk), timezone.now()
    require_editable(freeze, by=by, now=now)
    before = declared_of(freeze)
    require(edit_policy.stale_edit(seen=seen, present=before.edition), Conflict)
    declared = _to_the_second(before, declared)
    actions.judge(declared)
    scope = actions.scope_named(declared)
    actions.require_reach(scope, by=by)
    actions.require_say(scope, by=by)
    past = policy.freeze_keeps_its_past(before.terms, declared.terms, now=now)
    require(past, Conflict, field="start")
    ahead = policy.freeze_lies_ahead(last_end=recurrence.last_end(declared.terms), now=now)
    require(ahead, Unprocessable, field="end")
    return actions.change_freeze(freeze, declared, scope, actor=by.actor)


def require_editable(freeze: Freeze, *, by: Caller, now: datetime) -> None:
    """Raise Conflict("freeze_is_running"), Forbidden("may_decide_on_freeze") or Forbidden("token_limits")."""
    scope = queries.scope_of(freeze)
    actions.require_reach(scope, by=by)
    actions.require_say(scope, by=by)
    actions.require_running(freeze, now=now)


def _to_the_second(before: Declared, declared: Declared) -> Declared:
    """A form knows minutes only; what it did not change keeps its seconds."""
    kept = {
        name: getattr(before, name)
        for name in ("start", "end")
        if getattr(declared, name) == getattr(before, name).replace(second=0, microsecond=0)
    }
    return replace(declared, **kept)


@transaction.atomic
def revoke_override(pk: int, override_id: int, *, by: Caller, reason: str = "") -> FreezeOverride:
    """Take leave back, or the question for it; who asked may, and whoever decides about the freeze.

    Raises Missing, Conflict("override_revocable"), Forbidden("may_decide_on_freeze"), Forbidden("token_limits").
    """
    freeze, now = actions.locked_freeze(pk), timezone.now()
    override = freeze.overrides.select_related("requested_by", "confirmed_by").filter(pk=override_id).first()
    if override is None:
        raise Missing("not_found", f"{freeze.ref} has no override {override_id}.")
    services, whole = list(override.services.all()), queries.scope_of(freeze)
    scope = Scope(services, environments=whole.environments) if services else whole
    actions.require_reach(scope, by=by)
    if override.requested_by_id != by.user_id:
        actions.require_say(scope, by=by, is_wide=whole.is_wide)
    revocable = policy.override_revocable(
        is_revoked=override.revoked_at is not None, expires_at=override.expires_at, now=now
    )
    require(revocable, Conflict)
    amend(override, revoked_by_id=by.user_id, revoked_at=now)
    facts = actions.override_facts(override, services) | {"because": reason}
    actions.note(freeze, "override_revoked", by.actor, facts, revocable.rule)
    call_off(messages.override_topic(override.pk))
    if override.confirmed_at:
        told = actions.told_of(override, freeze, services)
        people = {lead.pk: (lead.pk, lead.email) for lead in queries.affected_leads(freeze, services)}
        people[override.requested_by_id] = (override.requested_by_id, override.requested_by.email)
        people.pop(by.user_id, None)
        tell_all([messages.override_revoked(told, to=to, by=by.name) for to in people.values()], at=now)
    return override
