"""The pages for what went wrong; each says what happened and what to do next. Under /api/ the answer is a problem."""

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from workflow.doors import problem


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404, also for what the reader may not see."""
    if request.path.startswith("/api/"):
        return problem(404, "not_found", "There is nothing at this address, or you may not see it.")
    return render(request, "errors/404.html", status=404)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403."""
    if request.path.startswith("/api/"):
        return problem(403, "forbidden", "You may not do this.")
    return render(request, "errors/403.html", {"because": str(exception)}, status=403)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400."""
    if request.path.startswith("/api/"):
        return problem(400, "malformed", "The request cannot be read.")
    return render(request, "errors/400.html", status=400)


def server_error(request: HttpRequest) -> HttpResponse:
    """500, or 503 when the reason is that the database is away."""
    error = sys.exc_info()[1]
    is_away = isinstance(error, OperationalError | InterfaceError)
    status, code = (503, "database_away") if is_away else (500, "server_error")
    detail = "The database does not answer." if is_away else "That was our fault. It has been logged."
    if request.path.startswith("/api/"):
        answer = problem(status, code, detail)
    else:
        answer = render(request, f"errors/{status}.html", status=status)
    if is_away:
        answer["Retry-After"] = "5"
    return answer


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form that was open for too long, or that came from another site; what was typed is still in the browser."""
    return render(request, "errors/csrf.html", status=403)
