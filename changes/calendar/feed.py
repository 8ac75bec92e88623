"""Changes as iCalendar (RFC 5545), for the calendars of other programs. Reads nothing.

`icalendar` folds lines and escapes texts; what a calendar cannot hold at all is taken out here. It is loaded with the
first feed, because it would cost every web process six megabytes and few of them are ever asked for one.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.module_loading import import_string

from changes.models import Change
from changes.states import Authorization, State
from workflow import tones

if TYPE_CHECKING:
    from icalendar import Calendar, Event

MEDIA_TYPE = "text/calendar; charset=utf-8"
AGAIN_IN = timedelta(minutes=15)
"""How often a calendar program is asked to look again."""
CANCELLED = {State.REJECTED, State.WITHDRAWN, State.EXPIRED}
TENTATIVE = {State.DRAFT, State.SUBMITTED}
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u0085\u2028\u2029\ud800-\udfff]")
_START = datetime(2020, 1, 1, tzinfo=UTC)


def feed_of(changes: Iterable[Change], *, name: str, now: datetime) -> bytes:
    """A calendar with an event for each change, which must have its service, environment and ticket loaded."""
    calendar: Calendar = import_string("icalendar.Calendar")()
    calendar.add("prodid", "-//Decklog//Changes//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", plain(name))
    calendar.add("refresh-interval", AGAIN_IN, parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", "PT15M")
    for change in changes:
        calendar.add_component(_event(change, now=now))
    return bytes(calendar.to_ical())


def _event(change: Change, *, now: datetime) -> "Event":
    start = change.window_start or change.started_at or change.at
    end = change.window_end or change.finished_at or now
    event: Event = import_string("icalendar.Event")()
    event.add("uid", f"{change.ref.lower()}@{urlsplit(settings.BASE_URL).hostname or 'decklog'}")
    event.add("dtstamp", change.updated_at.astimezone(UTC).replace(microsecond=0))
    event.add("dtstart", start.astimezone(UTC).replace(microsecond=0))
    event.add("dtend", max(end, start + timedelta(minutes=1)).astimezone(UTC).replace(microsecond=0))
    event.add("created", change.created_at.astimezone(UTC).replace(microsecond=0))
    event.add("last-modified", change.updated_at.astimezone(UTC).replace(microsecond=0))
    # The seconds since a fixed day rise with every edit, which is all that a sequence must do.
    event.add("sequence", max(0, int((change.updated_at - _START).total_seconds())))
    event.add("summary", plain(f"{change.ref} {change.title}"))
    event.add("description", plain(_told(change)))
    event.add("url", f"{settings.BASE_URL}/changes/{change.ref}")
    event.add("categories", [change.service.slug, change.environment.slug])
    event.add("status", _status(change))
    event.add("transp", "TRANSPARENT")
    return event


def _told(change: Change) -> str:
    look = tones.look(change)
    lines = [f"{look.word}. {change.service.slug} in {change.environment.slug}."]
    if change.customer_impacting:
        lines.append("Customers notice.")
    if change.authorization == Authorization.EMERGENCY:
        lines.append("An emergency.")
    return "\n".join([*lines, f"{settings.BASE_URL}/changes/{change.ref}"])


def _status(change: Change) -> str:
    if change.state in CANCELLED:
        return "CANCELLED"
    return "TENTATIVE" if change.state in TENTATIVE else "CONFIRMED"


def plain(text: str) -> str:
    """The text without the control characters that a calendar cannot hold."""
    return _CONTROL.sub(" ", text.replace("\r\n", "\n").replace("\r", "\n"))
