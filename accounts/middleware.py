"""Times in the reader's zone, and the way to the first account."""

import zoneinfo
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from accounts.models import User


class ReaderTimeZone:
    """Activates the signed-in person's time zone, else the organisation's, for the templates of web pages."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request in the reader's zone."""
        # Machines read no local times, and what they ask about the process's health must not need the database.
        if request.path.startswith(("/api/", "/healthz", "/readyz", "/metrics")):
            return self.get_response(request)
        name = getattr(request.user, "time_zone", "") or settings.ORGANISATION_TIME_ZONE
        with timezone.override(zoneinfo.ZoneInfo(name)):
            return self.get_response(request)


class FirstAdministrator:
    """Leads every page of an installation in which nobody has an account yet to the one that makes the first."""

    OPEN = ("/welcome", "/static/", "/api/", "/healthz", "/readyz", "/metrics")

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, or lead to /welcome."""
        # Whoever is signed in proves that somebody has an account, so only strangers cost a look.
        if request.path.startswith(self.OPEN) or request.user.is_authenticated or User.objects.exists():
            return self.get_response(request)
        return redirect("welcome")
