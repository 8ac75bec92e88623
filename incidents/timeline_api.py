"""The door of an incident's timeline."""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import ApiView
from accounts.authentication import caller_of
from changes.filters import READERS
from incidents import notes, queries, schema, shapes
from incidents.models import Incident
from incidents.notes import Line
from incidents.serializers import line_json
from workflow.errors import InvalidFields
from workflow.idempotency import answers_once
from workflow.ledger import entries_about
from workflow.lists import list_json, page_of, read_wanted
from workflow.models import Entry
from workflow.shapes import validated


def read_as_known_at(text: str) -> datetime | None:
    """The moment in a query string, None for none; raises InvalidFields (400)."""
    if not text:
        return None
    at, complaint = READERS["since"]("as_known_at", text)
    if complaint or not isinstance(at, datetime):
        raise InvalidFields([("as_known_at", "invalid", complaint)], status=400)
    return at


def told(incident: Incident, entries: Sequence[Entry], *, as_known_at: datetime | None = None) -> list[Line]:
    """These entries with what was said about them by then."""
    return notes.folded(entries, notes.amending_of(incident, as_known_at=as_known_at))


class IncidentTimeline(ApiView):
    """What happened in one incident."""

    scopes: ClassVar[dict[str, str]] = {"GET": "read", "POST": "incidents"}

    @schema.READ_TIMELINE
    def get(self, request: Request, incident: str) -> Response:
        """What happened, newest first. With `as_known_at` as it was known then."""
        found = queries.found(incident, user_id=caller_of(request).user_id)
        wanted = read_wanted(request.query_params, allowed=("as_known_at",))
        at = read_as_known_at(wanted.filters.get("as_known_at", ""))
        rows = entries_about(found.ref).exclude(verb__in=notes.AMENDING)
        page = page_of(rows.filter(recorded_at__lte=at) if at else rows, wanted, at="occurred_at")
        lines = told(found, page.rows, as_known_at=at)
        names = queries.names_in([entry for line in lines for entry in line.entries])
        shown = [line_json(line, names) for line in lines]
        return Response(list_json(shown, page, query=request.query_params, path=request.path))

    @schema.ADD_NOTE
    @answers_once
    def post(self, request: Request, incident: str) -> Response:
        """Write down what happened, now or earlier."""
        said = validated(shapes.NewNote, request.data)
        at = shapes.moment(said.occurred_at)
        entry = notes.add_note(incident, said.text, by=caller_of(request), occurred_at=at)
        return Response(line_json(Line(entry), queries.names_in([entry])), status=201)


class OneNote(ApiView):
    """A note on the timeline."""

    scopes: ClassVar[dict[str, str]] = {"PATCH": "incidents", "DELETE": "incidents"}

    @schema.REVISE_NOTE
    def patch(self, request: Request, incident: str, entry: str) -> Response:
        """Put another text in its place, with a `reason`; what it said before is kept."""
        said = validated(shapes.NoteEdit, request.data)
        line = notes.revise_note(incident, int(entry), said.text, by=caller_of(request), reason=said.reason)
        return Response(line_json(line, queries.names_in(line.entries)))

    @schema.REMOVE_NOTE
    def delete(self, request: Request, incident: str, entry: str) -> Response:
        """Take it away, with a `reason` in the address or in the body; that it was there stays."""
        body = request.data if isinstance(request.data, dict) else {}
        said = validated(shapes.Reasoned, {"reason": request.query_params.get("reason", ""), **body})
        line = notes.remove_note(incident, int(entry), by=caller_of(request), reason=said.reason)
        return Response(line_json(line, queries.names_in(line.entries)))
