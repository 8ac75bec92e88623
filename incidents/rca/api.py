"""The doors of analyses and promises: `/api/v1/rcas` and `/api/v1/actions`."""

from typing import Any, ClassVar

from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import ApiView
from accounts.authentication import caller_of
from accounts.callers import Caller
from incidents.rca import actions, promises, queries, schema, serializers
from incidents.rca.markdown import markdown_of
from workflow.idempotency import answers_once
from workflow.lists import list_json, page_of, read_wanted
from workflow.shapes import validated

READS: dict[str, str] = {"GET": "read"}
WRITES: dict[str, str] = {"POST": "incidents"}


def shown(ref: str, *, by: Caller) -> dict[str, Any]:
    """The analysis in full as this caller may see it; raises Missing."""
    rca = queries.rca_named(ref, user_id=by.user_id)
    promised = queries.actions_in_full(by.user_id).filter(rca=rca).order_by("due", "pk")
    places = queries.places_of(rca, user_id=by.user_id)
    return serializers.whole_json(rca, places, list(promised), queries.faults_of(rca))


def shown_action(ref: str, *, by: Caller) -> dict[str, Any]:
    """A promise as this caller may see it; raises Missing."""
    return serializers.action_json(queries.action_named(ref, user_id=by.user_id))


class Rcas(ApiView):
    """List analyses."""

    scopes: ClassVar[dict[str, str]] = READS

    @schema.LIST_RCAS
    def get(self, request: Request) -> Response:
        """Those of incidents that you may see."""
        page = page_of(queries.rcas_in_full(caller_of(request).user_id), read_wanted(request.query_params))
        rows = [serializers.rca_json(rca) for rca in page.rows]
        return Response(list_json(rows, page, query=request.query_params, path=request.path))


class OneRca(ApiView):
    """One analysis."""

    scopes: ClassVar[dict[str, str]] = {"GET": "read", "PATCH": "incidents"}

    @schema.READ_RCA
    def get(self, request: Request, rca: str) -> Response:
        """The analysis with its whys, its actions and what must be mended before review."""
        return Response(shown(rca, by=caller_of(request)))

    @schema.EDIT_RCA
    def patch(self, request: Request, rca: str) -> Response:
        """Write its texts; what is left out stays."""
        by = caller_of(request)
        actions.edit_rca(rca, serializers.read_texts(request.data), by=by)
        return Response(shown(rca, by=by))


class RcaText(ApiView):
    """One analysis as text."""

    scopes: ClassVar[dict[str, str]] = READS

    @schema.READ_RCA_TEXT
    def get(self, request: Request, rca: str) -> HttpResponse:
        """The analysis as Markdown, with roles in the place of names."""
        found = queries.rca_named(rca, user_id=caller_of(request).user_id)
        text = markdown_of(found, user_id=caller_of(request).user_id)
        return HttpResponse(text, content_type="text/markdown; charset=utf-8")


class Whys(ApiView):
    """The whys of an analysis."""

    scopes: ClassVar[dict[str, str]] = WRITES

    @schema.ADD_WHY
    @answers_once
    def post(self, request: Request, rca: str) -> Response:
        """Ask a why, or share one; 201."""
        by = caller_of(request)
        asked, shares = serializers.read_why(request.data)
        if shares:
            actions.share_why(rca, shares, parents=asked.parents or (), by=by)
        else:
            actions.ask_why(rca, asked, by=by)
        return Response(shown(rca, by=by), status=201)


class OneWhy(ApiView):
    """One why."""

    scopes: ClassVar[dict[str, str]] = {"PATCH": "incidents", "DELETE": "incidents"}

    @schema.EDIT_WHY
    def patch(self, request: Request, rca: str, why: str) -> Response:
        """Change it; what is left out stays."""
        by = caller_of(request)
        actions.edit_why(rca, int(why), serializers.read_why(request.data)[0], by=by)
        return Response(shown(rca, by=by))

    @schema.REMOVE_WHY
    def delete(self, request: Request, rca: str, why: str) -> Response:
        """Take it out; the ledger keeps what it said."""
        actions.remove_why(rca, int(why), by=caller_of(request))
        return Response(status=204)


class RcaSubmission(ApiView):
    """Ask for a review."""

    scopes: ClassVar[dict[str, str]] = WRITES

    @schema.SUBMIT_RCA
    @answers_once
    def post(self, request: Request, rca: str) -> Response:
        """Ask somebody else to look at it."""
        validated(serializers.SaidNote, request.data)
        actions.submit_rca(rca, by=caller_of(request))
        return Response(shown(rca, by=caller_of(request)))


