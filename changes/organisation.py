"""Freezes in an organisation file."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Annotated, Any

from pydantic import Field

from accounts.organisation import Zone
from changes.freezes import actions, policy
from changes.freezes.content import Declared
from changes.freezes.models import Freeze
from changes.freezes.recurrence import Terms
from workflow.ledger import SYSTEM
from workflow.manifest import Complaint, Line, Moment, Section, Shape, Slug, Step, Text, difference

_SCOPES = ("environments", "services", "teams")
_PARTS = ("reason", "hard", "start", "end", "rrule", "time_zone", *_SCOPES)


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
    rrule: Annotated[str, Field(max_length=300)] | None = None
    time_zone: Zone = ""


def _check_freeze(entry: FreezeEntry) -> Iterator[Complaint]:
    terms = Terms(entry.start, entry.end, entry.rrule or "", entry.time_zone)
    fault = policy.fault_of(terms, is_known_zone=bool(entry.time_zone))
    if fault:
        yield Complaint(fault.field, fault.rule, fault.because)


def _plan_freezes(entries: Sequence[FreezeEntry]) -> Iterator[Step]:
    rows = Freeze.objects.prefetch_related(*_SCOPES).order_by("end")
    present = {freeze.name: freeze for freeze in rows}
    for entry in entries:
        freeze = present.get(entry.name)
        if freeze is None:
            yield Step(f"+ freeze {entry.name}", partial(_add_freeze, entry))
            continue
        wanted = {name: _plain(name, value) for name, value in entry.given(*_PARTS).items()}
        written = _as_written(freeze)
        if changed := difference(written, wanted):
            yield Step(f"~ freeze {entry.name}: {changed}", partial(_change_freeze, freeze, {**written, **wanted}))


def _plain(name: str, value: Any) -> Any:
    if name in {"start", "end"}:
        return value.replace(microsecond=0)
    return set(value) if name in _SCOPES else value or "" if name == "rrule" else value


def _as_written(freeze: Freeze) -> dict[str, Any]:
    return {
        "reason": freeze.reason,
        "hard": freeze.is_hard,
        "start": freeze.start,
        "end": freeze.end,
        "rrule": freeze.rrule,
        "time_zone": freeze.time_zone,
        **{name: {row.slug for row in getattr(freeze, name).all()} for name in _SCOPES},
    }


def _add_freeze(entry: FreezeEntry) -> None:
    declared = _declared(entry.name, {name: getattr(entry, name) for name in _PARTS})
    actions.put_down(declared, actions.scope_named(declared), actor=SYSTEM)


def _change_freeze(freeze: Freeze, terms: dict[str, Any]) -> None:
    declared = _declared(freeze.name, terms)
    actions.judge(declared)
    actions.change_freeze(freeze, declared, actions.scope_named(declared), actor=SYSTEM)


def _declared(name: str, terms: dict[str, Any]) -> Declared:
    return Declared(
        name=name,
        reason=terms["reason"],
        is_hard=terms["hard"],
        start=terms["start"],
        end=terms["end"],
        rrule=terms["rrule"] or "",
        time_zone=terms["time_zone"],
        **{scope: sorted(terms[scope]) for scope in _SCOPES},
    )


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
