"""What every system that keeps schedules can do, in the canonical forms of `oncall.sync.shapes`."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import NamedTuple, Protocol

from oncall.alerting.policy import Seen
from oncall.sync.shapes import Form, State, pieces_of
from workflow.errors import Conflict, TooMany


class Unanswered(TooMany):
    """No answer, or one that says to come back; `wait` is in seconds. What was asked for may have happened."""

    status = 503

    def __init__(self, message: str, wait: float = 30.0) -> None:
        super().__init__("provider_unanswered", message, wait=ceil(wait))


class Declined(Conflict):
    """The system says no, in its own words."""

    def __init__(self, message: str) -> None:
        super().__init__("provider_declined", message)


class Stretch(NamedTuple):
    """That these people, e-mails in lower case, have the watch in [start, end)."""

    start: datetime
    end: datetime
    people: frozenset[str]


@dataclass(frozen=True, slots=True)
class Crew:
    """A team by the system's own name, with the e-mails of its people, in lower case."""

    name: str
    people: frozenset[str]


class Provider(Protocol):
    """A system that keeps schedules. Every method raises Unanswered or Declined and may be repeated without harm.

    `put_*` makes or changes, `remove_*` takes away, and what is gone already is no error. A schedule is put without
    its rotations and overrides.
    """

    def check(self) -> None:
        """Whether it answers and lets us in; nothing if so."""

    def schedules(self) -> State:
        """All schedules with rotations and overrides."""

    def schedule(self, name: str) -> Form | None:
        """One of them."""

    def people(self) -> dict[str, str]:
        """Names of the people by their e-mails in lower case."""

    def crews(self) -> list[Crew]:
        """The teams."""

    def put_schedule(self, name: str, form: Form) -> None:
        """Zone, team and whether it is in force."""

    def remove_schedule(self, name: str) -> None:
        """Take a schedule away with all that is in it."""

    def put_rotation(self, schedule: str, name: str, form: Form) -> None:
        """A rotation of a schedule."""

    def remove_rotation(self, schedule: str, name: str) -> None:
        """Take a rotation away."""

    def put_override(self, schedule: str, alias: str, form: Form) -> None:
        """An override of a schedule."""

    def remove_override(self, schedule: str, alias: str) -> None:
        """Take an override away."""

    def put_person(self, email: str, name: str) -> None:
        """Somebody, unless they are known; whoever is made is invited by the system."""

    def put_team(self, crew: Crew) -> None:
        """A team with these people, unless it is known; others are left as they are."""

    def timeline(self, schedule: str, start: datetime, weeks: int) -> list[Stretch]:
        """Who has the watch, as the system itself computes it: disjoint, in order, without stretches of nobody."""


class Alerting(Protocol):
    """A system that makes alerts. Both methods raise Unanswered or Declined and may be repeated without harm."""

    def alert(self, alias: str) -> Seen | None:
        """The newest alert under this alias."""

    def close_alert(self, alias: str) -> bool:
        """Close it; False while there is none."""


def present(provider: Provider, key: tuple[str, str, str]) -> Form | None:
    """How one object is, or None."""
    noun, schedule, name = key
    if noun == "user":
        people = provider.people()
        return {"name": people[name]} if name in people else None
    if noun == "team":
        known = (crew for crew in provider.crews() if crew.name.lower() == name.lower())
        return next(({"people": sorted(crew.people)} for crew in known), None)
    form = provider.schedule(schedule)
    return pieces_of({schedule: form}).get(key) if form else None


def perform(provider: Provider, key: tuple[str, str, str], after: Form | None) -> None:
    """Let one object be as `after`, or be gone."""
    noun, schedule, name = key
    if noun in {"user", "team"}:
        _make(provider, noun, name, after or {})
        return
    if noun == "schedule":
        if after is None:
            provider.remove_schedule(schedule)
        else:
            provider.put_schedule(schedule, after)
        return
    verbs: dict[str, tuple[Callable[[str, str, Form], None], Callable[[str, str], None]]] = {
        "rotation": (provider.put_rotation, provider.remove_rotation),
        "override": (provider.put_override, provider.remove_override),
    }
    put, remove = verbs[noun]
    if after is None:
        remove(schedule, name)
    else:
        put(schedule, name, after)


def _make(provider: Provider, noun: str, name: str, after: Form) -> None:
    if noun == "user":
        provider.put_person(name, after["name"])
    else:
        provider.put_team(Crew(name, frozenset(after["people"])))
