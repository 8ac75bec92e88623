"""Schedules in canonical form, so that two systems can be compared word by word. Pure.

A form is what JSON can hold. A schedule is `{"name", "time_zone", "team", "is_enabled", "rotations": {name: rotation},
"overrides": {alias: override}}`; a rotation `{"type", "length", "start", "end", "turns": [[kind, name]],
"restrictions": [...]}`; an override `{"person", "start", "end", "rotations": [name]}`. Moments are UTC, people are
e-mails in lower case, teams their names in lower case, restrictions are as `oncall.restrictions` stores them, sorted.
"""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from oncall import restrictions, rota

Form = dict[str, Any]
State = dict[str, Form]
"""Schedules by name."""
Key = tuple[str, str, str]
"""(object, schedule, name): ("schedule", "primary", ""), ("rotation", "primary", "week")."""
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


def moment(at: datetime | str | None) -> str | None:
    """A moment in UTC to the second, as in 2026-01-05T08:00:00Z."""
    if at is None:
        return None
    known = datetime.fromisoformat(at) if isinstance(at, str) else at
    return known.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@lru_cache(maxsize=256)
def zone_mark(name: str) -> str:
    """The same for two names of zones whose clocks agree on every day of two years."""
    zone = ZoneInfo(name)
    offsets = [str((EPOCH + timedelta(days=day)).astimezone(zone).utcoffset()) for day in range(731)]
    return hashlib.sha256("".join(offsets).encode()).hexdigest()[:16]


def rotation_form(**said: Any) -> Form:
    """A rotation in canonical form; `turns` are (kind, name), `restrictions` rota.Restriction."""
    ordered = sorted(said["restrictions"], key=lambda one: (one.start_day or 0, one.start, one.end_day or 0, one.end))
    return {
        "type": said["type"],
        "length": said["length"],
        "start": moment(said["start"]),
        "end": moment(said["end"]),
        "turns": [[kind, name.lower()] for kind, name in said["turns"]],
        "restrictions": restrictions.stored(ordered),
    }


def override_form(*, person: str, start: datetime | str, end: datetime | str, rotations: Iterable[str]) -> Form:
    """An override in canonical form."""
    named = sorted(rotations)
    return {"person": person.lower(), "start": moment(start), "end": moment(end), "rotations": named}


def pieces_of(state: State) -> dict[Key, Form]:
    """Everything in it by itself, which is what is compared and what an operation is about."""
    found: dict[Key, Form] = {}
    for name, one in state.items():
        found["schedule", name, ""] = {field: one[field] for field in ("time_zone", "team", "is_enabled")}
        found |= {("rotation", name, each): form for each, form in one["rotations"].items()}
        found |= {("override", name, each): form for each, form in one["overrides"].items()}
    return found


def is_same(one: Form | None, other: Form | None) -> bool:
    """Whether both mean the same; a zone is its clocks, whatever its name."""
    if one is None or other is None or "time_zone" not in one or "time_zone" not in other:
        return one == other
    marks = [{**each, "time_zone": zone_mark(each["time_zone"])} for each in (one, other)]
    return marks[0] == marks[1]


def fingerprint(state: State) -> str:
    """The SHA-256 of a state; what means the same has the same."""
    marked = {name: {**one, "time_zone": zone_mark(one["time_zone"])} for name, one in state.items()}
    return hashlib.sha256(orjson.dumps(marked, option=orjson.OPT_SORT_KEYS)).hexdigest()


def plan_of(form: Form, numbers: Mapping[str, int], crews: Mapping[str, rota.People]) -> rota.Schedule:
    """The schedule as the rota reads it; `numbers` are people by e-mail, `crews` teams by name."""
    places = {name: place for place, name in enumerate(form["rotations"], start=1)}
    rotations = tuple(
        rota.Rotation(
            id=places[name],
            kind=one["type"],
            start=datetime.fromisoformat(one["start"]),
            turns=tuple(_people(turn, numbers, crews) for turn in one["turns"]),
            length=one["length"],
            end=datetime.fromisoformat(one["end"]) if one["end"] else None,
            restrictions=restrictions.read_stored(one["restrictions"]),
        )
        for name, one in form["rotations"].items()
    )
    overrides = tuple(
        rota.Override(
            numbers[one["person"]],
            datetime.fromisoformat(one["start"]),
            datetime.fromisoformat(one["end"]),
            frozenset(places[name] for name in one["rotations"] if name in places),
        )
        for one in form["overrides"].values()
        if one["person"] in numbers
    )
    return rota.Schedule(ZoneInfo(form["time_zone"]), rotations, overrides, form["is_enabled"])


def _people(turn: list[str], numbers: Mapping[str, int], crews: Mapping[str, rota.People]) -> rota.People:
    kind, name = turn
    if kind == "user":
        return frozenset({numbers[name]}) if name in numbers else rota.NOBODY
    return crews.get(name, rota.NOBODY) if kind == "team" else rota.NOBODY


def people_in(form: Form) -> set[str]:
    """The e-mails that a schedule names."""
    turns = [turn for one in form["rotations"].values() for turn in one["turns"]]
    return {name for kind, name in turns if kind == "user"} | {one["person"] for one in form["overrides"].values()}
