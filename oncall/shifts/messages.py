"""The wording of what is sent about shifts. The first line carries who must do what by when, with the link."""

from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings

from accounts.contacts.letters import Letter
from accounts.contacts.policy import Urgency
from accounts.models import User
from oncall.models import Override, Schedule, SwapRequest
from workflow.lines import brief


def schedule_url(schedule: Schedule) -> str:
    """The web page of a schedule."""
    return f"{settings.BASE_URL}/oncall/{schedule.slug}"


def override_told(override: Override, *, who: str, to: User) -> Letter:
    """Tells somebody that they have the watch now, or have it no longer, because of an override."""
    schedule, takes = override.schedule, to.pk == override.user_id
    when = _when(override.start, override.end, schedule)
    does = "You have" if takes else f"{brief(str(override.user))} has"
    lines = [
        f"{does} the watch of {schedule.name} {when}: {schedule_url(schedule)}",
        "",
        f"{brief(who)} entered it.{f' Why: {brief(override.reason)}' if override.reason else ''}",
    ]
    title = f"{does} the watch of {schedule.name} {when}"
    return _letter(to, Urgency.NEWS, schedule, key=f"override:{override.pk}", said=(title, lines))


def swap_asked(swap: SwapRequest, *, who: str) -> Letter:
    """Asks somebody to take another's watch."""
    schedule = swap.schedule
    when = _when(swap.start, swap.end, schedule)
    lines = [
        f"Agree or decline before it begins: take the watch of {schedule.name} {when}: {schedule_url(schedule)}#swaps",
        "",
        f"{brief(who)} asks you.{f' Why: {brief(swap.reason)}' if swap.reason else ''}",
    ]
    title = f"{brief(who)} asks you to take the watch of {schedule.name} {when}"
    letter = _letter(swap.asked, Urgency.ASK, schedule, key=f"swap:{swap.pk}", said=(title, lines))
    return letter.until(swap.end)


def swap_answered(swap: SwapRequest) -> Letter:
    """Tells who asked what became of it."""
    schedule = swap.schedule
    when = _when(swap.start, swap.end, schedule)
    agreed = swap.state == SwapRequest.State.ACCEPTED
    title = f"{brief(str(swap.asked))} {'takes' if agreed else 'does not take'} your watch of {schedule.name} {when}"
    more = "Nothing is left for you to do." if agreed else "You still have it. Ask somebody else."
    lines = [f"{title}: {schedule_url(schedule)}", "", more]
    return _letter(swap.asked_by, Urgency.NEWS, schedule, key=f"swap:{swap.pk}:answer", said=(title, lines))


def _letter(to: User, urgency: Urgency, schedule: Schedule, *, key: str, said: tuple[str, list[str]]) -> Letter:
    title, lines = said
    return Letter(to.pk, urgency, f"{key}:{to.pk}", title, "\n".join(lines), schedule.ref)


def _when(start: datetime, end: datetime, schedule: Schedule) -> str:
    zone = ZoneInfo(schedule.time_zone)
    first, last = start.astimezone(zone), end.astimezone(zone)
    return (
        f"from {first:%a} {first.day} {first:%b %H:%M} to {last:%a} {last.day} {last:%b %H:%M} ({schedule.time_zone})"
    )
