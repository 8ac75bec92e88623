"""What holds for every address of the API, also for those that do not exist yet."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.db import transaction
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import authentication
from accounts.actions import change_person, deactivate_person, revoke_token
from accounts.api import ApiView
from accounts.models import ApiToken
from accounts.policy import SCOPES
from changes.models import Change, FreezeOverride
from oncall.models import Plan
from tests.api.surface import BODIES, NAMES, TICKETS, Route, addresses, body_of, may_answer, routes
from tests.conftest import token_client
from tests.factories import (
    Shop,
    deployment,
    make_freeze,
    make_incident_for_routes,
    make_page_for_routes,
    make_rca_for_routes,
    make_template,
    make_ticket,
    make_watch,
)
from workflow.wire import write_json

ROUTES = routes()
WRITING = [route for route in ROUTES if route.method != "GET"]
every_route = pytest.mark.parametrize("route", ROUTES, ids=str)
PROBLEM = "application/problem+json"
MAY_DIFFER = {"accounts.ApiToken", "sessions.Session"}
"""Tables that a refusal may touch: when a token was last used, and who is signed in."""


@pytest.fixture
def ref(shop, ci) -> str:
    """A deploy for the addresses that name one; for those that name a filed change, CHG-2 is one."""
    make_ticket(shop, requester=shop.ann, implementer=shop.ann)
    _freeze_with_override(shop)
    make_incident_for_routes(shop)
    make_page_for_routes(shop)
    make_rca_for_routes(shop)
    make_template(shop, slug=NAMES["slug"])
    make_watch(shop, slug=NAMES["slug"])
    Plan.objects.create(pk=NAMES["plan"], direction="push", remote_hash="")
    return str(ci.post("/api/v1/deployments", deployment(), format="json").json()["ref"])


def _freeze_with_override(shop: Shop) -> None:
    """A freeze under the id of NAMES, and one wish to override it, which came too late to be confirmed."""
    freeze = make_freeze(id=900001, is_hard=True)
    wish = {"reason": "It burned.", "requested_by": shop.cy, "expires_at": timezone.now()}
    FreezeOverride.objects.create(id=900001, freeze=freeze, **wish)


def path_of(route: Route, ref: str) -> str:
    if TICKETS.match(str(route)):
        ref = Change.objects.get(origin="person").ref
    return route.path.replace("CHG-1", ref)


def send(client: Client, route: Route, ref: str, *, end: str = "", **headers: Any) -> Any:
    body = body_of(route)
    path = path_of(route, ref) + end
    request: dict[str, Any] = {**headers} if body is None else {**headers, "content_type": "application/json"}
    return client.generic(route.method, path, "" if body is None else write_json(body).decode(), **request)


def everything_kept() -> dict[str, list[str]]:
    return {
        model._meta.label: sorted(map(repr, model._base_manager.values_list()))
        for model in apps.get_models()
        if model._meta.label not in MAY_DIFFER and model._meta.managed
    }


# --- What an endpoint must state -------------------------------------------------------------------------------------


def test_nothing_under_the_api_goes_around_the_token_and_scope_check():
    around = [pattern for pattern, callback in addresses() if not issubclass(getattr(callback, "cls", object), ApiView)]
    assert not around


@every_route
def test_every_method_states_a_scope_that_exists(route):
    assert route.scope in SCOPES


def test_no_scope_is_stated_for_a_method_that_does_not_exist():
    views = {callback.cls for _, callback in addresses()}
    assert not [(view, method) for view in views for method in view.scopes if not hasattr(view, method.lower())]


@pytest.mark.parametrize("route", [route for route in ROUTES if route.method == "POST"], ids=str)
def test_every_post_can_be_repeated_with_an_idempotency_key(route):
    assert getattr(route.view.post, "answers_once", False)


def test_every_writing_route_is_tried_with_a_body_that_it_takes():
    assert {str(route) for route in WRITING if route.method != "DELETE"} == set(BODIES)


# --- Who gets through ------------------------------------------------------------------------------------------------


def stranger(shop: Shop) -> APIClient:
    return APIClient(raise_request_exception=False)


def made_up(shop: Shop) -> APIClient:
    client = stranger(shop)
    client.credentials(HTTP_AUTHORIZATION="Bearer dlk_aaaaaaaaaa_" + "b" * 38)
    return client


def revoked(shop: Shop) -> APIClient:
    client = token_client(shop.admin, *SCOPES)
    revoke_token(ApiToken.objects.latest("id"), by=shop.admin)
    return client


def expired(shop: Shop) -> APIClient:
    client = token_client(shop.admin, *SCOPES)
    ApiToken.objects.filter(pk=ApiToken.objects.latest("id").pk).update(expires_at=timezone.now())
    return client


def owner_left(shop: Shop) -> APIClient:
    client = token_client(shop.admin, *SCOPES)
    change_person(shop.ann, by=None, is_admin=True)
    deactivate_person(shop.admin, by=None)
    return client


def session_of_who_left(shop: Shop) -> APIClient:
    client = stranger(shop)
    client.force_login(shop.bo)
    deactivate_person(shop.bo, by=None)
    return client


@pytest.mark.parametrize("caller", [stranger, made_up, revoked, expired, owner_left, session_of_who_left])
def test_whoever_nobody_vouches_for_gets_401_everywhere_and_changes_nothing(
    shop, ref, caller: Callable[[Shop], APIClient]
):
    client = caller(shop)
    before = everything_kept()
    for route in ROUTES:
        for key in ({}, {"HTTP_IDEMPOTENCY_KEY": "key-1"}):
            answer = send(client, route, ref, **key)
            assert (answer.status_code, answer["Content-Type"]) == (401, PROBLEM), f"{route}: {answer.content}"
            assert answer["WWW-Authenticate"].startswith("Bearer")
    assert everything_kept() == before


@every_route
def test_a_token_with_every_scope_but_the_right_one_is_refused_and_changes_nothing(shop, ref, route):
    client = token_client(shop.admin, *(scope for scope in SCOPES if scope != route.scope))
    before = everything_kept()
    for key in ({}, {"HTTP_IDEMPOTENCY_KEY": "key-1"}):
        answer = send(client, route, ref, **key)
        assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
        assert route.scope in answer.json()["detail"]
    assert everything_kept() == before


def test_a_token_that_another_process_revoked_a_moment_ago_writes_nothing(shop, ref):
    client = token_client(shop.admin, *SCOPES)
    assert client.get("/api/v1/deployments").status_code == 200
    ApiToken.objects.filter(pk=ApiToken.objects.latest("id").pk).update(revoked_at=timezone.now())
    before = everything_kept()
    for route in WRITING:
        answer = send(client, route, ref)
        is_refused = answer.status_code == 401 or all(item["status"] == 401 for item in answer.json()["results"])
        assert is_refused, f"{route}: {answer.content}"
    assert everything_kept() == before


@pytest.mark.parametrize("route", WRITING, ids=str)
def test_a_browser_writes_only_with_its_csrf_token(shop, ref, route):
    browser = Client(enforce_csrf_checks=True, raise_request_exception=False)
    browser.force_login(shop.ann)
    before = everything_kept()
    answer = send(browser, route, ref)
    assert (answer.status_code, answer["Content-Type"]) == (403, PROBLEM), answer.content
    assert "CSRF" in answer.json()["detail"]
    assert everything_kept() == before

    browser.get("/api/docs")
    token = browser.cookies["decklog_csrf"].value
    answer = send(browser, route, ref, HTTP_X_CSRFTOKEN=token)
    assert answer.status_code in may_answer(route), answer.content
    assert "CSRF" not in answer.content.decode()


def test_a_browser_reads_without_a_token(ann, ref):
    for route in ROUTES:
        if route.method == "GET":
            assert send(ann, route, ref).status_code == 200, str(route)


# --- How every address answers ---------------------------------------------------------------------------------------


@every_route
def test_a_slash_at_the_end_makes_no_difference_and_leads_nowhere_else(shop, ref, route):
    client = token_client(shop.admin, *SCOPES)
    with transaction.atomic():
        plainly = send(client, route, ref)
        transaction.set_rollback(True)
    assert send(client, route, ref, end="/").status_code == plainly.status_code
    assert plainly.status_code in may_answer(route), plainly.content


@pytest.mark.parametrize("path", sorted({route.path for route in ROUTES}))
def test_a_method_that_an_address_does_not_take_is_405_whoever_asks(shop, path):
    taken = {route.method for route in ROUTES if route.path == path}
    for client in (stranger(shop), token_client(shop.admin, "import"), token_client(shop.admin, *SCOPES)):
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PURGE"} - taken:
            answer = client.generic(method, path, "{}", content_type="application/json")
            assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed"), method
            assert taken <= set(answer["Allow"].split(", "))


@every_route
def test_options_says_what_an_address_takes_and_head_is_get_without_a_body(shop, ref, route):
    client = token_client(shop.admin, *SCOPES)
    options = client.options(path_of(route, ref))
    assert (options.status_code, options.content) == (204, b"")
    assert route.method in options["Allow"]
    if route.method == "GET":
        head = client.head(path_of(route, ref))
        assert (head.status_code, head.content) == (200, b"")
        other = token_client(shop.admin, *(scope for scope in SCOPES if scope != route.scope))
        assert other.head(path_of(route, ref)).status_code == 403


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/html", "application/xml;q=0.5", "nonsense", ""])
def test_no_client_is_turned_away_over_what_it_says_it_accepts(ci, ref, accept):
    for answer in (
        ci.get(f"/api/v1/changes/{ref}", HTTP_ACCEPT=accept),
        ci.post("/api/v1/deployments", deployment(), format="json", HTTP_ACCEPT=accept, HTTP_IDEMPOTENCY_KEY="k"),
    ):
        assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
    refusal = ci.get("/api/v1/changes/CHG-0", HTTP_ACCEPT=accept)
    assert (refusal.status_code, refusal["Content-Type"]) == (404, PROBLEM)


@pytest.mark.parametrize(
    "path", ["/api/v1", "/api/v1/", "/api/v1/nothing", "/api/v1/changes/CHG-1/nothing", "/api/nothing"]
)
def test_an_address_that_does_not_exist_is_a_problem_for_machines_and_browsers_alike(ci, client, path):
    for caller in (ci, client):
        answer = caller.get(path)
        assert (answer.status_code, answer["Content-Type"]) == (404, PROBLEM)


def test_a_token_that_asks_too_often_is_told_how_long_to_wait_and_then_served(shop, monkeypatch):
    # The process still counts what the tokens of other tests used, and theirs had the same ids.
    monkeypatch.setattr(authentication, "BUCKET", authentication.Bucket())
    moment = [1000.0]
    monkeypatch.setattr(authentication, "time", SimpleNamespace(monotonic=lambda: moment[0]))
    client = token_client(shop.ann, "read", "deploy", requests_per_minute=2)
    assert [client.get("/api/v1/deployments").status_code for _ in range(2)] == [200, 200]
    moment[0] += 3.3
    answers = [
        client.get("/api/v1/deployments"),
        client.get("/api/v1/services"),
        client.post("/api/v1/deployments", deployment(), format="json"),
    ]
    for answer in answers:
        assert (answer.status_code, answer["Content-Type"]) == (429, PROBLEM)
        assert (answer.json()["code"], answer["Retry-After"]) == ("throttled", "27")
    moment[0] += 27
    assert client.get("/api/v1/deployments").status_code == 200
