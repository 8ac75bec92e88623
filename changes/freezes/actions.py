"""Every write about freezes, the leave to change something in one, and holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.callers import Caller
from accounts.contacts.actions import call_off, tell_all
from accounts.models import Team, User
from accounts.zones import known_zones
from catalog.models import Environment, Service
from changes.freezes import messages, policy, queries, recurrence
from changes.freezes.content import Declared, changes_between, declared_of
from changes.freezes.models import Freeze, FreezeOverride, Hold
from changes.freezes.queries import Scope
from changes.mailboxes import mailbox
from workflow.amendments import amend
from workflow.decisions import require
from workflow.errors import Conflict, Forbidden, Missing, Unprocessable
from workflow.ledger import SYSTEM, Happening, record
from workflow.lines import brief, line_fault

MOST_ASKED = 10
"""How many people are asked at most to confirm an override."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What an override shall allow: changing these services (slugs; none means all covered) until `expires_at`."""

    reason: str
    expires_at: datetime
    services: Sequence[str] = ()


# --- Freezes ---------------------------------------------------------------------------------------------------------


@transaction.atomic
def declare_freeze(declared: Declared, *, by: Caller) -> Freeze:
    """Declare a freeze; it counts at once.

    Raises Unprocessable for terms that are none, Forbidden("may_decide_on_freeze"), Forbidden("token_limits").
    """
    judge(declared)
    scope = scope_named(declared)
    require_reach(scope, by=by)
    require_say(scope, by=by)
    require(
        policy.freeze_lies_ahead(last_end=recurrence.last_end(declared.terms), now=timezone.now()),
        Unprocessable,
        field="end",
    )
    return put_down(declared, scope, actor=by.actor, created_by=by.user_id)


def judge(declared: Declared) -> None:
    """Raise Unprocessable with the field for terms that no freeze may have."""
    if not declared.name.strip():
        raise Unprocessable("required", "A freeze needs a name.", field="name")
    unreadable = line_fault(declared.name.strip())
    if unreadable:
        raise Unprocessable("one_line", unreadable, field="name")
    fault = policy.fault_of(declared.terms, is_known_zone=declared.time_zone in known_zones())
    if fault:
        raise Unprocessable(fault.rule, fault.because, field=fault.field)


def scope_named(declared: Declared) -> Scope:
    """What a declaration names, found; raises Unprocessable for what does not exist."""
    return Scope(
        services=_found(Service, "service", declared.services),
        teams=_found(Team, "team", declared.teams),
        environments=_found(Environment, "environment", declared.environments),
    )


def _found(model: Any, noun: str, slugs: Sequence[str]) -> list[Any]:
    rows = list(model.objects.filter(slug__in=slugs)) if slugs else []
    missing = set(slugs) - {row.slug for row in rows}
    if missing:
        because = f"There is no {noun} “{min(missing)[:64]}”."
        raise Unprocessable(f"unknown_{noun}", because, field=f"{noun}s")
    return rows


@transaction.atomic
def put_down(declared: Declared, scope: Scope, *, actor: str, created_by: int | None = None) -> Freeze:
    """Write a freeze whose terms were judged, in the name of `actor`."""
    now = timezone.now()
    freeze = Freeze(**_columns(declared), created_by_id=created_by, created_at=now, updated_at=now)
    freeze.save(force_insert=True)
    _set_scope(freeze, scope)
    note(freeze, "declared", actor, facts_of(freeze, scope))
    return freeze


@transaction.atomic
def change_freeze(freeze: Freeze, declared: Declared, scope: Scope, *, actor: str) -> Freeze:
    """Give a freeze other terms, which were judged, in the name of `actor`; one that was ended stays ended."""
    before = declared_of(freeze)
    amend(freeze, **_columns(declared, ended_at=freeze.ended_at), updated_at=timezone.now())
    _set_scope(freeze, scope)
    note(freeze, "changed", actor, facts_of(freeze, scope) | {"changed": changes_between(before, declared)})
    return freeze


def _columns(declared: Declared, *, ended_at: datetime | None = None) -> dict[str, Any]:
    terms = declared.terms
    return {
        "name": declared.name.strip(),
        "reason": declared.reason,
        "is_hard": declared.is_hard,
        "start": terms.start,
        "end": terms.end,
        "rrule": terms.rrule,
        "time_zone": terms.time_zone,
        "last_end": ended_at or recurrence.last_end(terms),
    }


def _set_scope(freeze: Freeze, scope: Scope) -> None:
    freeze.services.set(scope.services)
    freeze.teams.set(scope.teams)
    freeze.environments.set(scope.environments)


