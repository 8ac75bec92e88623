"""Times in the reader's zone."""

import zoneinfo
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone


class ReaderTimeZone:
    """Activates the signed-in person's time zone, else the organisation's, for the templates of web pages."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request in the reader's zone."""
        if request.path.startswith("/api/"):
            return self.get_response(request)
        name = getattr(request.user, "time_zone", "") or settings.ORGANISATION_TIME_ZONE
        with timezone.override(zoneinfo.ZoneInfo(name)):
            return self.get_response(request)
