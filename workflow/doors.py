"""The doors: how a refusal leaves Decklog, through the API and through a web form."""

import math
from collections.abc import Iterable
from typing import Any

import orjson
from django import forms
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from rest_framework import exceptions
from rest_framework.response import Response

from workflow.errors import InvalidFields, RuleViolation, TooMany

PROBLEM = "application/problem+json"
TITLES = {
    400: "Malformed request",
    401: "Not signed in",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    409: "Conflict with the present state",
    413: "Too large",
    415: "Unsupported media type",
    422: "Not acceptable as it is",
    429: "Too many requests",
    500: "Our fault",
    503: "Away for a moment",
}
FieldError = tuple[str, str, str]


def problem_body(status: int, code: str, detail: str, errors: Iterable[FieldError] = ()) -> dict[str, Any]:
    """An RFC 9457 problem as a dictionary; `errors` are (field, code, message)."""
    return {
        "type": f"urn:decklog:problem:{code}",
        "title": TITLES.get(status, "Refused"),
        "status": status,
        "code": code,
        "detail": detail,
        "errors": [{"field": field, "code": kind, "message": message} for field, kind, message in errors],
    }


def problem(status: int, code: str, detail: str, errors: Iterable[FieldError] = ()) -> HttpResponse:
    """The same as an answer."""
    return _answer(problem_body(status, code, detail, errors))


def _answer(body: dict[str, Any]) -> HttpResponse:
    answer = HttpResponse(orjson.dumps(body), status=body["status"], content_type=PROBLEM)
    if body["status"] == 401:
        answer["WWW-Authenticate"] = 'Bearer realm="Decklog"'
    return answer


def refusal_body(refusal: RuleViolation) -> dict[str, Any]:
    """The problem that says what `refusal` says."""
    if isinstance(refusal, InvalidFields):
        errors = refusal.errors
    else:
        errors = [(refusal.field, refusal.code, refusal.message)] if refusal.field else []
    return problem_body(refusal.status, refusal.code, refusal.message, errors)


def refused(refusal: RuleViolation) -> HttpResponse:
    """The API's answer to a refusal."""
    answer = _answer(refusal_body(refusal))
    if isinstance(refusal, TooMany):
        answer["Retry-After"] = str(refusal.wait)
    return answer


def problem_response(error: Exception, context: dict[str, Any]) -> Response | HttpResponse | None:
    """DRF's exception handler: every error that has an answer gets it as a problem; others stay errors."""
    if isinstance(error, RuleViolation):
        return refused(error)
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    if isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    if not isinstance(error, exceptions.APIException):
        return None
    return _api_problem(error)


def _api_problem(error: exceptions.APIException) -> HttpResponse:
    if isinstance(error, exceptions.ValidationError):
        errors = list(_field_errors(error.get_full_details()))
        return problem(422, "invalid", errors[0][2] if errors else "Some fields are wrong.", errors)
    codes = error.get_codes()
    code = codes if isinstance(codes, str) else "error"
    answer = problem(error.status_code, code, str(error.detail))
    wait = getattr(error, "wait", None)
    if wait is not None:
        answer["Retry-After"] = str(max(1, math.ceil(wait)))
    return answer


def _field_errors(details: Any, path: str = "") -> Iterable[FieldError]:
    if isinstance(details, dict) and set(details) == {"message", "code"}:
        yield path, details["code"], details["message"]
    elif isinstance(details, dict):
        for name, inner in details.items():
            yield from _field_errors(inner, path if name == "non_field_errors" else f"{path}.{name}".lstrip("."))
    elif isinstance(details, list):
        for inner in details:
            yield from _field_errors(inner, path)


def show_refusal(form: forms.BaseForm, refusal: RuleViolation) -> None:
    """Put a refusal beside the field it is about, or above the form; the rule's code goes with it."""
    pairs = refusal.errors if isinstance(refusal, InvalidFields) else [(refusal.field, refusal.code, refusal.message)]
    for field, code, message in pairs:
        form.add_error(field if field in form.fields else None, forms.ValidationError(message, code=code))