@transaction.atomic
def end_freeze(pk: int, *, by: Caller, reason: str = "") -> Freeze:
    """End a freeze now, with all times that were still to come.

    Raises Missing, Conflict("freeze_is_running"), Forbidden("may_decide_on_freeze"), Forbidden("token_limits").
    """
    freeze, now = locked_freeze(pk), timezone.now()
    scope = queries.scope_of(freeze)
    require_reach(scope, by=by)
    require_say(scope, by=by)
    require_running(freeze, now=now)
    amend(freeze, ended_at=now, last_end=now, updated_at=now)
    note(freeze, "ended", by.actor, {"reason": reason})
    return freeze


def locked_freeze(pk: int) -> Freeze:
    """The freeze, locked until the end of the transaction; raises Missing."""
    # Of two people who decide at once, the second one sees what the first one made of it.
    freeze = Freeze.objects.select_for_update().filter(pk=pk).first()
    if freeze is None:
        raise Missing("not_found", f"There is no freeze {pk}.")
    return freeze


def require_reach(scope: Scope, *, by: Caller) -> None:
    """Refuse a token that is limited to less than the scope."""
    services = [service.slug for service in scope.services]
    environments = [environment.slug for environment in scope.environments]
    is_open = bool(by.services and (scope.is_wide or scope.teams)) or bool(by.environments and not environments)
    is_inside = set(services) <= set(by.services or services) and set(environments) <= set(
        by.environments or environments
    )
    if is_open or not is_inside:
        raise Forbidden("token_limits", "This token may not decide about all that this freeze covers.")


def require_say(scope: Scope, *, by: Caller, is_wide: bool = False) -> None:
    """Raise Forbidden("may_decide_on_freeze") unless the caller leads a team that it covers, or administers."""
    standing = queries.standing_in(scope, user_id=by.user_id, is_admin=by.is_admin)
    decision = policy.may_decide_on_freeze(standing, is_wide=is_wide or scope.is_wide)
    require(decision)


def require_running(freeze: Freeze, *, now: datetime) -> None:
    """Raise Conflict("freeze_is_running") for one that is over."""
    decision = policy.freeze_is_running(ended_at=freeze.ended_at, last_end=freeze.last_end, now=now)
    require(decision, Conflict)


def note(freeze: Freeze, verb: str, actor: str, facts: dict[str, object], rule: str = "") -> None:
    """Put down in the ledger what was done with it."""
    now = timezone.now()
    record(freeze.ref, Happening(verb, actor, now, facts, rule), at=now)


def facts_of(freeze: Freeze, scope: Scope) -> dict[str, object]:
    """What the ledger keeps about a freeze."""
    return {
        "name": freeze.name,
        "hard": freeze.is_hard,
        "start": _moment(freeze.start),
        "end": _moment(freeze.end),
        "rrule": freeze.rrule,
        "time_zone": freeze.time_zone,
        "services": sorted(service.slug for service in scope.services),
        "teams": sorted(team.slug for team in scope.teams),
        "environments": sorted(environment.slug for environment in scope.environments),
    }


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()


# --- Overrides -------------------------------------------------------------------------------------------------------


@transaction.atomic
def ask_override(pk: int, wish: Wish, *, by: Caller) -> FreezeOverride:
    """Ask for leave to change something in a hard freeze; it counts once a second person confirmed it.

    Raises Missing, Unprocessable for a reason, services or an end that will not do, Conflict("freeze_is_running"),
    Conflict("nothing_to_override"), Conflict("quorum_unsatisfiable"), Forbidden("may_decide_on_freeze").
    """
    freeze, now = locked_freeze(pk), timezone.now()
    services, scope = _wished_services(freeze, wish)
    require_reach(scope, by=by)
    require_say(scope, by=by, is_wide=queries.scope_of(freeze).is_wide)
    require_running(freeze, now=now)
    needless = policy.nothing_to_override(is_hard=freeze.is_hard)
    require(needless, Conflict)
    if not wish.reason.strip():
        raise Unprocessable("required", "Say why it cannot wait until the freeze is over.", field="reason")
    begins = queries.begins_at(freeze, now=now)
    short = policy.override_is_short(expires_at=wish.expires_at, now=now, begins=begins)
    require(short, Unprocessable, field="expires_at")
    confirmers = _confirmers(freeze, scope, asker=by.user_id)
    enough = policy.override_can_be_confirmed(others=len(confirmers))
    require(enough, Conflict)
    override = FreezeOverride(
        freeze=freeze,
        reason=wish.reason.strip(),
        requested_by_id=by.user_id,
        expires_at=wish.expires_at.replace(microsecond=0),
        created_at=now,
    )
    override.save(force_insert=True)
    override.services.set(services)
    note(freeze, "override_asked", by.actor, override_facts(override, services))
    told = told_of(override, freeze, services)
    asked = [messages.override_wanted(told, to=(person.pk, person.email)) for person in confirmers[:MOST_ASKED]]
    tell_all(asked, at=now)
    return override


