"""The API's own description: the OpenAPI document, and the page on which people read and try it."""

from functools import lru_cache
from typing import Any, ClassVar

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import ApiView


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # drf-spectacular's own is untyped
    """How a machine says who it is. A signed-in browser needs nothing but its CSRF token when it writes."""

    target_class = "accounts.authentication.BearerToken"
    name = "token"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        """The scheme."""
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "dlk_<id>_<secret>",
            "description": "A token from Settings. It acts as its owner, with at most the scopes it was given.",
        }

    def get_security_requirement(self, auto_schema: AutoSchema) -> dict[str, list[str]]:
        """The scope that the endpoint wants."""
        scope = getattr(auto_schema.view, "scopes", {}).get(auto_schema.method, "")
        return {self.name: [scope] if scope else []}


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    """The OpenAPI document; the same for everybody, so a process works it out once."""
    generator: Any = SchemaGenerator
    found: dict[str, Any] = generator().get_schema(request=None, public=True)
    return found


class OpenApiDocument(ApiView):
    """This document."""

    scopes: ClassVar[dict[str, str]] = {"GET": "read"}

    @extend_schema(
        operation_id="read_openapi",
        summary="Read this document",
        tags=["openapi"],
        responses={200: {"type": "object", "required": ["openapi", "info", "paths"]}},
    )
    def get(self, request: Request) -> Response:
        """The API in the words of OpenAPI, for generators of clients and for tests."""
        return Response(document())


@login_required
@require_safe
def api_docs(request: HttpRequest) -> HttpResponse:
    """The document as a page on which each request can be tried."""
    return render(request, "api_docs.html")
