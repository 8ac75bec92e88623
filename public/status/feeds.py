"""The status page for programs that read feeds and calendars; the ids stay the same for ever."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.feedgenerator import Atom1Feed, Rss201rev2Feed, SyndicationFeed
from django.utils.module_loading import import_string

from changes.calendar.feed import plain
from public import boundary
from public.look import look
from public.status import pages

if TYPE_CHECKING:
    from icalendar import Calendar, Event

FEED = 30
FEEDS: dict[str, type[SyndicationFeed]] = {"atom": Atom1Feed, "rss": Rss201rev2Feed}
KEPT = timedelta(days=30)
"""How long maintenance that is over stays in the calendar."""


def feed_of(form: str) -> str:
    """The newest 30 incidents as a feed, `atom` or `rss`; one that has a new update is the same entry, updated."""
    address = f"{settings.BASE_URL}/status"
    feed = FEEDS[form](
        title=f"{look().name}: status",
        link=address,
        description="What does not work, and what was done about it.",
        feed_url=f"{address}.{form}",
        language="en",
    )
    for incident in pages.newest(FEED):
        link = f"{settings.BASE_URL}{incident.address}"
        feed.add_item(
            title=incident.title,
            link=link,
            description="\n\n".join(f"{said.get_status_display()}. {said.message}" for said in incident.updates),
            unique_id=link,
            pubdate=incident.updates[-1].published_at,
            updateddate=incident.updates[0].published_at,
            categories=[service.name for service in incident.components],
        )
    return str(feed.writeString("utf-8"))


def calendar_of(*, now: datetime) -> bytes:
    """Announced maintenance as iCalendar, from 30 days ago on."""
    calendar: Calendar = import_string("icalendar.Calendar")()
    calendar.add("prodid", "-//Maintenance//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", plain(f"{look().name}: maintenance"))
    for change in boundary.maintenance(since=now - KEPT, now=now):
        calendar.add_component(_event(pages.window_of(change), now=now))
    return bytes(calendar.to_ical())


def _event(window: pages.Window, *, now: datetime) -> "Event":
    event: Event = import_string("icalendar.Event")()
    event.add("uid", f"maintenance-{window.change.pk}@{urlsplit(settings.BASE_URL).hostname or 'localhost'}")
    event.add("dtstamp", now.astimezone(UTC).replace(microsecond=0))
    event.add("dtstart", window.start.astimezone(UTC).replace(microsecond=0))
    event.add("dtend", window.end.astimezone(UTC).replace(microsecond=0))
    names = ", ".join(service.name for service in window.components)
    event.add("summary", plain(f"Maintenance: {names}"))
    event.add("description", plain("\n".join(text for text in (window.title, window.text) if text)))
    event.add("url", f"{settings.BASE_URL}/status")
    event.add("status", "CONFIRMED")
    event.add("transp", "TRANSPARENT")
    return event