def _wished_services(freeze: Freeze, wish: Wish) -> tuple[list[Service], Scope]:
    """The services that are wished for, and the scope whose leads have a say."""
    whole = queries.scope_of(freeze)
    services = _found(Service, "service", wish.services)
    covered = queries.covered_services(freeze, {service.pk: service.team_id for service in services})
    outside = [service.slug for service in services if service.pk not in covered]
    if outside:
        because = f"The freeze does not cover {outside[0]}, so that needs no override."
        raise Unprocessable("not_covered", because, field="services")
    return services, Scope(services, environments=whole.environments) if services else whole


def _confirmers(freeze: Freeze, scope: Scope, *, asker: int) -> list[Any]:
    whole = queries.scope_of(freeze)
    found = queries.who_decide(whole if whole.is_wide else scope)
    boxes = {mailbox(person.email) for person in found if person.pk == asker}
    return [person for person in found if mailbox(person.email) not in boxes]


@transaction.atomic
def confirm_override(pk: int, override_id: int, *, by: Caller) -> FreezeOverride:
    """Give the leave that somebody else asked for, and tell the leads of the affected teams.

    Raises Missing, Conflict("override_is_open"), Conflict("freeze_is_running"), Forbidden("four_eyes"),
    Forbidden("may_decide_on_freeze"), Forbidden("token_limits").
    """
    freeze, now = locked_freeze(pk), timezone.now()
    override = freeze.overrides.select_related("requested_by").filter(pk=override_id).first()
    if override is None:
        raise Missing("not_found", f"{freeze.ref} has no override {override_id}.")
    services = list(override.services.all())
    whole = queries.scope_of(freeze)
    scope = Scope(services, environments=whole.environments) if services else whole
    require_reach(scope, by=by)
    require_say(scope, by=by, is_wide=whole.is_wide)
    require_running(freeze, now=now)
    is_open = policy.override_is_open(
        is_confirmed=override.confirmed_at is not None,
        expires_at=override.expires_at,
        now=now,
        is_revoked=override.revoked_at is not None,
    )
    require(is_open, Conflict)
    box = mailbox(User.objects.get(pk=by.user_id).email)
    another = policy.override_confirmed_by_another(requested_by=mailbox(override.requested_by.email), confirmer=box)
    require(another)
    amend(override, confirmed_by_id=by.user_id, confirmed_at=now)
    facts = override_facts(override, services) | {"confirmed_by": f"user:{by.user_id}"}
    note(freeze, "override_confirmed", by.actor, facts, another.rule)
    _announce(override, freeze, services, now=now)
    return override


def _announce(override: FreezeOverride, freeze: Freeze, services: list[Service], *, now: datetime) -> None:
    call_off(messages.override_topic(override.pk))
    told = told_of(override, freeze, services)
    leads = queries.affected_leads(freeze, services)
    tell_all([messages.override_announced(told, to=(lead.pk, lead.email)) for lead in leads], at=now)


def told_of(override: FreezeOverride, freeze: Freeze, services: list[Service]) -> messages.OverrideFacts:
    """An override as messages tell it."""
    return messages.OverrideFacts(
        id=override.pk,
        freeze_id=freeze.pk,
        freeze=brief(freeze.name),
        services=", ".join(service.slug for service in services) or "everything that it covers",
        reason=brief(override.reason),
        who=str(override.requested_by),
        expires_at=override.expires_at.astimezone(UTC),
        confirmed_by=str(override.confirmed_by or ""),
    )


def override_facts(override: FreezeOverride, services: list[Service]) -> dict[str, object]:
    """What the ledger keeps about an override."""
    return {
        "override": override.pk,
        "reason": override.reason,
        "services": sorted(service.slug for service in services),
        "expires_at": _moment(override.expires_at),
        "requested_by": f"user:{override.requested_by_id}",
    }


# --- Holds -----------------------------------------------------------------------------------------------------------


@transaction.atomic
def hold_service(service: Service, *, source: str, reason: str, at: datetime) -> Hold:
    """Let nothing be deployed to a service while `source` (`INC-3`) lasts; a second time it is the same hold."""
    hold, is_new = Hold.objects.get_or_create(
        service=service, source=source, released_at=None, defaults={"reason": reason[:300], "opened_at": at}
    )
    if is_new:
        facts: dict[str, object] = {"source": source, "reason": hold.reason}
        record(service.ref, Happening("held", SYSTEM, at, facts, "hold_open"), at=timezone.now())
    return hold


@transaction.atomic
def release_holds(source: str, *, at: datetime, services: Sequence[Service] | None = None) -> int:
    """Release what `source` holds, of all services or of these; return how many there were."""
    rows = Hold.objects.select_for_update().filter(source=source, released_at__isnull=True)
    if services is not None:
        rows = rows.filter(service__in=services)
    for hold in list(rows):
        amend(hold, released_at=at)
        facts: dict[str, object] = {"source": source}
        record(f"SERVICE-{hold.service_id}", Happening("released", SYSTEM, at, facts), at=timezone.now())
    return len(rows)
