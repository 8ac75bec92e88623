"""How long it takes to resolve twelve months of a schedule of ten people: bound 50 ms. No database, no server.

Each line is the best of 20, in milliseconds of processor time, because what else runs on the machine is no matter of
the rota's.
"""

import sys
import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from oncall import rota
from oncall.rota import Restriction, Rotation, Schedule

ROUNDS, BOUND = 20, 50.0
START = datetime(2026, 3, 1, tzinfo=UTC)
YEAR = timedelta(days=365)
NIGHTS = (Restriction(22 * 60, 6 * 60),)


def main() -> int:
    """Print the table; 1 when the bound of the weekly schedule is missed."""
    found = {
        "weekly": _best(Rotation(1, "weekly", START, _turns())),
        "daily, nights only": _best(Rotation(1, "daily", START, _turns(), restrictions=NIGHTS)),
        "hourly": _best(Rotation(1, "hourly", START, _turns())),
    }
    for name, took in found.items():
        sys.stdout.write(f"{name:<20} {took:8.1f} ms\n")
    is_met = found["weekly"] <= BOUND and found["daily, nights only"] <= BOUND
    sys.stdout.write(f"bound {BOUND:.0f} ms for handoffs by week and by day: {'met' if is_met else 'missed'}\n")
    return 0 if is_met else 1


def _turns() -> tuple[frozenset[int], ...]:
    return tuple(frozenset({person}) for person in range(10))


def _best(rotation: Rotation) -> float:
    schedule = Schedule(ZoneInfo("Europe/Berlin"), (rotation,))
    took = []
    for _ in range(ROUNDS):
        rota.instant.cache_clear()
        began = time.process_time()
        rota.final_schedule(schedule, START, START + YEAR)
        took.append((time.process_time() - began) * 1000)
    return min(took)
