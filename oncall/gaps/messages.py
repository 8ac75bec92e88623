"""The wording of what is sent about gaps. The first line carries who must do what by when, with the link."""

from datetime import datetime
from zoneinfo import ZoneInfo

from accounts.contacts.letters import Letter
from accounts.contacts.policy import Urgency
from accounts.models import User
from oncall.queries import Standing
from oncall.shifts.messages import schedule_url
from workflow.moments import plural

MOST = 10
"""How many gaps a letter lists."""


def gaps_told(standing: Standing, *, to: User, week: str) -> Letter:
    """Asks a lead to cover the gaps of the next two weeks."""
    schedule, gaps = standing.watch.schedule, standing.gaps
    zone = ZoneInfo(schedule.time_zone)
    count = f"{len(gaps)} {plural('gap', len(gaps))}"
    first = _at(gaps[0].start, zone)
    lines = [
        f"Cover {count} in the watch of {schedule.name} before {first}: {schedule_url(schedule)}",
        "",
        *(f"Nobody has it from {_at(gap.start, zone)} to {_at(gap.end, zone)}." for gap in gaps[:MOST]),
        *([f"And {len(gaps) - MOST} more."] if len(gaps) > MOST else []),
        "",
        f"Times are on the clocks of {schedule.time_zone}.",
    ]
    title = f"{count} in the watch of {schedule.name} in the next two weeks"
    key = f"gaps:{schedule.pk}:{week}:{to.pk}"
    return Letter(to.pk, Urgency.ASK, key, title, "\n".join(lines), schedule.ref)


def _at(at: datetime, zone: ZoneInfo) -> str:
    local = at.astimezone(zone)
    return f"{local:%a} {local.day} {local:%b %H:%M}"
