"""What every request passes through: a request id and a log line, security headers, and a clean 503."""

import re
import time
import uuid
from collections.abc import Callable

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from prometheus_client import Histogram

from workflow.doors import problem

log = structlog.get_logger("decklog.request")
Answer = Callable[[HttpRequest], HttpResponse]

REQUEST_ID = re.compile(r"[A-Za-z0-9_.-]{8,64}\Z")
REQUEST_SECONDS = Histogram(
    "decklog_http_request_seconds",
    "Time to answer a request, by method, route and status.",
    ["method", "route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
QUIET = {"/healthz", "/readyz", "/metrics"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)


class RequestLog:
    """Gives each request an id (the caller's, if it sends a sane X-Request-Id), measures it and logs it."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request under its id."""
        start = time.perf_counter()
        given = request.headers.get("X-Request-Id", "")
        request_id = given if REQUEST_ID.match(given) else uuid.uuid4().hex
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        answer = self.get_response(request)
        answer["X-Request-Id"] = request_id
        seconds = time.perf_counter() - start
        route = request.resolver_match.route if request.resolver_match else "unmatched"
        REQUEST_SECONDS.labels(request.method, route, answer.status_code).observe(seconds)
        if request.path not in QUIET and not request.path.startswith(settings.STATIC_URL):
            log.info(
                "request",
                method=request.method,
                path=request.path,
                status=answer.status_code,
                ms=round(seconds * 1000, 1),
            )
        return answer


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
        for name, value in self.headers.items():
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
        if not isinstance(error, OperationalError | InterfaceError):
            return None
        log.error("database_away", error=str(error))
        if request.path.startswith("/api/"):
            answer = problem(503, "database_away", "The database does not answer. Nothing was written; send it again.")
        else:
            answer = render(request, "errors/503.html", status=503)
        answer["Retry-After"] = "5"
        return answer
