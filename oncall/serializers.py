"""The watch in the words of the API: the shape of Opsgenie's schedules, people by e-mail. Shape only."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, TypeVar

from django.conf import settings
from django.http import QueryDict
from pydantic import Field, StringConstraints

from oncall import rota
from oncall.declared import DeclaredRotation, DeclaredSchedule, Named
from oncall.models import Override, Rotation, Schedule
from oncall.queries import Standing
from oncall.rota import Span
from oncall.shifts.actions import Wish
from oncall.watching import Turn as Taken
from oncall.watching import Watch
from workflow.errors import InvalidFields
from workflow.shapes import Moment, Person, Shape, Short, Slug, validated

LONGEST, USUAL = timedelta(days=400), timedelta(days=14)
Day = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
Hour = Annotated[int, Field(ge=0, le=23, strict=True)]
Minute = Annotated[int, Field(ge=0, le=59, strict=True)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]


class Turn(Shape):
    """A participant: a person by e-mail, a team by its slug, or nobody on purpose."""

    type: Literal["user", "team", "none"] = "user"
    username: Person = ""
    name: Person = ""

    @property
    def named(self) -> Named:
        """The turn by kind and name."""
        if self.type == "none":
            return "none", ""
        said = self.username or self.name
        return self.type, said.strip().lower() if self.type == "user" else said


class TimeOfDay(Shape):
    """A time of day; it runs over midnight when its end is not after its start."""

    startHour: Hour  # noqa: N815 - Opsgenie's name
    startMin: Minute = 0  # noqa: N815 - Opsgenie's name
    endHour: Hour  # noqa: N815 - Opsgenie's name
    endMin: Minute = 0  # noqa: N815 - Opsgenie's name


class DaysOfWeek(TimeOfDay):
    """From a day of the week to another."""

    startDay: Day  # noqa: N815 - Opsgenie's name
    endDay: Day  # noqa: N815 - Opsgenie's name


class TimeRestriction(Shape):
    """When a rotation counts."""

    type: Literal["time-of-day", "weekday-and-time-of-day"]
    restriction: TimeOfDay | None = None
    restrictions: list[DaysOfWeek] = Field(default_factory=list, max_length=15)

    @property
    def limits(self) -> list[dict[str, Any]]:
        """The same as Decklog writes it."""
        if self.type == "time-of-day":
            return [_clocks(self.restriction)] if self.restriction else []
        return [{**_clocks(one), "start_day": one.startDay, "end_day": one.endDay} for one in self.restrictions]


def _clocks(one: TimeOfDay) -> dict[str, Any]:
    return {"start": f"{one.startHour:02}:{one.startMin:02}", "end": f"{one.endHour:02}:{one.endMin:02}"}


class SaidRotation(Shape):
    """People who take turns, counted from `startDate`."""

    name: Name
    type: Literal["hourly", "daily", "weekly"]
    length: Annotated[int, Field(ge=1, le=1000, strict=True)] = 1
    startDate: Moment  # noqa: N815 - Opsgenie's name
    endDate: Moment | None = None  # noqa: N815 - Opsgenie's name
    participants: list[Turn] = Field(min_length=1, max_length=100)
    timeRestriction: TimeRestriction | None = None  # noqa: N815 - Opsgenie's name

    @property
    def declared(self) -> DeclaredRotation:
        """The same for an action."""
        return DeclaredRotation(
            name=self.name,
            type=self.type,
            start=datetime.fromisoformat(self.startDate),
            participants=tuple(turn.named for turn in self.participants),
            length=self.length,
            end=datetime.fromisoformat(self.endDate) if self.endDate else None,
            limits=tuple(self.timeRestriction.limits) if self.timeRestriction else (),
        )


class OwnerTeam(Shape):
    """The team that keeps the watch, by its slug or name."""

    name: Person


class SaidSchedule(Shape):
    """A schedule, whole. Rotations that it does not name come to their end."""

    name: Name
    slug: Slug | None = Field(None, description="Its address; made from the name if left out.")
    description: Short = ""
    timezone: Annotated[str, StringConstraints(max_length=64)] = Field("UTC", examples=["Europe/Berlin"])
    enabled: Annotated[bool, Field(strict=True)] = True
    ownerTeam: OwnerTeam  # noqa: N815 - Opsgenie's name
    truth: Literal["local", "remote", "overrides-both"] = "local"
    rotations: list[SaidRotation] = Field(default_factory=list, max_length=30)


class SaidOverride(Shape):
    """That somebody has the watch instead; no rotations means all of them."""

    user: Person = Field(description="E-mail.")
    start: Moment
    end: Moment
    rotations: list[Name] = Field(default_factory=list, max_length=30, description="Names.")
    reason: Short = ""


Asked = TypeVar("Asked", bound=Shape)


class _Between(Shape, extra="forbid"):
    start: Moment | None = Field(None, alias="from")
    end: Moment | None = Field(None, alias="to")


class _At(Shape, extra="forbid"):
    at: Moment | None = None


def read_schedule(body: Any, *, slug: str = "") -> DeclaredSchedule:
    """The schedule in a body, at the address `slug` if one is given; raises InvalidFields."""
    said = validated(SaidSchedule, body)
    address = slug or said.slug or re.sub(r"[^a-z0-9]+", "-", said.name.lower()).strip("-")[:64]
    return DeclaredSchedule(
        slug=address or "schedule",
        name=said.name,
        team=said.ownerTeam.name,
        time_zone=said.timezone,
        rotations=tuple(rotation.declared for rotation in said.rotations),
        description=said.description,
        truth=said.truth,
        is_enabled=said.enabled,
    )


def read_override(body: Any) -> Wish:
    """The override in a body; raises InvalidFields."""
    said = validated(SaidOverride, body)
    start, end = (datetime.fromisoformat(text) for text in (said.start, said.end))
    return Wish(said.user, start, end, tuple(said.rotations), said.reason)


def read_span(query: QueryDict, *, now: datetime) -> Span:
    """The time that a query string asks for, from now on for 14 days unless it says otherwise; raises InvalidFields."""
    said = _asked(_Between, query)
    start = datetime.fromisoformat(said.start) if said.start else now
    end = datetime.fromisoformat(said.end) if said.end else start + USUAL
    if end <= start:
        raise InvalidFields([("to", "invalid", "`to` must be after `from`.")], status=400)
    if end - start > LONGEST:
        raise InvalidFields([("to", "span_too_long", f"Ask for {LONGEST.days} days at most.")], status=400)
    return Span(start.astimezone(UTC), end.astimezone(UTC))


def read_at(query: QueryDict, *, now: datetime) -> datetime:
    """The moment that a query string asks about, else now; raises InvalidFields."""
    said = _asked(_At, query).at
    return datetime.fromisoformat(said).astimezone(UTC) if said else now


def _asked(shape: type[Asked], query: QueryDict) -> Asked:
    # A plus that nobody encoded arrives as a space, and times hold no other one.
    said = {name: str(text).replace(" ", "+") for name, text in query.items() if text}
    try:
        return validated(shape, said)
    except InvalidFields as wrong:
        raise InvalidFields(wrong.errors, status=400) from wrong


# --- Out -------------------------------------------------------------------------------------------------------------


def schedule_json(schedule: Schedule) -> dict[str, Any]:
    """A schedule without its rotations."""
    return {
        "slug": schedule.slug,
        "url": f"{settings.BASE_URL}/oncall/{schedule.slug}",
        "name": schedule.name,
        "description": schedule.description,
        "team": schedule.team.slug,
        "time_zone": schedule.time_zone,
        "truth": schedule.truth,
        "enabled": schedule.is_enabled,
    }


def watch_json(watch: Watch, span: Span, *, now: datetime) -> dict[str, Any]:
    """A schedule with its rotations, and who has the watch in a span of time."""
    pieces = watch.final(*span)
    return {
        **schedule_json(watch.schedule),
        "from": span.start,
        "to": span.end,
        "final": [
            {"start": piece.start, "end": piece.end, "on_call": [one.email for one in watch.named(piece.people)]}
            for piece in pieces
        ],
        "gaps": [{"start": gap.start, "end": gap.end} for gap in rota.gaps(pieces)],
        "rotations": [_rotation_json(rotation, watch.turns[rotation.pk]) for rotation in watch.rotations],
        "overrides": [override_json(one, _replaced(watch, one)) for one in watch.overrides],
        "as_of": now,
    }


def _replaced(watch: Watch, override: Override) -> set[str]:
    ids = watch.replaces[override.pk]
    return {rotation.name for rotation in watch.rotations if rotation.pk in ids}


def _rotation_json(rotation: Rotation, turns: Iterable[Taken]) -> dict[str, Any]:
    return {
        "id": rotation.pk,
        "name": rotation.name,
        "type": rotation.type,
        "length": rotation.length,
        "startDate": rotation.start,
        "endDate": rotation.end,
        "participants": [_turn_json(turn) for turn in turns],
        "timeRestriction": _restriction_json(rotation.restrictions),
    }


def _turn_json(turn: Taken) -> dict[str, str]:
    if turn.user is not None:
        return {"type": "user", "username": turn.user.email}
    return {"type": "team", "name": turn.team_slug} if turn.team_slug else {"type": "none"}


def _restriction_json(limits: list[Mapping[str, str]]) -> dict[str, Any] | None:
    if not limits:
        return None
    if "start_day" not in limits[0]:
        return {"type": "time-of-day", "restriction": _hours(limits[0])}
    days = [{"startDay": one["start_day"], "endDay": one["end_day"], **_hours(one)} for one in limits]
    return {"type": "weekday-and-time-of-day", "restrictions": days}


def _hours(one: Mapping[str, str]) -> dict[str, int]:
    start, end = (text.split(":") for text in (one["start"], one["end"]))
    return {"startHour": int(start[0]), "startMin": int(start[1]), "endHour": int(end[0]), "endMin": int(end[1])}


def override_json(override: Override, rotations: Iterable[str]) -> dict[str, Any]:
    """An override, with the names of the rotations that it replaces."""
    return {
        "id": override.pk,
        "alias": override.alias,
        "user": override.user.email,
        "start": override.start,
        "end": override.end,
        "rotations": sorted(rotations),
        "reason": override.reason,
    }


def standing_json(standing: Standing, *, at: datetime) -> dict[str, Any]:
    """Who has the watch of a schedule at a moment, until when, and who then."""
    return {
        "slug": standing.watch.schedule.slug,
        "name": standing.watch.schedule.name,
        "team": standing.watch.schedule.team.slug,
        "at": at,
        "on_call": [person.email for person in standing.now],
        "until": standing.until,
        "next": [person.email for person in standing.then],
    }
