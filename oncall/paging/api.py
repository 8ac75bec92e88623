"""The doors of paging: `/api/v1/pages` and `/api/v1/escalations`."""

from typing import Any, ClassVar
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import ApiView
from accounts.authentication import caller_of
from accounts.models import User
from oncall.escalations import actions as escalations
from oncall.escalations import queries as escalation_queries
from oncall.paging import actions, queries, schema
from oncall.paging.serializers import SaidReason, page_json, policy_json, read_page, read_policy
from workflow.errors import Missing
from workflow.idempotency import answers_once
from workflow.lists import list_json, page_of, read_wanted
from workflow.shapes import validated


def shown(key: UUID) -> dict[str, Any]:
    """A page that everybody may see; raises Missing, also for one that is private."""
    found = queries.page_with(key)
    if found is None or found.is_private:
        raise Missing("not_found", "There is no such page.")
    return page_json(found)


class Pages(ApiView):
    """List pages, or page somebody."""

    scopes: ClassVar[dict[str, str]] = {"GET": "read", "POST": "oncall"}

    @schema.LIST_PAGES
    def get(self, request: Request) -> Response:
        """All that are not private."""
        page = page_of(queries.pages(), read_wanted(request.query_params), at="created_at")
        rows = [page_json(row) for row in page.rows]
        return Response(list_json(rows, page, query=request.query_params, path=request.path))

    @schema.START_PAGE
    @answers_once
    def post(self, request: Request) -> Response:
        """Page; 202, and the first step is taken."""
        row = actions.page(read_page(request.data), by=caller_of(request))
        return Response(shown(row.key), status=202)


class OnePage(ApiView):
    """One page."""

    scopes: ClassVar[dict[str, str]] = {"GET": "read"}

    @schema.READ_PAGE
    def get(self, request: Request, page: str) -> Response:
        """The page with its steps."""
        return Response(shown(UUID(page)))


class PageAcknowledgement(ApiView):
    """Answer a page."""

    scopes: ClassVar[dict[str, str]] = {"POST": "oncall"}

    @schema.ACKNOWLEDGE_PAGE
    @answers_once
    def post(self, request: Request, page: str) -> Response:
        """Acknowledge it in the caller's name."""
        by, key = caller_of(request), UUID(page)
        shown(key)
        actions.acknowledge(key, user=User.objects.get(pk=by.user_id), via="api", actor=by.actor)
        return Response(shown(key))


class PageCancellation(ApiView):
    """Stop a page."""

    scopes: ClassVar[dict[str, str]] = {"POST": "oncall"}

    @schema.CANCEL_PAGE
    @answers_once
    def post(self, request: Request, page: str) -> Response:
        """Cancel it."""
        key = UUID(page)
        shown(key)
        actions.cancel(key, by=caller_of(request), reason=validated(SaidReason, request.data).reason)
        return Response(shown(key))


class Escalations(ApiView):
    """List escalation policies, or begin one."""

    scopes: ClassVar[dict[str, str]] = {"GET": "read", "POST": "oncall"}

    @schema.LIST_POLICIES
    def get(self, request: Request) -> Response:
        """All of them."""
        page = page_of(escalation_queries.in_full(), read_wanted(request.query_params))
        rows = [policy_json(row) for row in page.rows]
        return Response(list_json(rows, page, query=request.query_params, path=request.path))

    @schema.ADD_POLICY
    @answers_once
    def post(self, request: Request) -> Response:
        """Begin it; 201."""
        row = escalations.add_policy(read_policy(request.data), by=caller_of(request))
        return Response(policy_json(escalation_queries.policy_named(row.slug)), status=201)


class OneEscalation(ApiView):
    """One escalation policy."""

    scopes: ClassVar[dict[str, str]] = {"GET": "read", "PUT": "oncall"}

    @schema.READ_POLICY
    def get(self, request: Request, slug: str) -> Response:
        """The policy with its steps."""
        return Response(policy_json(escalation_queries.policy_named(slug)))

    @schema.REPLACE_POLICY
    def put(self, request: Request, slug: str) -> Response:
        """Make it as the body says, whole."""
        present = escalation_queries.policy_named(slug)
        escalations.replace_policy(read_policy(request.data, slug=present.slug), by=caller_of(request))
        return Response(policy_json(escalation_queries.policy_named(slug)))
