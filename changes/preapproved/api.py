"""The door for scripts: `/api/v1/templates`. The same actions as on the page."""

from dataclasses import replace
from typing import Any, ClassVar

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import ApiView
from accounts.authentication import caller_of
from changes.preapproved import actions, queries, schema
from changes.preapproved.content import terms_of
from changes.preapproved.serializers import row_json, template_json
from changes.preapproved.shapes import Approval, Retirement, read_edit, read_new
from workflow.errors import InvalidFields
from workflow.idempotency import answers_once
from workflow.lists import Wanted, list_json, page_of, read_wanted
from workflow.shapes import validated

FILTERS = {"state": "state", "service": "services__slug"}
"""The parameters of the list and the columns they compare."""


def _shown(request: Request, slug: str) -> dict[str, Any]:
    return template_json(queries.standing_of(slug), by=caller_of(request))


def _known(wanted: Wanted) -> dict[str, str]:
    state = wanted.filters.get("state", schema.STATES[0])
    if state not in schema.STATES:
        because = f"“{state[:40]}” is no state. Write {', '.join(schema.STATES)}."
        raise InvalidFields([("state", "not_a_choice", because)], status=400)
    return {FILTERS[name]: value for name, value in wanted.filters.items()}


class Templates(ApiView):
    """The templates."""

    scopes: ClassVar[dict[str, str]] = {"GET": "read", "POST": "changes"}

    @schema.LIST_TEMPLATES
    def get(self, request: Request) -> Response:
        """The templates that match, newest first, with whether they may be used."""
        wanted, now = read_wanted(request.query_params, allowed=tuple(FILTERS)), timezone.now()
        page = page_of(queries.templates().filter(**_known(wanted)), wanted)
        shown = [row_json(template, queries.usability(template, now=now)) for template in page.rows]
        return Response(list_json(shown, page, query=request.query_params, path=request.path))

    @schema.PROPOSE_TEMPLATE
    @answers_once
    def post(self, request: Request) -> Response:
        """Propose it; 201, and it waits for two people."""
        slug, terms = read_new(request.data)
        actions.propose_template(slug, terms, by=caller_of(request))
        return Response(_shown(request, slug), status=201)


class OneTemplate(ApiView):
    """One template."""

    scopes: ClassVar[dict[str, str]] = {"GET": "read", "PATCH": "changes"}

    @schema.READ_TEMPLATE
    def get(self, request: Request, slug: str) -> Response:
        """The template with who approved it, how its changes went, and the digest that an approval names."""
        return Response(_shown(request, slug))

    @schema.CHANGE_TEMPLATE
    def patch(self, request: Request, slug: str) -> Response:
        """Change what it says; two people must approve it again."""
        present = terms_of(queries.template_named(slug))
        parts, seen = read_edit(request.data)
        actions.change_template(slug, replace(present, **parts), by=caller_of(request), seen=seen)
        return Response(_shown(request, slug))


class TemplateApproved(ApiView):
    """The word of those who approve."""

    scopes: ClassVar[dict[str, str]] = {"POST": "changes"}

    @schema.APPROVE_TEMPLATE
    @answers_once
    def post(self, request: Request, slug: str) -> Response:
        """Approve what `seen` names."""
        said = validated(Approval, request.data)
        actions.approve_template(slug, seen=said.seen, note=said.note, by=caller_of(request))
        return Response(_shown(request, slug))


class TemplateRetired(ApiView):
    """The word of those who end its use."""

    scopes: ClassVar[dict[str, str]] = {"POST": "changes"}

    @schema.RETIRE_TEMPLATE
    @answers_once
    def post(self, request: Request, slug: str) -> Response:
        """End its use and say why."""
        said = validated(Retirement, request.data)
        actions.retire_template(slug, reason=said.reason, by=caller_of(request))
        return Response(_shown(request, slug))
