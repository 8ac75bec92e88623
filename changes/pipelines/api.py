"""The door of pipelines: `/api/v1/deployments`."""

from typing import Any, ClassVar

from django.http import QueryDict
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import ApiView, HotView
from accounts.authentication import caller_of
from accounts.callers import Caller
from changes.filters import DEPLOYMENT_FILTERS, read_list
from changes.models import Run
from changes.pipelines import actions, proof, schema
from changes.pipelines.intake import rest
from changes.queries import DEPLOYMENTS, change_in_full, list_changes
from changes.refs import change_id
from changes.serializers import deployment_json, page_json, stored_deployment_json
from workflow.doors import refusal_body
from workflow.errors import Missing, RuleViolation
from workflow.idempotency import answers_once


def log_one(body: Any, *, caller: Caller, backfill: bool = False) -> tuple[int, dict[str, Any]]:
    """The status and the answer for one deployment."""
    deployment = rest.read_deployment(body)
    logged = actions.log_deployment(deployment, caller=caller, backfill=backfill)
    answer = deployment_json(logged)
    answer["warnings"] += rest.unknown_fields(body)
    return 201 if logged.is_new else 200, answer


class Deployments(HotView):
    """List the deploys, or log one."""

    scopes: ClassVar[dict[str, str]] = {"GET": "read", "POST": "deploy"}
    hot: ClassVar[frozenset[str]] = frozenset({"GET", "POST"})

    def answer_get(self, query: QueryDict, path: str) -> dict[str, Any]:
        """A page of deploys."""
        wanted = read_list(query, allowed=DEPLOYMENT_FILTERS, fixed=DEPLOYMENTS)
        return page_json(list_changes(wanted), query, path)

    def answer_post(self, body: Any, caller: Caller) -> tuple[int, dict[str, Any]]:
        """What logging one deploy says."""
        return log_one(body, caller=caller)

    @schema.LIST_DEPLOYMENTS
    def get(self, request: Request) -> Response:
        """The deploys that match, newest first."""
        return Response(self.answer_get(request.query_params, request.path))

    @schema.LOG_DEPLOYMENT
    @answers_once
    def post(self, request: Request) -> Response:
        """Log a deploy: 201 when its run is new, 200 when it was known."""
        status, body = self.answer_post(request.data, caller_of(request))
        return Response(body, status=status)


class BulkDeployments(ApiView):
    """Log up to 100 deploys; each is judged by itself and one that is wrong stops no other."""

    scopes: ClassVar[dict[str, str]] = {"POST": "deploy"}

    @schema.LOG_DEPLOYMENTS
    @answers_once
    def post(self, request: Request) -> Response:
        """200 with a result for each, in order."""
        bulk = rest.read_bulk(request.data)
        caller = caller_of(request)
        # Under one key all of them are one transaction. Two of those that hold the same runs in another order would
        # wait for each other; in one order the second waits for the first.
        numbered = sorted(enumerate(bulk.deployments), key=lambda item: rest.natural_order(item[1]))
        results = [self._one(index, body, bulk, caller) for index, body in numbered]
        return Response({"results": sorted(results, key=lambda result: result["index"])})

    def _one(self, index: int, body: Any, bulk: rest.Bulk, caller: Caller) -> dict[str, Any]:
        try:
            status, answer = log_one(body, caller=caller, backfill=bulk.backfill)
        except RuleViolation as refusal:
            return {"index": index, "status": refusal.status, "error": refusal_body(refusal)}
        return {"index": index, "status": status, "ref": answer["ref"], "verdict": answer["verdict"]["result"]}


class OneDeployment(ApiView):
    """One deploy."""

    scopes: ClassVar[dict[str, str]] = {"GET": "read"}

    @schema.READ_DEPLOYMENT
    def get(self, request: Request, ref: str) -> Response:
        """A deploy as it stands, in the same words as the answer to its message."""
        found = change_in_full(change_id(ref))
        run: Run | None = getattr(found, "run", None)
        if found is None or run is None:
            raise Missing("not_found", "No deploy was logged under this reference.")
        return Response(stored_deployment_json(found, run))


class DeploymentEvidence(ApiView):
    """Late proof for a deploy."""

    scopes: ClassVar[dict[str, str]] = {"PATCH": "deploy"}

    @schema.ADD_EVIDENCE
    def patch(self, request: Request, ref: str) -> Response:
        """Add proof and judge again; the deploy as it now stands."""
        event = rest.read_evidence(request.data)
        return Response(deployment_json(proof.supply_proof(change_id(ref), event, by=caller_of(request))))
