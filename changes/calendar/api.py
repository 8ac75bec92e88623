"""The doors of the calendar: `/api/v1/calendar` and its feed."""

from typing import ClassVar

from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import ApiView
from changes.calendar import agenda, schema
from changes.calendar.board import MOST_COLLISIONS
from changes.calendar.feed import MEDIA_TYPE, feed_of
from changes.calendar.queries import surroundings
from changes.calendar.serializers import collisions_json, entry_json, freeze_json, read_asked, read_narrowed
from changes.freezes.queries import all_windows

MOST_CHANGES = 2_000


class CalendarView(ApiView):
    """What is planned when."""

    scopes: ClassVar[dict[str, str]] = {"GET": "read"}

    @schema.READ_CALENDAR
    def get(self, request: Request) -> Response:
        """The changes that people filed in their windows, the times of freezes, and what collides."""
        span, filters = read_asked(request.query_params, now=timezone.now())
        around = surroundings()
        found = agenda.entries([span], filters, most=MOST_CHANGES)
        planned, shown = agenda.planned(span, filters, around)
        collisions = agenda.collisions(planned, shown, around, most=MOST_COLLISIONS)
        content = {
            "changes": [entry_json(entry) for entry in found],
            "truncated": bool(found) and found[0].total > len(found),
            "freezes": [freeze_json(window) for window in all_windows(*span)],
            "collisions": collisions_json(collisions, around, agenda.hands(planned)),
        }
        return Response(content)


class CalendarFeed(ApiView):
    """The same for calendar programs that can send a token."""

    scopes: ClassVar[dict[str, str]] = {"GET": "read"}

    @schema.READ_FEED
    def get(self, request: Request) -> HttpResponse:
        """The filed changes from 31 days ago to a year ahead as iCalendar; cancelled ones say so."""
        now, filters = timezone.now(), read_narrowed(request.query_params)
        return HttpResponse(feed_of(agenda.in_feed(filters, now=now), name="Changes", now=now), content_type=MEDIA_TYPE)
