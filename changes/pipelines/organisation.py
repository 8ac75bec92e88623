"""Pipelines in an organisation file: registered by one person and confirmed by another, as on the page."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from accounts.organisation import Email, person
from catalog.organisation import title
from changes import policy
from changes.pipelines import registration
from changes.pipelines.models import Pipeline
from changes.pipelines.policy import REFUSED, slug_is_free
from changes.pipelines.registration import Terms
from workflow.errors import Forbidden
from workflow.ledger import SYSTEM
from workflow.manifest import Complaint, Line, Section, Shape, Slug, Step, difference


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
    free = slug_is_free(entry.slug)
    if free.outcome == REFUSED:
        yield Complaint("slug", free.rule, free.because)
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
    """Put down what the pipeline must prove; what it had been trusted with before has to be confirmed anew.

    A file never ends a suspension: for that, two people must act.
    """
    pipeline, _ = Pipeline.objects.get_or_create(slug=entry.slug)
    terms = Terms(
        name=entry.name or pipeline.name or title(entry.slug),
        services=entry.services,
        environments=entry.environments,
        requires=entry.requires,
        token=pipeline.token,
    )
    registration.propose(pipeline, terms, proposer=person(entry.registered_by).pk, actor=SYSTEM, reinstates=False)


def _confirm(entry: PipelineEntry) -> None:
    second = person(entry.confirmed_by or "")
    try:
        registration.accept(Pipeline.objects.get(slug=entry.slug), confirmer=second.pk, actor=SYSTEM)
    except Forbidden as refusal:
        message = f"{second.email} registered {entry.slug}, so somebody else must confirm it."
        raise Forbidden(refusal.code, message) from refusal


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
