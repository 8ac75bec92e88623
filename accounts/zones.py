"""The time zones there are, and what their clocks show."""

import zoneinfo
from datetime import UTC, datetime, timedelta
from functools import cache


@cache
def known_zones() -> frozenset[str]:
    """The names of all IANA zones; looking them up walks through hundreds of files, so it is done once."""
    return frozenset(zoneinfo.available_timezones())


def wall_clock(at: datetime, zone: zoneinfo.ZoneInfo) -> datetime:
    """What the clocks of a zone show at that moment, to the second, without a zone."""
    return at.astimezone(zone).replace(tzinfo=None, fold=0, microsecond=0)


def instant(wall: datetime, zone: zoneinfo.ZoneInfo) -> datetime:
    """When the clocks of a zone show this: the first time if they show it twice, the end of the gap if they skip it."""
    early = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if wall_clock(early, zone) == wall:
        return early
    # In a gap the two folds lie on both sides of it.
    before, after = wall.replace(tzinfo=zone, fold=1).astimezone(UTC), early
    offset = after.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) // 2
        if middle.astimezone(zone).utcoffset() == offset:
            after = middle
        else:
            before = middle
    return after.replace(microsecond=0)
