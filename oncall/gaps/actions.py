"""Telling teams of gaps in their watch."""

from datetime import datetime
from zoneinfo import ZoneInfo

from django.db import transaction

from accounts.contacts.actions import tell_all
from accounts.models import Membership, User
from accounts.zones import wall_clock
from oncall import queries
from oncall.gaps.messages import gaps_told

HOUR = 8
"""From when on Monday, on the clocks of the schedule, a team is told."""


@transaction.atomic
def tell_of_gaps(*, now: datetime) -> int:
    """Tell the leads of each team, or its members where nobody leads, of gaps in the next two weeks; how many letters.

    On Mondays from eight on the clocks of the schedule. The week is in the key of the letter, so asking again says
    nothing again.
    """
    letters = []
    for standing in queries.standings(queries.schedules().filter(is_enabled=True), now):
        schedule = standing.watch.schedule
        local = wall_clock(now, ZoneInfo(schedule.time_zone))
        if not standing.gaps or local.weekday() or local.hour < HOUR:
            continue
        week = f"{local:%G-W%V}"
        letters += [gaps_told(standing, to=to, week=week) for to in _to_be_told(schedule.team_id)]
    tell_all(letters, at=now)
    return len(letters)


def _to_be_told(team_id: int) -> list[User]:
    found = list(Membership.objects.filter(team=team_id, user__is_active=True).select_related("user"))
    leads = [one.user for one in found if one.is_lead]
    return leads or [one.user for one in found]
