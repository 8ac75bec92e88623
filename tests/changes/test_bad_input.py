"""Hostile and mistaken input: a 4xx that says what is wrong, nothing written, and every list still readable."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from changes.models import Change
from changes.pipelines.models import Pipeline
from tests.conftest import token_client
from tests.factories import deployment

URL = "/api/v1/deployments"


def raw(body: str | bytes) -> bytes:
    return body if isinstance(body, bytes) else body.encode()


def with_text(text: str) -> str:
    return json.dumps(deployment(title="TITLE")).replace("TITLE", text)


MALFORMED: dict[str, tuple[Any, int, str]] = {
    "no JSON": ("{", 400, "malformed_json"),
    "half a surrogate": (lambda: with_text("\\ud800"), 400, "malformed_json"),
    "a NUL": (lambda: with_text("\\u0000"), 400, "nul_character"),
    "not UTF-8": (b'{"title": "\xff"}', 400, "malformed_json"),
    "NaN": ('{"attempt": NaN}', 400, "malformed_json"),
    "100,000 nested lists": ("[" * 100_000 + "]" * 100_000, 400, "nested_too_deep"),
    "33 nested objects": ('{"a":' * 33 + "1" + "}" * 33, 400, "nested_too_deep"),
    "over 1 MiB": (json.dumps({"title": "x" * 1_100_000}), 413, "body_too_large"),
    "a list": ("[]", 422, "invalid"),
    "null": ("null", 422, "invalid"),
    "a number": ("7", 422, "invalid"),
}


@pytest.mark.parametrize("name", MALFORMED)
@pytest.mark.parametrize("key", ["", "some-key"])
def test_what_cannot_be_read_is_refused_and_leaves_nothing(ci, name, key):
    body, status, code = MALFORMED[name]
    headers = {"HTTP_IDEMPOTENCY_KEY": key} if key else {}
    answer = ci.post(URL, raw(body() if callable(body) else body), content_type="application/json", **headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.content
    assert answer["Content-Type"] == "application/problem+json"
    assert not Change.objects.exists()
    assert ci.get(URL).status_code == 200


WRONG = [
    ({"service": None}, "service", "required"),
    ({"status": None}, "status", "required"),
    ({"run_id": None}, "run_id", "required"),
    ({"started_at": None, "finished_at": None}, "", "time_required"),
    ({"status": "green"}, "status", "not_a_choice"),
    ({"service": "no-such-service"}, "service", "unknown_service"),
    ({"environment": "moon"}, "environment", "unknown_environment"),
    ({"service": 7}, "service", "not_a_string"),
    ({"service": "a b"}, "service", "pattern"),
    ({"run_id": ""}, "run_id", "required"),
    ({"run_id": "x" * 201}, "run_id", "too_long"),
    ({"attempt": 0}, "attempt", "greater_than_equal"),
    ({"attempt": 10**10}, "attempt", "less_than_equal"),
    ({"attempt": True}, "attempt", "not_an_integer"),
    ({"finished_at": "yesterday"}, "finished_at", "time"),
    ({"finished_at": "2026-11-24T09:00:00"}, "finished_at", "time"),
    ({"finished_at": "0001-01-01T00:00:00+14:00"}, "finished_at", "time_range"),
    ({"finished_at": 1764000000}, "finished_at", "not_a_string"),
    ({"started_at": "2026-11-24T09:00:00Z", "finished_at": "2026-11-24T08:00:00Z"}, "", "finished_before_started"),
    ({"run_url": "javascript:alert(1)"}, "run_url", "url"),
    ({"customer_impacting": "yes"}, "customer_impacting", "not_a_boolean"),
    ({"commits": "9fceb02"}, "commits", "not_a_list"),
    ({"commits": [{"author": "ann@example.com"}]}, "commits.0.sha", "required"),
    ({"evidence": {"tests": {"passed": -1}}}, "evidence.tests.passed", "greater_than_equal"),
    ({"evidence": {"smoke_test": {"status": "green"}}}, "evidence.smoke_test.status", "not_a_choice"),
    ({"evidence": {"rollback": {"ready": "true"}}}, "evidence.rollback.ready", "not_a_boolean"),
    ({"tickets": ["x" * 101]}, "tickets.0", "too_long"),
]


@pytest.mark.parametrize(("changed", "field", "code"), WRONG, ids=[f"{field or code}" for _, field, code in WRONG])
def test_what_is_wrong_is_named_field_by_field(ci, changed, field, code):
    answer = ci.post(URL, deployment(**changed), format="json")
    assert answer.status_code == 422, answer.content
    assert (field, code) in {(error["field"], error["code"]) for error in answer.json()["errors"]} or (
        not field and answer.json()["errors"][0]["code"] == code
    )
    assert all(error["message"][0].isupper() or error["message"][0] == "“" for error in answer.json()["errors"])
    assert not Change.objects.exists()


def test_every_wrong_field_is_told_at_once(ci):
    answer = ci.post(URL, deployment(status="green", attempt=0, service=None), format="json")
    assert {error["field"] for error in answer.json()["errors"]} == {"status", "attempt", "service"}


def test_fields_that_the_contract_does_not_know_change_nothing_and_are_told(ci):
    forged = {"state": "closed", "verdict": "exempt", "authorization": "reviewed", "id": 1, "evidenc": {}}
    answer = ci.post(URL, {**deployment(evidence=None), **forged}, format="json")
    assert answer.status_code == 201
    assert answer.json()["verdict"]["result"] == "unproven"
    assert answer.json()["authorization"] == "auto_exempt"
    assert "unknown_field:evidenc" in answer.json()["warnings"]


@pytest.mark.parametrize(
    "query",
    [
        "page_size=100000000000000000000",
        "page_size=0",
        "page_size=-1",
        "page_size=ten",
        "cursor=cD1hYmM=",
        "cursor=%00",
        "cursor=W10",
        "since=yesterday",
        "since=0001-01-01T00:00:00%2B14:00",
        "until=9999-12-31",
        "outcome=green",
        "verdict=perhaps",
        "service=%00",
        "q=%00",
        "color=red",
        "owner__password__startswith=a",
    ],
)
def test_a_list_refuses_what_it_does_not_know_and_stays_readable(ci, query):
    answer = ci.get(f"{URL}?{query}")
    assert answer.status_code == 400, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    assert ci.get(URL).status_code == 200


@pytest.mark.parametrize(
    "query", ["q=((", "q='%20OR%201=1--", "q=a%26!b|c:*", "q=%25", "q=%F0%9F%9A%80", "q=" + "x" * 5000]
)
def test_a_search_for_anything_is_only_a_search(ci, query):
    ci.post(URL, deployment(), format="json")
    assert ci.get(f"{URL}?{query}").status_code == 200


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer x", "Bearer dlk_aaaaaaaaaa_" + "b" * 38, "Basic YTpi", "Bearer dlk_é_x"]
)
def test_a_wrong_token_is_401_whatever_is_wrong_with_it(client, shop, header):
    answer = client.post(URL, deployment(), content_type="application/json", HTTP_AUTHORIZATION=header)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_without_a_credential_nothing_is_shown(client, shop):
    assert client.get(URL).status_code in {401, 403}
    assert client.post(URL, deployment(), content_type="application/json").status_code in {401, 403}


def test_a_token_without_the_scope_or_outside_its_limits_is_refused(shop):
    assert token_client(shop.ann, "read").post(URL, deployment(), format="json").status_code == 403
    assert token_client(shop.ann, "deploy").get(URL).status_code == 403
    elsewhere = token_client(shop.ann, "deploy", services=["ledger"])
    answer = elsewhere.post(URL, deployment(), format="json")
    assert (answer.status_code, answer.json()["code"]) == (403, "token_limits")
    assert not Change.objects.exists()


def test_other_methods_and_other_kinds_of_body_are_told_apart(ci):
    assert ci.put(URL, {}, format="json").status_code in {403, 405}
    assert ci.post(URL, b"<x/>", content_type="application/xml").status_code == 415
    assert ci.get("/api/v1/nothing-here").status_code == 404


def test_a_deploy_by_a_pipeline_that_nobody_registered_is_kept_as_unproven(ci):
    answer = ci.post(URL, deployment(pipeline="brand-new"), format="json")
    assert answer.status_code == 201
    assert answer.json()["verdict"]["rule"] == "unregistered_pipeline_unproven"
    assert Pipeline.objects.get(slug="brand-new").state == "unregistered"


def test_unknown_pipelines_are_taken_in_up_to_a_bound_for_each_person(ci, shop, monkeypatch):
    for module in ("policy", "strangers"):
        monkeypatch.setattr(f"changes.pipelines.{module}.MOST_STRANGERS", 2)
    others = token_client(shop.bo, "deploy")
    brought = [ci.post(URL, deployment(pipeline=f"made-up-{n}"), format="json") for n in range(3)]
    assert [answer.status_code for answer in brought] == [201, 201, 429]
    assert brought[2].json()["code"] == "stranger_is_welcome"
    assert 1 <= int(brought[2]["Retry-After"]) <= 3600
    again = token_client(shop.ann, "deploy").post(URL, deployment(pipeline="made-up-3"), format="json")
    assert again.status_code == 429, "another token of the same person is no way around it"
    assert others.post(URL, deployment(pipeline="made-up-4"), format="json").status_code == 201
    assert ci.post(URL, deployment(pipeline="made-up-1", run_id="2"), format="json").status_code == 201
    Pipeline.objects.update(created_at=timezone.now() - timedelta(hours=2))
    assert ci.post(URL, deployment(pipeline="made-up-2"), format="json").status_code == 201


def test_a_refusal_that_passes_is_not_kept_under_its_key(ci, monkeypatch):
    ci.post(URL, deployment(pipeline="made-up-0"), format="json")
    body = deployment(pipeline="made-up-1")
    with monkeypatch.context() as bound:
        for module in ("policy", "strangers"):
            bound.setattr(f"changes.pipelines.{module}.MOST_STRANGERS", 1)
        refused = ci.post(URL, body, format="json", HTTP_IDEMPOTENCY_KEY="k")
        assert (refused.status_code, "Retry-After" in refused) == (429, True)
    assert ci.post(URL, body, format="json", HTTP_IDEMPOTENCY_KEY="k").status_code == 201
