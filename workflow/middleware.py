"""What every request passes through: a request id and a log line, security headers, and a clean 503."""

import logging
import re
import time
import uuid
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import structlog
from django.conf import settings
from django.core.handlers.exception import convert_exception_to_response
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.response import SimpleTemplateResponse
from django.urls import ResolverMatch, get_resolver, get_urlconf
from prometheus_client import Histogram

from workflow.doors import problem
from workflow.logs import log_line

log = structlog.get_logger("decklog.request")
ACCESS = logging.getLogger("decklog.access")
API = "/api/"
ENDPOINTS = "/api/v1/"
"""What machines call; the rest under API is pages for people."""
Answer = Callable[[HttpRequest], HttpResponse]

REQUEST_ID = re.compile(r"[A-Za-z0-9_.-]{8,64}\Z")
REQUEST_SECONDS = Histogram(
    "decklog_http_request_seconds",
    "Time to answer a request, by method, route and status.",
    ["method", "route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
RESET_LINK = "/password/reset/key/"
SECRET_PARTS = {"key", "token", "uidb36", "uidb64"}
LONGEST_PATH = 500
METHODS = {"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"}
QUIET = {"/healthz", "/readyz", "/metrics"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)


MACHINE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}


class RequestLog:
    """Gives each request an id (the caller's, if it sends a sane X-Request-Id), measures it and logs it."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request under its id."""
        start = time.perf_counter()
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        request_id = given if REQUEST_ID.match(given) else uuid.uuid4().hex
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        answer = self.get_response(request)
        answer["X-Request-Id"] = request_id
        seconds = time.perf_counter() - start
        route = request.resolver_match.route if request.resolver_match else "unmatched"
        # Strangers may invent methods; each would be a series that is kept for good.
        method = request.method if request.method in METHODS else "other"
        REQUEST_SECONDS.labels(method, route, answer.status_code).observe(seconds)
        if request.path not in QUIET and not request.path.startswith(settings.STATIC_URL):
            facts = {"method": request.method, "path": _loggable_path(request), "status": answer.status_code}
            log_line(ACCESS, "request", request_id=request_id, ms=round(seconds * 1000, 1), **facts)
        return answer


def _loggable_path(request: HttpRequest) -> str:
    """The path, or its pattern where the path itself is a credential, as in the link that sets a new password."""
    if RESET_LINK in request.path:
        # Also where no pattern fits, because the link was shortened or came under a wrong name of this host.
        return f"{RESET_LINK}…"
    match = request.resolver_match
    return match.route if match and SECRET_PARTS & match.kwargs.keys() else request.path[:LONGEST_PATH]


class SecurityHeaders:
    """Adds the content security policy and its companions; Django 5.2 has no setting for them."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response
        self.headers = {
            "Content-Security-Policy": POLICY,
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        }
        if settings.IS_HTTPS:
            self.headers["Strict-Transport-Security"] = f"max-age={settings.SECURE_HSTS_SECONDS}; includeSubDomains"

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request, with the headers that the view did not set itself."""
        answer = self.get_response(request)
        # Machines read JSON: what tells a browser how to treat a page is left out, and sniffing stays forbidden.
        is_for_machines = request.path_info.startswith(API) and answer.headers.get("Content-Type", "").endswith("json")
        for name, value in (MACHINE_HEADERS if is_for_machines else self.headers).items():
            answer.headers.setdefault(name, value)
        if not answer.has_header("Cache-Control") and not request.path.startswith(settings.STATIC_URL):
            answer.headers["Cache-Control"] = "no-store"
        return answer


class DatabaseAway:
    """Answers 503 with Retry-After when the database does not, instead of an error nobody can act on."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Turn the database's absence into a 503; leave every other error alone."""
        return database_away(request, error) if isinstance(error, OperationalError | InterfaceError) else None


def database_away(request: HttpRequest, error: Exception) -> HttpResponse:
    """The 503 for a request that met an absent database."""
    log.error("database_away", error=str(error))
    if request.path.startswith(API):
        answer = problem(503, "database_away", "The database does not answer. Nothing was written; send it again.")
    else:
        answer = render(request, "errors/503.html", status=503)
    answer["Retry-After"] = "5"
    return answer


def brings_token(meta: Mapping[str, Any]) -> bool:
    """Whether a request carries a token to an endpoint of the API."""
    return "HTTP_AUTHORIZATION" in meta and meta.get("PATH_INFO", "").startswith(ENDPOINTS)


@lru_cache(maxsize=512)
def resolved(path: str, urlconf: str | None) -> ResolverMatch:
    """The endpoint of a path; the few that machines call all day are looked up once."""
    return get_resolver(urlconf).resolve(path)


class StraightToApi:
    """Takes requests that carry a token straight to their endpoint.

    A machine has no session, no CSRF token, no messages and no time zone, so the middleware behind this one would only
    make it wait. A request of a browser goes on as usual.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response
        self.straight: Answer = convert_exception_to_response(self._straight)  # type: ignore[assignment]  # never async

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request."""
        return self.straight(request) if brings_token(request.META) else self.get_response(request)

    def _straight(self, request: HttpRequest) -> HttpResponse:
        match = resolved(request.path_info, get_urlconf())
        request.resolver_match = match
        try:
            answer: HttpResponse = match.func(request, *match.args, **match.kwargs)
            if isinstance(answer, SimpleTemplateResponse) and not answer.is_rendered:
                answer.render()
        except (OperationalError, InterfaceError) as error:
            return database_away(request, error)
        return answer
