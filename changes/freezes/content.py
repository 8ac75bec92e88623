"""What a freeze says: as somebody declares it, its edition, and how two versions differ."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from changes.freezes import recurrence
from changes.freezes.models import Freeze
from changes.tickets.content import edition_of, plain

LABELS = {
    "name": "Name",
    "reason": "Reason",
    "is_hard": "Hard",
    "start": "First time from",
    "end": "First time until",
    "rrule": "Repeats by the rule",
    "time_zone": "Time zone",
    "services": "Services",
    "teams": "Teams",
    "environments": "Environments",
}
"""Every part of it as people read it, in the order of the page."""


@dataclass(frozen=True, slots=True)
class Declared:
    """A freeze as somebody declares it; scopes are slugs, and empty ones mean everything."""

    name: str
    start: datetime
    end: datetime
    reason: str = ""
    is_hard: bool = True
    rrule: str = ""
    time_zone: str = ""
    services: Sequence[str] = ()
    teams: Sequence[str] = ()
    environments: Sequence[str] = ()

    @property
    def terms(self) -> recurrence.Terms:
        """When it is in force, to whole seconds."""
        start, end = (moment.replace(microsecond=0) for moment in (self.start, self.end))
        return recurrence.Terms(start, end, self.rrule.strip(), self.time_zone)

    @property
    def content(self) -> dict[str, Any]:
        """Every part in canonical form, ready for JSON."""
        return {name: plain(value) for name, value in asdict(self).items()}

    @property
    def edition(self) -> str:
        """Changes with every part."""
        return edition_of(self.content)


def declared_of(freeze: Freeze) -> Declared:
    """What a freeze says as it stands."""
    return Declared(
        name=freeze.name,
        start=freeze.start,
        end=freeze.end,
        reason=freeze.reason,
        is_hard=freeze.is_hard,
        rrule=freeze.rrule,
        time_zone=freeze.time_zone,
        services=[service.slug for service in freeze.services.all()],
        teams=[team.slug for team in freeze.teams.all()],
        environments=[environment.slug for environment in freeze.environments.all()],
    )


def changes_between(before: Declared, after: Declared) -> dict[str, list[Any]]:
    """{part: [before, after]} of what differs."""
    was, now = before.content, after.content
    return {name: [was[name], now[name]] for name in LABELS if was[name] != now[name]}
