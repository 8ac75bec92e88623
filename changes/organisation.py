"""Freezes in an organisation file."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Annotated, Any

from django.db import transaction
from django.utils import timezone
from pydantic import Field

from accounts.models import Team
from accounts.organisation import Zone
from catalog.models import Environment, Service
from changes.models import Freeze
from workflow.amendments import amend
from workflow.ledger import SYSTEM, Happening, record
from workflow.manifest import Complaint, Line, Moment, Section, Shape, Slug, Step, Text, difference

_SCOPES = ("environments", "services", "teams")


class FreezeEntry(Shape):
    """A time in which changes are not wanted; lists that are empty mean everything."""

    name: Line
    reason: Text = ""
    hard: bool = True
    start: Moment
    end: Moment
    environments: list[Slug] = Field(default_factory=list)
    services: list[Slug] = Field(default_factory=list)
    teams: list[Slug] = Field(default_factory=list)
    rrule: Annotated[str, Field(max_length=500)] | None = None
    time_zone: Zone = ""


def _check_freeze(entry: FreezeEntry) -> Iterator[Complaint]:
    if entry.end <= entry.start:
        yield Complaint("end", "freeze_ends_after_start", "The end must be after the start.")
    if entry.rrule:
        yield Complaint("rrule", "not_supported", "This version cannot repeat a freeze. Write each window as an entry.")


def _plan_freezes(entries: Sequence[FreezeEntry]) -> Iterator[Step]:
    rows = Freeze.objects.prefetch_related(*_SCOPES).order_by("end")
    present = {freeze.name: freeze for freeze in rows}
    for entry in entries:
        freeze = present.get(entry.name)
        if freeze is None:
            yield Step(f"+ freeze {entry.name}", partial(_add_freeze, entry))
            continue
        wanted = entry.given("reason", "hard", "start", "end", *_SCOPES)
        wanted = {name: set(value) if name in _SCOPES else value for name, value in wanted.items()}
        if changed := difference(_as_written(freeze), wanted):
            yield Step(f"~ freeze {entry.name}: {changed}", partial(_change_freeze, freeze, wanted))


def _as_written(freeze: Freeze) -> dict[str, Any]:
    return {
        "reason": freeze.reason,
        "hard": freeze.is_hard,
        "start": freeze.start,
        "end": freeze.end,
        **{name: {row.slug for row in getattr(freeze, name).all()} for name in _SCOPES},
    }


@transaction.atomic
def _add_freeze(entry: FreezeEntry) -> None:
    freeze = Freeze.objects.create(
        name=entry.name, reason=entry.reason, is_hard=entry.hard, start=entry.start, end=entry.end
    )
    _set_scope(freeze, {name: getattr(entry, name) for name in _SCOPES})
    _note(freeze, "created", {"name": entry.name, "hard": entry.hard})


@transaction.atomic
def _change_freeze(freeze: Freeze, wanted: dict[str, Any]) -> None:
    columns = {("is_hard" if name == "hard" else name): value for name, value in wanted.items() if name not in _SCOPES}
    amend(freeze, **columns)
    _set_scope(freeze, {name: value for name, value in wanted.items() if name in _SCOPES})
    _note(freeze, "changed", {"fields": sorted(wanted)})


def _set_scope(freeze: Freeze, slugs: dict[str, Any]) -> None:
    for name, model in zip(_SCOPES, (Environment, Service, Team), strict=True):
        if name in slugs:
            getattr(freeze, name).set(model._default_manager.filter(slug__in=slugs[name]))


def _note(freeze: Freeze, verb: str, facts: dict[str, object]) -> None:
    now = timezone.now()
    record(f"FREEZE-{freeze.pk}", Happening(verb, SYSTEM, now, facts), at=now)


def _known_freezes() -> set[str]:
    return set(Freeze.objects.values_list("name", flat=True))


FREEZES = Section(
    "freezes",
    "freeze",
    FreezeEntry,
    "name",
    _known_freezes,
    _plan_freezes,
    _check_freeze,
    {name: name for name in _SCOPES},
)
