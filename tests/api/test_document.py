"""The API against its own description: what the document says is what happens, on every address."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from accounts.actions import TokenTerms, create_token
from accounts.policy import SCOPES
from changes.models import Change
from config.api_docs import document
from oncall.models import Plan
from oncall.sync.schema import EXAMPLE
from tests.api.surface import NAMES, routes
from tests.factories import (
    Shop,
    deployment,
    make_freeze,
    make_incident_for_routes,
    make_page_for_routes,
    make_rca_for_routes,
    make_service,
    make_template,
    make_watch,
)
from workflow.wire import write_json

EXAMPLES = 12
"""How many made-up requests each method of each address gets."""


def served() -> dict[str, Any]:
    return dict(json.loads(write_json(document())))


def closed(part: Any) -> Any:
    """The same document, in which no object may hold a key that is not described."""
    if isinstance(part, list):
        return [closed(item) for item in part]
    if not isinstance(part, dict):
        return part
    shut = {key: closed(value) for key, value in part.items()}
    if part.get("type") == "object" and "properties" in part:
        shut["additionalProperties"] = False
    return shut


OPERATIONS = [
    (method, path, operation) for path, methods in served()["paths"].items() for method, operation in methods.items()
]
every_operation = pytest.mark.parametrize(
    ("method", "path", "operation"), OPERATIONS, ids=[operation["operationId"] for *_, operation in OPERATIONS]
)

# --- What it says ----------------------------------------------------------------------------------------------------


def test_every_method_of_every_address_is_described_and_nothing_else():
    described = {(method.upper(), path) for method, path, _ in OPERATIONS}
    assert described == {(route.method, route.template) for route in routes()}


@every_operation
def test_an_operation_says_in_words_what_it_does_what_it_needs_and_how_it_refuses(method, path, operation):
    assert operation["summary"]
    assert operation["description"].endswith(".")
    assert [list(scheme) for scheme in operation["security"]] == [["token"]]
    assert operation["security"][0]["token"][0] in SCOPES
    refusals = {status for status, answer in operation["responses"].items() if status >= "400"}
    assert {"400", "401", "403", "429", "503"} <= refusals
    assert refusals >= ({"409", "413", "415", "422"} if method in {"post", "patch", "put"} else set())
    assert ("404" in refusals) == ("{" in path)
    for status in refusals:
        assert list(operation["responses"][status]["content"]) == ["application/problem+json"]
        assert operation["responses"][status]["content"]["application/problem+json"]["example"]["status"] == int(status)
    for status in ("429", "503"):
        assert "Retry-After" in operation["responses"][status]["headers"]


@every_operation
def test_parameters_say_what_they_mean_and_posts_take_an_idempotency_key(method, path, operation):
    parameters = {(given["in"], given["name"]): given for given in operation.get("parameters", [])}
    assert all(given["description"].endswith(".") for given in parameters.values())
    assert (("header", "Idempotency-Key") in parameters) == (method == "post")
    is_list = "next" in json.dumps(operation["responses"].get("200", {})) or operation["summary"].startswith("List")
    assert not is_list or {("query", "cursor"), ("query", "page_size")} <= parameters.keys()


def test_the_token_is_described_once():
    (scheme,) = served()["components"]["securitySchemes"].values()
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")


# --- Who may read it -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/api/v1/openapi.json", "/api/v1/openapi.json/"])
def test_the_document_is_read_with_a_token_and_in_a_browser(ci, ann, path):
    for client in (ci, ann):
        answer = client.get(path)
        assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
        assert answer.json() == served()


def test_the_page_shows_the_document_without_any_script_of_another_site(ann, client):
    page = ann.get("/api/docs")
    assert page.status_code == 200
    text = page.content.decode()
    assert 'data-document="/api/v1/openapi.json"' in text
    assert "<script>" not in text
    assert "style=" not in text
    assert "http://" not in text.replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert "https://" not in text
    assert "'unsafe" not in page["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/api/docs", "/api/docs/"])
def test_the_page_is_for_those_who_are_signed_in(shop, path):
    answer = Client().get(path)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/")


# --- Whether it is true ----------------------------------------------------------------------------------------------


def examples() -> list[Any]:
    """(method, path, body) of every example of a request."""
    found = []
    for method, path, operation in OPERATIONS:
        content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        for name, example in content.get("examples", {}).items():
            found.append(pytest.param(method, path, example["value"], id=f"{operation['operationId']}-{name}"))
    return found


@pytest.mark.parametrize(("method", "path", "body"), examples())
def test_the_examples_of_the_document_work_as_they_stand(shop, caller, method, path, body):
    make_service("ledger-api", shop.payments)
    make_freeze(id=900001)
    ref = caller.post("/api/v1/deployments", deployment(), "application/json").json()["ref"]
    answer = caller.generic(
        method, path.format(ref=ref, slug="checkout-deploy", id=900001), json.dumps(body), "application/json"
    )
    assert answer.status_code in {200, 201, 202}, answer.content


@pytest.fixture
def bearer(shop) -> dict[str, str]:
    """The header of a machine that may do everything, as often as it likes."""
    terms = TokenTerms(name="everything", scopes=list(SCOPES), requests_per_minute=0)
    return {"Authorization": f"Bearer {create_token(shop.admin, terms)[1]}"}


@pytest.fixture
def caller(bearer) -> Client:
    return Client(headers=bearer)


serve = WSGIHandler()


def in_this_transaction(environ: Any, start_response: Any) -> Any:
    """The application, as Django's own client calls it: the connection with the test's transaction stays open."""
    request_started.disconnect(close_old_connections)
    request_finished.disconnect(close_old_connections)
    return serve(environ, start_response)


@pytest.fixture(autouse=True)
def _connections_close_again() -> Iterator[None]:
    yield
    request_started.connect(close_old_connections)
    request_finished.connect(close_old_connections)


api = schemathesis.openapi.from_dict(closed(copy.deepcopy(served())))
api.app = in_this_transaction
TRUE = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@api.parametrize()
@hypothesis.settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)
def test_whatever_is_asked_is_answered_as_the_document_says_and_leaves_every_list_readable(case, bearer, caller):
    answer = case.call(headers=bearer)
    case.validate_response(answer, headers=bearer, checks=TRUE)
    if case.method != "GET" and answer.status_code < 300:
        assert caller.get("/api/v1/deployments").status_code == 200
        assert caller.get("/api/v1/changes?q=a").status_code == 200


def deploys(caller: Client, shop: Shop) -> dict[str, str]:
    """References of a proven deploy, one under way, one that nobody vouches for, and a change that a person filed."""
    under_way = deployment(run_id="2", status="started", finished_at=None, evidence=None)
    strange = deployment(run_id="3", pipeline="brand-new", attempt=2, tickets=["SP-1"], version="", commits=[])
    bodies = {"proven": deployment(), "under way": under_way, "unproven": strange}
    filed = Change.objects.create(
        type="standard",
        origin="person",
        authorization="reviewed",
        state="draft",
        title="Move the tables",
        service=shop.ledger,
        environment=shop.production,
        requester=shop.bo,
        at=timezone.now(),
    )
    make_template(shop, slug="checkout-deploy")
    make_watch(shop, slug="checkout-deploy")
    refs = {name: caller.post("/api/v1/deployments", body, "application/json").json() for name, body in bodies.items()}
    return {**{name: body["ref"] for name, body in refs.items()}, "filed": filed.ref}


@pytest.mark.parametrize("route", [route for route in routes() if route.method == "GET"], ids=str)
def test_what_exists_is_read_in_the_shape_that_the_document_gives(shop, bearer, caller, route):
    refs = deploys(caller, shop)
    make_freeze(id=900001)
    make_incident_for_routes(shop)
    make_page_for_routes(shop)
    make_rca_for_routes(shop)
    Plan.objects.create(pk=EXAMPLE, direction="push", remote_hash="")
    named = refs.items() if "{ref}" in route.template else [("", "")]
    for name, ref in named:
        if name == "filed" and "deployments" in route.template:
            continue
        slug = "brand-new" if name == "unproven" else "checkout-deploy"
        named_in_path = {**NAMES, "ref": ref, "slug": slug, "plan": EXAMPLE}
        named_in_path = {name: value for name, value in named_in_path.items() if f"{{{name}}}" in route.template}
        case = api[route.template]["GET"].Case(path_parameters=named_in_path)
        answer = case.call(headers=bearer)
        assert answer.status_code == 200, answer.content
        if "json" in answer.headers["content-type"][0]:
            assert answer.json() != {"results": [], "next": None, "previous": None} or name == "filed"
        case.validate_response(answer, headers=bearer, checks=TRUE)
