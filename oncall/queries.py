"""Reads of who has the watch."""

from datetime import datetime
from typing import Literal

Coverage = Literal["reachable", "nobody", "unknown"]


def coverage(service_id: int, start: datetime, end: datetime) -> Coverage:
    """Whether somebody can be reached for the service in all of [start, end); `unknown` where no schedule says."""
    return "unknown"
