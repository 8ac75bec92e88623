"""The time zones there are."""

import zoneinfo
from functools import cache


@cache
def known_zones() -> frozenset[str]:
    """The names of all IANA zones; looking them up walks through hundreds of files, so it is done once."""
    return frozenset(zoneinfo.available_timezones())
