"""A schedule as somebody wants it, before anybody judged it. Shape only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from oncall.models import Schedule

Named = tuple[str, str]
"""A turn by its kind and its name: ("user", e-mail), ("team", slug), ("none", "")."""
NOBODY: Named = ("none", "")


@dataclass(frozen=True, slots=True)
class DeclaredRotation:
    """A rotation as somebody wants it; `limits` are restrictions as they are written."""

    name: str
    type: str
    start: datetime
    participants: Sequence[Named]
    length: int = 1
    end: datetime | None = None
    limits: Sequence[dict[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class DeclaredSchedule:
    """A schedule as somebody wants it, whole: rotations that it does not name come to their end."""

    slug: str
    name: str
    team: str
    time_zone: str
    rotations: Sequence[DeclaredRotation] = ()
    description: str = ""
    truth: str = Schedule.Truth.LOCAL.value
    is_enabled: bool = True
