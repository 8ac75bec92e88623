"""Pipelines in an organisation file: registered by one person and confirmed by another, as on the page."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from django.utils import timezone

from accounts.organisation import Email, person
from catalog.models import Environment, Service
from catalog.organisation import title
from changes import policy
from changes.pipelines.models import Pipeline
from workflow.amendments import amend
from workflow.errors import Forbidden
from workflow.ledger import SYSTEM, Happening, record
from workflow.manifest import Complaint, Line, Section, Shape, Slug, Step, difference
from workflow.transitions import move

_MOVES: dict[str, frozenset[str]] = {
    Pipeline.State.UNREGISTERED: frozenset({Pipeline.State.PROPOSED}),
    Pipeline.State.PROPOSED: frozenset({Pipeline.State.TRUSTED}),
    Pipeline.State.TRUSTED: frozenset({Pipeline.State.PROPOSED}),
    Pipeline.State.SUSPENDED: frozenset(),
}
"""What a file may do to a pipeline's trust: never end a suspension."""


class PipelineEntry(Shape):
    """An automation that deploys. It is trusted once `confirmed_by`, somebody else than `registered_by`, is named."""

    slug: Slug
    name: Line = ""
    services: list[Slug]
    environments: list[Slug]
    requires: list[str]
    registered_by: Email
    confirmed_by: Email | None = None


def _check_pipeline(entry: PipelineEntry) -> Iterator[Complaint]:
    decision = policy.known_checks(entry.requires)
    if decision.outcome == "refused":
        yield Complaint("requires", decision.rule, decision.because)
    if entry.confirmed_by and entry.confirmed_by.lower() == entry.registered_by.lower():
        because = f"{entry.registered_by} registered it, so somebody else must confirm it."
        yield Complaint("confirmed_by", "four_eyes", because)


def _plan_pipelines(entries: Sequence[PipelineEntry]) -> Iterator[Step]:
    rows = Pipeline.objects.prefetch_related("services", "environments").select_related("registered_by", "confirmed_by")
    present = {pipeline.slug: pipeline for pipeline in rows}
    for entry in entries:
        pipeline = present.get(entry.slug)
        if pipeline is None or pipeline.state == Pipeline.State.UNREGISTERED:
            yield Step(f"+ pipeline {entry.slug}, registered by {entry.registered_by}", partial(_register, entry))
            is_waiting = True
        elif changed := difference(_as_written(pipeline), _wanted(entry)):
            yield Step(f"~ pipeline {entry.slug}: {changed}", partial(_register, entry))
            is_waiting = pipeline.state != Pipeline.State.SUSPENDED
        else:
            is_waiting = pipeline.state == Pipeline.State.PROPOSED
        if is_waiting and entry.confirmed_by:
            yield Step(f"~ pipeline {entry.slug}: confirmed by {entry.confirmed_by}", partial(_confirm, entry))


def _as_written(pipeline: Pipeline) -> dict[str, Any]:
    return {
        "name": pipeline.name,
        "services": {service.slug for service in pipeline.services.all()},
        "environments": {environment.slug for environment in pipeline.environments.all()},
        "requires": set(pipeline.requires),
    }


def _wanted(entry: PipelineEntry) -> dict[str, Any]:
    wanted = entry.given("name", "services", "environments", "requires")
    return {name: set(value) if isinstance(value, list) else value for name, value in wanted.items()}


def _register(entry: PipelineEntry) -> None:
    """Put down what the pipeline must prove; what it had been trusted with before has to be confirmed anew."""
    pipeline, _ = Pipeline.objects.get_or_create(slug=entry.slug)
    now = timezone.now()
    facts = {"name": entry.name or title(entry.slug), "requires": entry.requires, "updated_at": now}
    whose = {"registered_by": person(entry.registered_by), "confirmed_by": None, "confirmed_at": None}
    if pipeline.state in {Pipeline.State.UNREGISTERED, Pipeline.State.TRUSTED}:
        move(pipeline, Pipeline.State.PROPOSED, moves=_MOVES, **facts, **whose)
    else:
        amend(pipeline, **facts)
    pipeline.services.set(Service.objects.filter(slug__in=entry.services))
    pipeline.environments.set(Environment.objects.filter(slug__in=entry.environments))
    said: dict[str, object] = {
        "requires": entry.requires,
        "services": sorted(entry.services),
        "environments": sorted(entry.environments),
        "registered_by": person(entry.registered_by).actor,
    }
    record(pipeline.ref, Happening("registered", SYSTEM, now, said), at=now)


def _confirm(entry: PipelineEntry) -> None:
    pipeline = Pipeline.objects.get(slug=entry.slug)
    second = person(entry.confirmed_by or "")
    decision = policy.pipeline_confirmed_by_another(registered_by=pipeline.registered_by_id, confirmer=second.pk)
    if decision.outcome == "refused":
        raise Forbidden(decision.rule, f"{second.email} registered {entry.slug}, so somebody else must confirm it.")
    now = timezone.now()
    move(pipeline, Pipeline.State.TRUSTED, moves=_MOVES, confirmed_by=second, confirmed_at=now, updated_at=now)
    said: dict[str, object] = {"confirmed_by": second.actor}
    record(pipeline.ref, Happening("confirmed", SYSTEM, now, said, decision.rule), at=now)


def _known_pipelines() -> set[str]:
    return set(Pipeline.objects.values_list("slug", flat=True))


PIPELINES = Section(
    "pipelines",
    "pipeline",
    PipelineEntry,
    "slug",
    _known_pipelines,
    _plan_pipelines,
    _check_pipeline,
    {
        "services": "services",
        "environments": "environments",
        "registered_by": "people",
        "confirmed_by": "people",
    },
)
