"""Schedules and escalation policies in an organisation file."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from accounts.organisation import Email, Zone
from oncall import actions, policy, queries
from oncall.declared import DeclaredRotation, DeclaredSchedule, Named
from oncall.escalations import actions as escalations
from oncall.escalations.actions import DeclaredPolicy, DeclaredStep
from oncall.models import SCHEDULE_NAME, EscalationPolicy, Schedule
from oncall.restrictions import MOST, BadRestriction, read
from workflow.decisions import REFUSED
from workflow.ledger import SYSTEM
from workflow.manifest import Complaint, Line, Moment, Section, Shape, Slug, Step, difference

Clock = Annotated[str, StringConstraints(pattern=r"^([01]?[0-9]|2[0-3]):[0-5][0-9]$")]
Day = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


class RestrictionEntry(Shape):
    """When a rotation counts: a time of day, or from a day of the week to another."""

    start: Clock
    end: Clock
    start_day: Day | None = None
    end_day: Day | None = None


class RotationEntry(Shape):
    """People who take turns; null is nobody on purpose, `team:payments` everybody of a team."""

    name: Line
    type: Literal["hourly", "daily", "weekly"] = "weekly"
    length: Annotated[int, Field(ge=1)] = 1
    start: Moment
    end: Moment | None = None
    participants: Annotated[list[str | None], Field(min_length=1, max_length=policy.MOST_TURNS)]
    restrictions: Annotated[list[RestrictionEntry], Field(max_length=MOST)] = Field(default_factory=list)


class ScheduleEntry(Shape):
    """A watch. `rotations`, when stated, are all there are; those that are missing end."""

    slug: Slug
    name: Annotated[str, StringConstraints(pattern=SCHEDULE_NAME.removesuffix(r"\Z") + "$")] | None = None
    description: Line | None = None
    team: Slug
    time_zone: Zone = "UTC"
    truth: Literal["local", "remote", "overrides-both"] = "local"
    enabled: bool = True
    rotations: list[RotationEntry] = Field(default_factory=list)

    @property
    def declared(self) -> DeclaredSchedule:
        """The same for an action."""
        return DeclaredSchedule(
            slug=self.slug,
            name=self.name or self.slug,
            team=self.team,
            time_zone=self.time_zone or "UTC",
            rotations=tuple(_declared(one) for one in self.rotations),
            description=self.description or "",
            truth=self.truth,
            is_enabled=self.enabled,
        )


def _declared(entry: RotationEntry) -> DeclaredRotation:
    return DeclaredRotation(
        name=entry.name,
        type=entry.type,
        start=entry.start,
        participants=tuple(_turn(text) for text in entry.participants),
        length=entry.length,
        end=entry.end,
        limits=tuple(one.model_dump(exclude_none=True) for one in entry.restrictions),
    )


def _turn(text: str | None) -> Named:
    if text is None:
        return "none", ""
    return ("team", text.removeprefix("team:")) if text.startswith("team:") else ("user", text.lower())


def _check_schedule(entry: ScheduleEntry) -> Iterator[Complaint]:
    names = [rotation.name for rotation in entry.rotations]
    if len(set(names)) < len(names):
        yield Complaint("rotations", "rotation_name", "Each rotation has a name of its own.")
    for one in entry.rotations:
        sound = policy.rotation_is_sound(
            one.type, length=one.length, start=one.start, end=one.end, turns=len(one.participants)
        )
        if sound.outcome == REFUSED:
            yield Complaint("rotations", sound.rule, f"{one.name}: {sound.because}")
        try:
            read(_declared(one).limits)
        except BadRestriction as bad:
            yield Complaint("rotations", "restriction", f"{one.name}: {bad}")


def _plan_schedules(entries: Sequence[ScheduleEntry]) -> Iterator[Step]:
    present = {schedule.slug: schedule for schedule in queries.schedules()}
    for entry in entries:
        schedule = present.get(entry.slug)
        if schedule is None:
            yield Step(f"+ schedule {entry.slug}", partial(actions.put_down, entry.declared, actor=SYSTEM))
            continue
        before = queries.declared_of(schedule)
        wanted = _over(before, entry)
        if changed := _differs(schedule, before, wanted):
            change = partial(actions.change_schedule, schedule, wanted, actor=SYSTEM)
            yield Step(f"~ schedule {entry.slug}: {changed}", change)


def _over(before: DeclaredSchedule, entry: ScheduleEntry) -> DeclaredSchedule:
    """The schedule with what the file states about it; what the file leaves out stays."""
    stated = {_COLUMNS.get(name, name) for name in entry.model_fields_set}
    return replace(before, **{name: getattr(entry.declared, name) for name in stated})


def _differs(schedule: Schedule, before: DeclaredSchedule, wanted: DeclaredSchedule) -> str:
    old, new = ({name: getattr(one, _COLUMNS.get(name, name)) for name in _WORDS} for one in (before, wanted))
    words = difference(old, new)
    others = sorted(queries.differing_rotations(schedule, wanted))
    return ", ".join([*([words] if words else []), *(f"rotation {name}" for name in others)])


def _known_schedules() -> set[str]:
    return set(Schedule.objects.values_list("slug", flat=True))


_COLUMNS = {"enabled": "is_enabled"}
_WORDS = ("name", "description", "team", "time_zone", "truth", "enabled")


# --- Escalations -----------------------------------------------------------------------------------------------------


class StepEntry(Shape):
    """One target, and how many minutes it has before the next one is paged."""

    schedule: Slug | None = None
    user: Email | None = None
    team: Slug | None = None
    wait_minutes: Annotated[int, Field(ge=0, le=1440)] = 5


class EscalationEntry(Shape):
    """Whom a page about these services reaches in turn. `services` and `steps` are all there are."""

    slug: Slug
    name: Line | None = None
    team: Slug
    services: list[Slug] = Field(default_factory=list)
    repeat: Annotated[int, Field(ge=0, le=20)] = 0
    enabled: bool = True
    steps: Annotated[list[StepEntry], Field(min_length=1, max_length=20)]

    @property
    def declared(self) -> DeclaredPolicy:
        """The same for an action."""
        steps = (DeclaredStep(one.schedule, one.user, one.team, one.wait_minutes) for one in self.steps)
        return DeclaredPolicy(
            slug=self.slug,
            name=self.name or self.slug,
            team=self.team,
            services=tuple(sorted(self.services)),
            repeat=self.repeat,
            is_enabled=self.enabled,
            steps=tuple(steps),
        )


def _check_escalation(entry: EscalationEntry) -> Iterator[Complaint]:
    for place, one in enumerate(entry.steps, start=1):
        if sum(target is not None for target in (one.schedule, one.user, one.team)) != 1:
            because = f"Step {place} names a schedule, a user or a team, and only one of them."
            yield Complaint("steps", "step_has_one_target", because)


def _plan_escalations(entries: Sequence[EscalationEntry]) -> Iterator[Step]:
    present = {row.slug: escalations.as_declared(row) for row in EscalationPolicy.objects.all()}
    for entry in entries:
        put = partial(escalations.put_policy, entry.declared, actor=SYSTEM)
        if entry.slug not in present:
            yield Step(f"+ escalation {entry.slug}", put)
        elif present[entry.slug] != entry.declared:
            yield Step(f"~ escalation {entry.slug}", put)


def _known_escalations() -> set[str]:
    return set(EscalationPolicy.objects.values_list("slug", flat=True))


SCHEDULES = Section(
    "schedules",
    "schedule",
    ScheduleEntry,
    "slug",
    _known_schedules,
    _plan_schedules,
    _check_schedule,
    {"team": "teams"},
)
ESCALATIONS = Section(
    "escalations",
    "escalation",
    EscalationEntry,
    "slug",
    _known_escalations,
    _plan_escalations,
    _check_escalation,
    {"team": "teams", "services": "services"},
)
