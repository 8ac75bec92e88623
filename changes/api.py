"""The door of changes: `/api/v1/changes`."""

from typing import Any, ClassVar

from django.http import QueryDict
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import ApiView, HotView
from accounts.authentication import caller_of
from changes import queries, schema
from changes.filters import CHANGE_FILTERS, read_list
from changes.models import Change
from changes.refs import change_id
from changes.serializers import entry_json, page_json
from changes.tickets import api as tickets
from changes.tickets import schema as ticket_schema
from changes.tickets.filing import amend_change
from changes.tickets.shapes import read_edit
from workflow.errors import Missing
from workflow.idempotency import answers_once
from workflow.ledger import entries_about
from workflow.lists import list_json, page_of, read_wanted


def found_change(ref: str) -> Change:
    """The change with everything that is shown of it; raises Missing."""
    found = queries.change_in_full(change_id(ref))
    if found is None:
        raise Missing("not_found", f"There is no change {ref.upper()[:40]}.")
    return found


class Changes(HotView):
    """The changes, whoever brought them."""

    scopes: ClassVar[dict[str, str]] = {"GET": "read", "POST": "changes"}

    def answer_get(self, query: QueryDict, path: str) -> dict[str, Any]:
        """A page of changes."""
        return page_json(queries.list_changes(read_list(query, allowed=CHANGE_FILTERS)), query, path)

    @schema.LIST_CHANGES
    def get(self, request: Request) -> Response:
        """The changes that match, newest first: what pipelines deployed and what people filed."""
        return Response(self.answer_get(request.query_params, request.path))

    @ticket_schema.FILE_CHANGE
    @answers_once
    def post(self, request: Request) -> Response:
        """File a change: a standard one is a draft until it is submitted, an emergent one begins at once."""
        return Response(tickets.file_one(request.data, by=caller_of(request)), status=201)


class OneChange(ApiView):
    """One change."""

    scopes: ClassVar[dict[str, str]] = {"GET": "read", "PATCH": "changes"}

    @ticket_schema.READ_CHANGE
    def get(self, request: Request, ref: str) -> Response:
        """Everything that is known about a change; what its pipeline told is under `run`."""
        return Response(tickets.shown(ref, by=caller_of(request)))

    @ticket_schema.EDIT_CHANGE
    def patch(self, request: Request, ref: str) -> Response:
        """Edit a filed change as far as its state allows."""
        by = caller_of(request)
        parts, seen = read_edit(request.data)
        amend_change(found_change(ref).ref, parts, by=by, seen=seen)
        return Response(tickets.shown(ref, by=by))


class ChangeTimeline(ApiView):
    """What happened to one change."""

    scopes: ClassVar[dict[str, str]] = {"GET": "read"}

    @schema.READ_TIMELINE
    def get(self, request: Request, ref: str) -> Response:
        """The ledger's entries about a change, newest first by when they happened."""
        wanted = read_wanted(request.query_params)
        page = page_of(entries_about(found_change(ref).ref), wanted, at="occurred_at")
        names = queries.names_of({entry.actor for entry in page.rows})
        shown = [entry_json(entry, names) for entry in page.rows]
        return Response(list_json(shown, page, query=request.query_params, path=request.path))
