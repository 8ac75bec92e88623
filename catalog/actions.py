"""Every write to services and environments. `by` is who asks; None is the operator of this installation."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.actions import actor_id, require_admin
from accounts.models import Team, User
from catalog.models import Environment, Service
from workflow.amendments import amend
from workflow.errors import Conflict, Unprocessable
from workflow.ledger import Happening, record


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """What a new service is; `tier` from 0 (everything falls with it) to 3."""

    slug: str
    name: str
    team: Team
    tier: int = Service.Tier.ORDINARY
    description: str = ""
    is_public: bool = False


@transaction.atomic
def add_environment(slug: str, *, name: str, is_production: bool, by: User | None) -> Environment:
    """Make an environment. Raises Forbidden("may_administer") and Conflict("slug_taken")."""
    require_admin(by)
    try:
        with transaction.atomic():
            environment = Environment.objects.create(slug=slug, name=name, is_production=is_production)
    except IntegrityError as error:
        raise Conflict("slug_taken", f"There is an environment named “{slug}” already.", field="slug") from error
    _note(environment, "created", {"slug": slug, "is_production": is_production}, by=by)
    return environment


@transaction.atomic
def change_environment(environment: Environment, *, by: User | None, **columns: str | bool) -> dict[str, list[object]]:
    """Change `name` or `is_production`; return {column: [before, after]}. Raises Forbidden("may_administer")."""
    require_admin(by)
    changed = amend(environment, **columns)
    if changed:
        _note(environment, "changed", dict(changed), by=by)
    return changed


@transaction.atomic
def add_service(facts: ServiceFacts, *, depends_on: Iterable[Service] = (), by: User | None) -> Service:
    """Make a service that needs the others. Raises Forbidden("may_administer") and Conflict("slug_taken")."""
    require_admin(by)
    service = Service(
        slug=facts.slug,
        name=facts.name,
        team=facts.team,
        tier=facts.tier,
        description=facts.description,
        is_public=facts.is_public,
    )
    try:
        with transaction.atomic():
            service.save(force_insert=True)
    except IntegrityError as error:
        raise Conflict("slug_taken", f"There is a service named “{facts.slug}” already.", field="slug") from error
    _note(service, "created", {"slug": facts.slug, "tier": facts.tier, "team": facts.team.slug}, by=by)
    set_dependencies(service, depends_on, by=by)
    return service


@transaction.atomic
def change_service(service: Service, *, by: User | None, **columns: Any) -> dict[str, list[Any]]:
    """Change `name`, `description`, `team`, `tier` or `is_public`; return {column: [before, after]}.

    `depends_on` among the columns is what it needs, all of it. Raises as `set_dependencies` does.
    """
    require_admin(by)
    needed = columns.pop("depends_on", None)
    if needed is not None:
        set_dependencies(service, needed, by=by)
    changed = amend(service, **columns)
    if changed:
        _note(service, "changed", {name: [_plain(value) for value in pair] for name, pair in changed.items()}, by=by)
    return changed


@transaction.atomic
def set_dependencies(service: Service, needed: Iterable[Service], *, by: User | None) -> None:
    """Say which services this one needs, all of them. Circles are allowed, as real services have them.

    Raises Forbidden("may_administer") and Unprocessable("depends_on_itself").
    """
    require_admin(by)
    after = {other.pk: other.slug for other in needed}
    if service.pk in after:
        raise Unprocessable("depends_on_itself", "A service cannot depend on itself.", field="depends_on")
    before = dict(service.depends_on.values_list("pk", "slug"))
    if before.keys() == after.keys():
        return
    service.depends_on.set(after)
    facts: dict[str, object] = {"depends_on": [sorted(before.values()), sorted(after.values())]}
    _note(service, "changed", facts, by=by)


def _plain(value: object) -> object:
    return value.slug if isinstance(value, Team) else value


def _note(row: Service | Environment, verb: str, facts: dict[str, object], *, by: User | None) -> None:
    now = timezone.now()
    record(row.ref, Happening(verb, actor_id(by), now, facts), at=now)
