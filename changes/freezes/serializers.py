"""Freezes in the words of the API. Shape only."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

from django.conf import settings
from pydantic import Field, StringConstraints

from accounts.zones import known_zones
from changes.freezes import recurrence
from changes.freezes.actions import Wish
from changes.freezes.content import Declared, declared_of
from changes.freezes.models import Freeze, FreezeOverride
from changes.freezes.queries import terms_of
from changes.tickets.shapes import SEEN_EDITION, Seen
from workflow.errors import Unprocessable
from workflow.shapes import Moment, Shape, Slug, validated

Slugs = Annotated[list[Slug], Field(max_length=200)]
Reason = Annotated[str, StringConstraints(max_length=4000)]
Yes = Annotated[bool, Field(strict=True)]


class NewFreeze(Shape):
    """A time in which changes are not wanted; lists that are empty mean everything."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
    reason: Reason = ""
    services: Slugs = Field(default_factory=list, description="Slugs.")
    teams: Slugs = Field(default_factory=list, description="Slugs.")
    environments: Slugs = Field(default_factory=list, description="Slugs.")
    hard: Yes = Field(default=True, description="A hard freeze forbids, a soft one warns.")
    start: Moment = Field(description="When it begins; the first time, if it repeats.")
    end: Moment = Field(description="When it is over; the first time, if it repeats.")
    rrule: Annotated[str, StringConstraints(max_length=300)] | None = Field(
        None, description="How it repeats, by RFC 5545: daily or rarer, at the time of day of the first time."
    )
    time_zone: Annotated[str, StringConstraints(max_length=64)] = Field(
        "", description="The zone whose clocks it follows when it repeats.", examples=["Europe/Berlin"]
    )


class FreezeEdit(Shape):
    """What shall be otherwise; what is left out stays."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)] = ""
    reason: Reason = ""
    services: Slugs = Field(default_factory=list, description="Slugs.")
    teams: Slugs = Field(default_factory=list, description="Slugs.")
    environments: Slugs = Field(default_factory=list, description="Slugs.")
    hard: Yes = Field(default=True, description="A hard freeze forbids, a soft one warns.")
    start: Moment = Field("", description="Stays once it has begun.")
    end: Moment = ""
    rrule: Annotated[str, StringConstraints(max_length=300)] | None = None
    time_zone: Annotated[str, StringConstraints(max_length=64)] = ""
    seen: Seen = Field("", description=SEEN_EDITION)


class OverrideWish(Shape):
    """What an override shall allow."""

    reason: Reason = Field(description="Why it cannot wait.")
    services: Slugs = Field(default_factory=list, description="Slugs; none means all that the freeze covers.")
    expires_at: Moment = Field(description="Within seven days.")


class OverrideConfirmed(Shape):
    """Which override is confirmed."""

    override: Annotated[int, Field(ge=1, le=2**53, strict=True)] = Field(description="Its id.")


class OverrideRevoked(OverrideConfirmed):
    """Which override is revoked, and why, if that is worth a word."""

    reason: Reason = ""


class FreezeEnded(Shape):
    """Why it is ended, if that is worth a word."""

    reason: Reason = ""


def read_freeze(body: Any) -> Declared:
    """The freeze in a body; raises InvalidFields, and Unprocessable for a time zone that does not exist."""
    said = validated(NewFreeze, body)
    if said.time_zone and said.time_zone not in known_zones():
        because = f"“{said.time_zone}” is no time zone. Write one like Europe/Berlin."
        raise Unprocessable("unknown_time_zone", because, field="time_zone")
    return Declared(
        name=said.name,
        reason=said.reason,
        is_hard=said.hard,
        start=datetime.fromisoformat(said.start),
        end=datetime.fromisoformat(said.end),
        rrule=said.rrule or "",
        time_zone=said.time_zone,
        services=said.services,
        teams=said.teams,
        environments=said.environments,
    )


def read_edit(body: Any, freeze: Freeze) -> tuple[Declared, str]:
    """The terms that `freeze` has after the edit in a body, and the edition that was read; raises InvalidFields."""
    said = validated(FreezeEdit, body)
    parts = said.model_dump(exclude_unset=True, exclude={"seen"})
    for name in {"start", "end"} & set(parts):
        parts[name] = datetime.fromisoformat(parts[name])
    if "hard" in parts:
        parts["is_hard"] = parts.pop("hard")
    if "rrule" in parts:
        parts["rrule"] = parts["rrule"] or ""
    return replace(declared_of(freeze), **parts), said.seen


def read_wish(body: Any) -> Wish:
    """The override that a body asks for; raises InvalidFields."""
    said = validated(OverrideWish, body)
    return Wish(said.reason, datetime.fromisoformat(said.expires_at), said.services)


def override_json(override: FreezeOverride) -> dict[str, Any]:
    """An override; people by e-mail."""
    return {
        "id": override.pk,
        "reason": override.reason,
        "services": sorted(service.slug for service in override.services.all()),
        "expires_at": override.expires_at,
        "requested_by": override.requested_by.email,
        "confirmed_by": override.confirmed_by.email if override.confirmed_by else None,
        "confirmed_at": override.confirmed_at,
        "revoked_by": override.revoked_by.email if override.revoked_by else None,
        "revoked_at": override.revoked_at,
        "created_at": override.created_at,
    }


def freeze_json(freeze: Freeze, *, now: datetime) -> dict[str, Any]:
    """A freeze as it stands at `now`; everything it refers to must be loaded."""
    window = next_window(freeze, now=now)
    return {
        "id": freeze.pk,
        "ref": freeze.ref,
        "url": f"{settings.BASE_URL}/freezes/{freeze.pk}",
        "name": freeze.name,
        "reason": freeze.reason,
        "hard": freeze.is_hard,
        "services": sorted(service.slug for service in freeze.services.all()),
        "teams": sorted(team.slug for team in freeze.teams.all()),
        "environments": sorted(environment.slug for environment in freeze.environments.all()),
        "start": freeze.start,
        "end": freeze.end,
        "rrule": freeze.rrule or None,
        "time_zone": freeze.time_zone,
        "in_force": window is not None and window.start <= now,
        "next": {"start": window.start, "end": window.end} if window else None,
        "last_end": freeze.last_end,
        "ended_at": freeze.ended_at,
        "declared_by": freeze.created_by.email if freeze.created_by else None,
        "edition": declared_of(freeze).edition,
        "overrides": [override_json(override) for override in freeze.overrides.all()],
        "created_at": freeze.created_at,
        "updated_at": freeze.updated_at,
    }


def next_window(freeze: Freeze, *, now: datetime) -> recurrence.Window | None:
    """The time that is in force at `now`, else the next one; None when it is over."""
    if freeze.last_end is not None and freeze.last_end <= now:
        return None
    return next(iter(recurrence.next_windows(terms_of(freeze), now, most=1)), None)
