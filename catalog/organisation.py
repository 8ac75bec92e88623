"""Environments and services in an organisation file."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Annotated, Any

from pydantic import Field

from accounts.models import Team
from catalog import actions
from catalog.actions import ServiceFacts
from catalog.models import Environment, Service
from workflow.manifest import Complaint, Line, Section, Shape, Slug, Step, Text, difference


class EnvironmentEntry(Shape):
    """Where services run."""

    slug: Slug
    name: Line = ""
    production: bool = False


class ServiceEntry(Shape):
    """Something that is deployed. `depends_on`, when stated, is the whole list; circles are allowed."""

    slug: Slug
    name: Line = ""
    team: Slug
    tier: Annotated[int, Field(ge=0, le=3)] = Service.Tier.ORDINARY.value
    public: bool = False
    description: Text = ""
    depends_on: list[Slug] = Field(default_factory=list)


def title(slug: str) -> str:
    """A name for what has only a slug: `edge-gateway` is Edge gateway."""
    return slug.replace("-", " ").replace("_", " ").strip().capitalize() or slug


# --- Environments ---------------------------------------------------------------------------------------------------


def _plan_environments(entries: Sequence[EnvironmentEntry]) -> Iterator[Step]:
    present = {environment.slug: environment for environment in Environment.objects.all()}
    for entry in entries:
        environment = present.get(entry.slug)
        if environment is None:
            name = entry.name or title(entry.slug)
            create = partial(actions.add_environment, entry.slug, name=name, is_production=entry.production, by=None)
            yield Step(f"+ environment {entry.slug}", create)
            continue
        wanted = entry.given("name", "production")
        before = {"name": environment.name, "production": environment.is_production}
        if changed := difference(before, wanted):
            columns = _columns(wanted)
            change = partial(actions.change_environment, environment, by=None, **columns)
            yield Step(f"~ environment {entry.slug}: {changed}", change)


def _known_environments() -> set[str]:
    return set(Environment.objects.values_list("slug", flat=True))


# --- Services -------------------------------------------------------------------------------------------------------


def _check_service(entry: ServiceEntry) -> Iterator[Complaint]:
    if entry.slug in entry.depends_on:
        yield Complaint("depends_on", "depends_on_itself", "A service cannot depend on itself.")


def _plan_services(entries: Sequence[ServiceEntry]) -> Iterator[Step]:
    """All services first, then what they need, so that the file may name them in any order."""
    rows = Service.objects.select_related("team").prefetch_related("depends_on")
    present = {service.slug: service for service in rows}
    for entry in entries:
        service = present.get(entry.slug)
        if service is None:
            yield Step(f"+ service {entry.slug}", partial(_add_service, entry))
            continue
        wanted = entry.given("name", "team", "tier", "public", "description")
        if changed := difference(_as_written(service), wanted):
            yield Step(f"~ service {entry.slug}: {changed}", partial(_change_service, service, wanted))
    for entry in entries:
        yield from _plan_dependencies(entry, present.get(entry.slug))


def _as_written(service: Service) -> dict[str, Any]:
    return {
        "name": service.name,
        "team": service.team.slug,
        "tier": service.tier,
        "public": service.is_public,
        "description": service.description,
    }


def _add_service(entry: ServiceEntry) -> None:
    facts = ServiceFacts(
        slug=entry.slug,
        name=entry.name or title(entry.slug),
        team=Team.objects.get(slug=entry.team),
        tier=entry.tier,
        description=entry.description,
        is_public=entry.public,
    )
    actions.add_service(facts, by=None)


def _change_service(service: Service, wanted: dict[str, Any]) -> None:
    columns = _columns(wanted)
    if "team" in columns:
        columns["team"] = Team.objects.get(slug=columns["team"])
    actions.change_service(service, by=None, **columns)


def _plan_dependencies(entry: ServiceEntry, service: Service | None) -> Iterator[Step]:
    before = {other.slug for other in service.depends_on.all()} if service else set()
    wanted = entry.given("depends_on")
    changed = difference({"depends_on": before}, {name: set(slugs) for name, slugs in wanted.items()})
    if changed:
        line = f"~ service {entry.slug}: {changed}" if service else f"+ service {entry.slug} depends on {_list(entry)}"
        yield Step(line, partial(_set_dependencies, entry))


def _list(entry: ServiceEntry) -> str:
    return ", ".join(sorted(entry.depends_on))


def _set_dependencies(entry: ServiceEntry) -> None:
    service = Service.objects.get(slug=entry.slug)
    actions.set_dependencies(service, Service.objects.filter(slug__in=entry.depends_on), by=None)


def _known_services() -> set[str]:
    return set(Service.objects.values_list("slug", flat=True))


def _columns(wanted: dict[str, Any]) -> dict[str, Any]:
    named = {"production": "is_production", "public": "is_public"}
    return {named.get(name, name): value for name, value in wanted.items()}


ENVIRONMENTS = Section("environments", "environment", EnvironmentEntry, "slug", _known_environments, _plan_environments)
SERVICES = Section(
    "services",
    "service",
    ServiceEntry,
    "slug",
    _known_services,
    _plan_services,
    _check_service,
    {"team": "teams", "depends_on": "services"},
)
