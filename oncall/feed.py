"""The watch as iCalendar (RFC 5545), for the calendars of other programs. Reads nothing."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.module_loading import import_string

from oncall.watching import Watch

if TYPE_CHECKING:
    from icalendar import Calendar, Event

MEDIA_TYPE = "text/calendar; charset=utf-8"
BACK, AHEAD = timedelta(days=31), timedelta(days=183)


def feed_of(watches: Iterable[Watch], *, name: str, now: datetime, person: int | None = None) -> bytes:
    """A calendar with each shift from a month ago to half a year ahead; of one person if they are named."""
    # Loaded with the first feed, because it would cost every web process six megabytes.
    calendar: Calendar = import_string("icalendar.Calendar")()
    calendar.add("prodid", "-//Decklog//On call//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", name)
    calendar.add("refresh-interval", timedelta(minutes=15), parameters={"VALUE": "DURATION"})
    for watch in watches:
        for event in _shifts(watch, now=now, person=person):
            calendar.add_component(event)
    return bytes(calendar.to_ical())


def _shifts(watch: Watch, *, now: datetime, person: int | None) -> "Iterable[Event]":
    since: dict[int, datetime] = {}
    pieces = watch.final(now - BACK, now + AHEAD)
    for piece in [*pieces, pieces[-1]._replace(start=pieces[-1].end, people=frozenset())]:
        for pk in set(since) - piece.people:
            yield _event(watch, pk, since.pop(pk), piece.start, now=now)
        for pk in piece.people - set(since):
            if person in (None, pk):
                since[pk] = piece.start


def _event(watch: Watch, pk: int, start: datetime, end: datetime, **at: datetime) -> "Event":
    schedule, who = watch.schedule, watch.people[pk]
    event: Event = import_string("icalendar.Event")()
    host = urlsplit(settings.BASE_URL).hostname or "decklog"
    event.add("uid", f"{schedule.ref}-{pk}-{int(start.timestamp())}@{host}".lower())
    event.add("dtstamp", at["now"].replace(microsecond=0))
    event.add("dtstart", start.replace(microsecond=0))
    event.add("dtend", end.replace(microsecond=0))
    event.add("summary", f"{who.name}: {schedule.name}")
    event.add("url", f"{settings.BASE_URL}/oncall/{schedule.slug}")
    event.add("transp", "TRANSPARENT")
    return event
