"""Public pages as copies: rendered once for everybody, on the organisation's clock."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import timezone

from public.look import look
from public.shelf import SHELF, Copy, serve

HEARD = ("component", "q", "cursor")
"""The parameters that make another page; what else stands in an address changes nothing and gets no copy of its own."""
HTML, JSON = "text/html; charset=utf-8", "application/json"


def public_page(request: HttpRequest, template: str, content: Callable[[datetime], Mapping[str, Any]]) -> HttpResponse:
    """The page of `template` with what `content(now)` says, from the shelf where it lies there."""

    def make() -> Copy:
        now = datetime.now(UTC)
        with timezone.override(settings.ORGANISATION_TIME_ZONE):
            words = {"look": look(), "now": now, "here": request.path, **content(now)}
            return Copy(render_to_string(template, words).encode(), HTML, now)

    return _served(request, make)


def public_json(request: HttpRequest, content: Callable[[datetime], Mapping[str, Any]]) -> HttpResponse:
    """The same as JSON, with the moment it was made in `as_of`."""

    def make() -> Copy:
        now = datetime.now(UTC)
        said = {"as_of": now.isoformat(timespec="seconds").replace("+00:00", "Z"), **content(now)}
        return Copy(orjson.dumps(said), JSON, now)

    return _served(request, make)


def public_text(request: HttpRequest, media_type: str, content: Callable[[datetime], str | bytes]) -> HttpResponse:
    """The same for a feed or a calendar, which `content(now)` writes."""

    def make() -> Copy:
        now = datetime.now(UTC)
        text = content(now)
        return Copy(text if isinstance(text, bytes) else text.encode(), media_type, now)

    return _served(request, make)


def _served(request: HttpRequest, make: Callable[[], Copy]) -> HttpResponse:
    query = urlencode([(name, text) for name, text in sorted(request.GET.items()) if name in HEARD])
    copy = SHELF.take(f"{request.path}?{query}", make, is_filed=not query)
    with timezone.override(settings.ORGANISATION_TIME_ZONE):
        return serve(request, copy)
