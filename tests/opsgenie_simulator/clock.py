"""Who is on call, as Opsgenie counts: written apart from the application's own rota, so that each can prove the other.

Where the application walks from edge to edge, this asks every half hour, or quarter, by itself.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

QUARTER = timedelta(minutes=15)
STEPS = {"hourly": timedelta(hours=1), "daily": timedelta(days=1), "weekly": timedelta(weeks=1)}
DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


def read(text: str) -> datetime:
    """A moment of the wire."""
    return datetime.fromisoformat(text).astimezone(UTC)


def write(at: datetime) -> str:
    """A moment for the wire."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@lru_cache(maxsize=4096)
def real(wall: datetime, zone: ZoneInfo) -> datetime:
    """When a clock shows `wall`: the first time of two, the end of a gap."""
    first = wall.replace(tzinfo=zone, fold=0)
    late, early = first.astimezone(UTC), wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    if late.astimezone(zone).replace(tzinfo=None) == wall:
        return late
    while late - early > timedelta(minutes=1):
        middle = early + (late - early) // 2
        is_after = middle.astimezone(zone).utcoffset() == late.astimezone(zone).utcoffset()
        early, late = (early, middle) if is_after else (middle, late)
    return late.replace(second=0, microsecond=0)


def turn_at(rotation: dict[str, Any], zone: ZoneInfo, at: datetime, *, by_wall_clock: bool = True) -> int:
    """The number of the shift at a moment."""
    start, step = read(rotation["startDate"]), STEPS[rotation["type"]] * rotation.get("length", 1)
    if rotation["type"] == "hourly" and not by_wall_clock:
        return int((at - start) // step)
    first = start.astimezone(zone).replace(tzinfo=None)
    number = int((at.astimezone(zone).replace(tzinfo=None) - first) // step)
    while number > 0 and real(first + number * step, zone) > at:
        number -= 1
    while real(first + (number + 1) * step, zone) <= at:
        number += 1
    return max(number, 0)


def is_open(rotation: dict[str, Any], zone: ZoneInfo, at: datetime) -> bool:
    """Whether the rotation's time restriction lets it count."""
    limit = rotation.get("timeRestriction")
    if not limit:
        return True
    wall = at.astimezone(zone).replace(tzinfo=None)
    now = wall.hour * 60 + wall.minute
    if limit["type"] == "time-of-day":
        one = limit["restriction"]
        return _within(now, _minute(one, "start"), _minute(one, "end"))
    now += wall.weekday() * 1440
    return any(_within(now, _week(one, "start"), _week(one, "end")) for one in limit["restrictions"])


def _minute(one: dict[str, Any], edge: str) -> int:
    return int(one[f"{edge}Hour"]) * 60 + int(one[f"{edge}Min"])


def _week(one: dict[str, Any], edge: str) -> int:
    return DAYS.index(one[f"{edge}Day"]) * 1440 + _minute(one, edge)


def _within(now: int, start: int, end: int) -> bool:
    return start <= now < end if start < end else now >= start or now < end


def on_call(schedule: dict[str, Any], rotation: dict[str, Any], at: datetime, switches: dict[str, Any]) -> Any:
    """(participant, kind of period) of one rotation at a moment, or None for nobody."""
    zone = ZoneInfo(schedule["timezone"])
    if not schedule["enabled"] or at < read(rotation["startDate"]):
        return None
    if rotation.get("endDate") and at >= read(rotation["endDate"]):
        return None
    for one in reversed(list(schedule["overrides"].values())):
        named = {each.get("id") for each in one.get("rotations", [])}
        if read(one["startDate"]) <= at < read(one["endDate"]) and (not named or rotation["id"] in named):
            return one["user"], "override"
    people = rotation["participants"]
    if not people or not is_open(rotation, zone, at):
        return None
    found = people[turn_at(rotation, zone, at, by_wall_clock=switches["hourly_by_wall_clock"]) % len(people)]
    return None if found["type"] == "none" else (found, "default")


def periods(
    schedule: dict[str, Any], rotation: dict[str, Any], window: tuple[datetime, datetime], switches: dict[str, Any]
) -> list[dict[str, Any]]:
    """The periods of one rotation in a window, cut at `now` as Opsgenie cuts them."""
    start, end = window
    now, found = datetime.now(UTC), list[dict[str, Any]]()
    # Everything snaps to half hours; only zones such as Kathmandu's see them at a quarter past.
    is_odd = (start.astimezone(ZoneInfo(schedule["timezone"])).utcoffset() or QUARTER) % (2 * QUARTER)
    step, at = QUARTER if is_odd else 2 * QUARTER, start
    while at < end:
        who = on_call(schedule, rotation, at, switches)
        if who:
            kind = "historical" if at + step <= now and who[1] == "default" else who[1]
            last = found[-1] if found else None
            if last and last["endDate"] == at and (last["recipient"], last["type"]) == (who[0], kind):
                last["endDate"] = at + step
            else:
                found.append({"startDate": at, "endDate": at + step, "type": kind, "recipient": who[0]})
        at += step
    return [{**one, "startDate": write(one["startDate"]), "endDate": write(one["endDate"])} for one in found]