class RcaReview(ApiView):
    """Review."""

    scopes: ClassVar[dict[str, str]] = WRITES

    @schema.REVIEW_RCA
    @answers_once
    def post(self, request: Request, rca: str) -> Response:
        """Say that it explains what happened; not by who wrote a part of it."""
        note = validated(serializers.SaidNote, request.data).note
        actions.review_rca(rca, by=caller_of(request), note=note)
        return Response(shown(rca, by=caller_of(request)))


class RcaPublication(ApiView):
    """Publish."""

    scopes: ClassVar[dict[str, str]] = WRITES

    @schema.PUBLISH_RCA
    @answers_once
    def post(self, request: Request, rca: str) -> Response:
        """Let it stand as it is."""
        validated(serializers.SaidNote, request.data)
        actions.publish_rca(rca, by=caller_of(request))
        return Response(shown(rca, by=caller_of(request)))


class RcaWaiver(ApiView):
    """Waive."""

    scopes: ClassVar[dict[str, str]] = WRITES

    @schema.WAIVE_RCA
    @answers_once
    def post(self, request: Request, rca: str) -> Response:
        """Decide that none is needed, and say why."""
        reason = validated(serializers.SaidReason, request.data).reason
        actions.waive_rca(rca, reason, by=caller_of(request))
        return Response(shown(rca, by=caller_of(request)))


# --- Promises --------------------------------------------------------------------------------------------------------


class Actions(ApiView):
    """List promises, or make one."""

    scopes: ClassVar[dict[str, str]] = {"GET": "read", "POST": "incidents"}

    @schema.LIST_ACTIONS
    def get(self, request: Request) -> Response:
        """Those about incidents that you may see."""
        page = page_of(queries.actions_in_full(caller_of(request).user_id), read_wanted(request.query_params))
        rows = [serializers.action_json(action) for action in page.rows]
        return Response(list_json(rows, page, query=request.query_params, path=request.path))

    @schema.ADD_ACTION
    @answers_once
    def post(self, request: Request) -> Response:
        """Promise it; 201."""
        by = caller_of(request)
        rca, wanted = serializers.read_promise(request.data)
        return Response(shown_action(promises.promise(rca, wanted, by=by).ref, by=by), status=201)


class OneAction(ApiView):
    """One promise."""

    scopes: ClassVar[dict[str, str]] = READS

    @schema.READ_ACTION
    def get(self, request: Request, action: str) -> Response:
        """The promise and how it stands."""
        return Response(shown_action(action, by=caller_of(request)))


class ActionStart(ApiView):
    """Begin a promise."""

    scopes: ClassVar[dict[str, str]] = WRITES

    @schema.START_ACTION
    @answers_once
    def post(self, request: Request, action: str) -> Response:
        """Somebody works on it."""
        validated(serializers.SaidNote, request.data)
        promises.start(action, by=caller_of(request))
        return Response(shown_action(action, by=caller_of(request)))


class ActionDone(ApiView):
    """Say that it is done."""

    scopes: ClassVar[dict[str, str]] = WRITES

    @schema.DONE_ACTION
    @answers_once
    def post(self, request: Request, action: str) -> Response:
        """Done, and not proven yet."""
        said = validated(serializers.SaidDone, request.data)
        promises.done(action, said.note, said.evidence, by=caller_of(request))
        return Response(shown_action(action, by=caller_of(request)))


class ActionProof(ApiView):
    """Prove it."""

    scopes: ClassVar[dict[str, str]] = WRITES

    @schema.VERIFY_ACTION
    @answers_once
    def post(self, request: Request, action: str) -> Response:
        """Say how it was tried; not by its owner."""
        said = validated(serializers.SaidProof, request.data)
        promises.verify(action, said.method, said.evidence, by=caller_of(request))
        return Response(shown_action(action, by=caller_of(request)))


class ActionFailure(ApiView):
    """Say that it does not work."""

    scopes: ClassVar[dict[str, str]] = WRITES

    @schema.FAIL_ACTION
    @answers_once
    def post(self, request: Request, action: str) -> Response:
        """It goes on."""
        reason = validated(serializers.SaidReason, request.data).reason
        promises.ineffective(action, reason, by=caller_of(request))
        return Response(shown_action(action, by=caller_of(request)))


class ActionDrop(ApiView):
    """Drop it."""

    scopes: ClassVar[dict[str, str]] = WRITES

    @schema.DROP_ACTION
    @answers_once
    def post(self, request: Request, action: str) -> Response:
        """A lead of an affected team decides, who is not its owner."""
        said = validated(serializers.SaidDrop, request.data)
        promises.wont_do(action, said.reason, said.approver, by=caller_of(request))
        return Response(shown_action(action, by=caller_of(request)))
