"""The way of an outsider to a public page, past all that knows readers."""

from collections.abc import Callable

from django.core.handlers.exception import convert_exception_to_response
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404

from workflow.middleware import database_away, resolved

Answer = Callable[[HttpRequest], HttpResponse]
PATHS = ("/status", "/changelog", "/maintenance.ics", "/public/look")
"""How the paths of outsiders' pages begin."""


class StraightToPublic:
    """Takes readers of public pages straight to them.

    These pages are the same for everybody, so session, sign-in and time zone would only be asked for nothing, and would
    ask a database that may be away.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response
        self.straight: Answer = convert_exception_to_response(self._straight)  # type: ignore[assignment]  # never async

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request."""
        is_read = request.method in {"GET", "HEAD"} and request.path_info.startswith(PATHS)
        return self.straight(request) if is_read else self.get_response(request)

    def _straight(self, request: HttpRequest) -> HttpResponse:
        try:
            match = resolved(request.path_info, "public.outside")
        except Resolver404:
            return self.get_response(request)
        request.resolver_match = match
        try:
            answer: HttpResponse = match.func(request, *match.args, **match.kwargs)
        except (OperationalError, InterfaceError) as error:
            return database_away(request, error)
        return answer
