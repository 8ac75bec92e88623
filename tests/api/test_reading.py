"""What a script reads, key by key as the contract says."""

from datetime import datetime
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Membership, Team
from catalog.models import Environment, Service
from changes.models import Change
from tests.conftest import token_client
from tests.factories import SHA, deployment, make_service, make_user

DEPLOYMENTS = "/api/v1/deployments"
IN_LIST = {
    *("ref", "url", "type", "origin", "authorization", "state", "outcome", "verdict", "title", "service"),
    *("environment", "pipeline", "run_id", "attempt", "version", "sha", "customer_impacting", "flags"),
    *("started_at", "finished_at", "created_at", "updated_at"),
    "risk",
    "window_start",
    "window_end",
    "review_due_at",
}
OF_RUN = {
    *("status", "previous_sha", "artifact_digest", "run_url", "tickets", "commits", "evidence", "received_at"),
}


def contract(**changed: Any) -> dict[str, Any]:
    """The body of the contract, with every field that it names."""
    return {
        "service": "checkout",
        "environment": "production",
        "pipeline": "checkout-deploy",
        "run_id": "4711",
        "attempt": 1,
        "status": "succeeded",
        "sequence": 3,
        "version": "2.14.0",
        "sha": SHA,
        "previous_sha": "1c002dd4b536e7479fe34593e72e6c6c1819e53b",
        "artifact_digest": "sha256:" + "9f" * 32,
        "started_at": "2026-11-24T09:00:00Z",
        "finished_at": "2026-11-24T09:04:10Z",
        "title": "",
        "run_url": "https://ci.example.com/4711",
        "customer_impacting": False,
        "public_note": "",
        "tickets": ["SP-123"],
        "commits": [
            {
                "sha": SHA,
                "authored_at": "2026-11-24T08:00:00Z",
                "author": "ann@example.com",
                "reviewed_by": ["bo@example.com"],
            }
        ],
        "evidence": {
            "tests": {"passed": 412, "failed": 0, "sha": SHA, "url": "https://ci.example.com/4711/tests"},
            "smoke_test": {
                "status": "passed",
                "at": "2026-11-24T09:04:00Z",
                "url": "https://ci.example.com/4711/smoke",
            },
            "rollback": {"ready": True, "plan": "helm rollback", "target": "2.13.9"},
        },
        **changed,
    }


@pytest.fixture
def ref(ci) -> str:
    return str(ci.post(DEPLOYMENTS, deployment(), format="json").json()["ref"])


# --- Deployments -----------------------------------------------------------------------------------------------------


def test_the_body_of_the_contract_is_answered_as_the_contract_says(ci):
    sent = contract()
    answer = ci.post(DEPLOYMENTS, sent, format="json")
    body = answer.json()
    assert answer.status_code == 201
    assert set(body) == IN_LIST | OF_RUN | {"public_note", "warnings"}
    assert set(body["verdict"]) == {"result", "rule", "policy_version", "checks"}
    assert all(set(check) == {"check", "required", "passed", "detail"} for check in body["verdict"]["checks"])
    assert body["url"].endswith(f"/changes/{body['ref']}")
    said = {name: sent[name] for name in sent if name not in {"title", "sequence"}}
    assert {name: body[name] for name in said} == said
    assert (body["type"], body["origin"], body["authorization"]) == ("standard", "pipeline", "auto_exempt")
    assert (body["state"], body["outcome"]) == ("closed", "succeeded")
    assert (body["verdict"]["result"], body["verdict"]["rule"]) == ("exempt", "pipeline_deploy_exempt")
    # The example's times are not now, and nothing of it was misunderstood.
    assert (body["flags"], body["warnings"]) in (([], []), (["clock_skew"], []))
    assert body["title"] == "checkout 2.14.0 to production"


def test_a_deploy_is_read_as_it_was_answered(ci):
    answered = ci.post(DEPLOYMENTS, contract(), format="json").json()
    read = ci.get(f"{DEPLOYMENTS}/{answered['ref']}")
    assert read.status_code == 200
    assert read.json() == answered


@pytest.mark.parametrize("ref", ["CHG-999", "CHG-0", "chg-x", "12", "CHG-99999999999999999999", "CHG-1%00", "INC-1"])
@pytest.mark.parametrize("path", ["deployments/{}", "changes/{}", "changes/{}/timeline"])
def test_a_reference_of_nothing_is_404(ci, path, ref):
    answer = ci.get(f"/api/v1/{path.format(ref)}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_what_a_person_filed_is_a_change_and_no_deployment(shop, ci):
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
    assert ci.get(f"{DEPLOYMENTS}/{filed.ref}").status_code == 404
    body = ci.get(f"/api/v1/changes/{filed.ref}").json()
    assert (body["requester"], body["team"], body["run"], body["verdict"]) == ("bo@example.com", "payments", None, None)
    assert (body["pipeline"], body["run_id"], body["attempt"], body["outcome"]) == (None, None, None, None)
    assert [row["ref"] for row in ci.get("/api/v1/changes?origin=person").json()["results"]] == [filed.ref]
    assert ci.get(DEPLOYMENTS).json()["results"] == []


# --- Changes ---------------------------------------------------------------------------------------------------------


IN_FULL = {"team", "requester", "public_note", "run", "services", "review", "collisions", "allowed_actions"}
IN_FULL |= {"approvals", "required_approvals", "eligible_approvers"}


def test_a_change_in_full_holds_what_its_list_shows_and_what_the_pipeline_told(ci, ref):
    body = ci.get(f"/api/v1/changes/{ref}").json()
    (row,) = ci.get("/api/v1/changes").json()["results"]
    assert set(row) == IN_LIST
    assert set(body) == IN_LIST | IN_FULL
    assert set(body["run"]) == OF_RUN
    assert row["verdict"].items() <= body["verdict"].items()
    assert {name: body[name] for name in row if name != "verdict"} == {
        name: value for name, value in row.items() if name != "verdict"
    }
    deploy = ci.get(f"{DEPLOYMENTS}/{ref.lower()}").json()
    assert body["run"].items() <= deploy.items()


@pytest.mark.parametrize(
    ("query", "is_shown"),
    [
        ("type=standard&origin=pipeline&authorization=auto_exempt&state=closed&outcome=succeeded&verdict=exempt", True),
        ("service=checkout&environment=production&team=payments&pipeline=checkout-deploy", True),
        (f"sha={SHA}&customer_impacting=false&since=2020-01-01&until=2100-01-01T00:00:00%2B02:00&q=checkout", True),
        ("type=emergent", False),
        ("team=delivery", False),
        ("requester=ann@example.com", False),
        ("customer_impacting=true", False),
        ("until=2020-01-01", False),
        ("state=draft", False),
        ("risk=high", False),
        ("window_from=2020-01-01", False),
        ("window_to=2100-01-01", False),
    ],
)
def test_changes_are_found_by_each_filter(ci, ref, query, is_shown):
    found = ci.get(f"/api/v1/changes?{query}")
    assert found.status_code == 200, found.content
    assert [row["ref"] for row in found.json()["results"]] == ([ref] if is_shown else [])


@pytest.mark.parametrize("name", ["order_by", "limit", "format"])
def test_a_filter_that_does_not_exist_is_named_and_refused(ci, name):
    answer = ci.get(f"/api/v1/changes?{name}=1")
    assert answer.status_code == 400
    assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [(name, "unknown_parameter")]


# --- Timelines -------------------------------------------------------------------------------------------------------


def test_a_timeline_tells_what_happened_by_whom_and_why_it_was_decided(ci, shop):
    started = deployment(status="started", finished_at=None, evidence=None)
    ref = ci.post(DEPLOYMENTS, started, format="json").json()["ref"]
    ci.post(DEPLOYMENTS, deployment(), format="json")
    page = ci.get(f"/api/v1/changes/{ref}/timeline").json()
    assert set(page) == {"results", "next", "previous"}
    entries = page["results"]
    keys = {"id", "verb", "actor", "occurred_at", "recorded_at", "rule", "data"}
    assert all(set(entry) == keys for entry in entries)
    assert {entry["verb"] for entry in entries} == {"started", "finished", "verdict"}
    assert [entry["occurred_at"] for entry in entries] == sorted((e["occurred_at"] for e in entries), reverse=True)
    by_verb = {entry["verb"]: entry for entry in entries}
    assert by_verb["started"]["actor"]["kind"] == "token"
    assert by_verb["started"]["actor"]["name"].startswith("token ")
    assert by_verb["verdict"]["actor"] == {"kind": "system", "name": "Decklog"}
    assert by_verb["verdict"]["rule"] == "pipeline_deploy_exempt"
    assert by_verb["finished"]["rule"] is None
    assert by_verb["finished"]["data"]["evidence"]["tests"]["passed"] == 412
    assert datetime.fromisoformat(by_verb["started"]["recorded_at"]).utcoffset() is not None


def test_pages_of_a_timeline_join_without_a_gap_in_both_directions(ci):
    ref = ci.post(DEPLOYMENTS, deployment(status="started", finished_at=None, evidence=None), format="json").json()[
        "ref"
    ]
    for passed in range(5):
        ci.patch(f"{DEPLOYMENTS}/{ref}/evidence", {"tests": {"passed": passed, "failed": 0}}, format="json")
    url = f"/api/v1/changes/{ref}/timeline"
    whole = [entry["id"] for entry in ci.get(url).json()["results"]]
    assert len(whole) >= 6
    assert walk(ci, f"{url}?page_size=2", "next") == [whole[n : n + 2] for n in range(0, len(whole), 2)]
    last = follow_to_the_end(ci, f"{url}?page_size=2")
    assert [pk for ids in reversed(walk(ci, last, "previous")) for pk in ids] == whole


@pytest.mark.parametrize("started_at", ["2026-11-24T01:00:00Z", "2026-11-24T01:00:00.5Z", "2026-11-24T03:00:00+02:00"])
def test_pages_of_deploys_of_the_same_second_join_although_their_second_message_came_another_way(ci, started_at):
    for run in ("1", "2", "3"):
        began = deployment(run_id=run, started_at=started_at, status="started", finished_at=None, evidence=None)
        ci.post(DEPLOYMENTS, began, format="json")
    for run in ("1", "3"):
        ci.post(DEPLOYMENTS, deployment(run_id=run, started_at=started_at), format="json")
    whole = [row["ref"] for row in ci.get(DEPLOYMENTS).json()["results"]]
    pages = walk(ci, f"{DEPLOYMENTS}?page_size=1", "next")
    assert pages == [[ref] for ref in whole]
    assert len(whole) == 3
    back = walk(ci, follow_to_the_end(ci, f"{DEPLOYMENTS}?page_size=1"), "previous")
    assert back == [[ref] for ref in reversed(whole)]


def walk(client: Any, url: str | None, way: str) -> list[list[Any]]:
    """The ids (or slugs) of page after page."""
    pages: list[list[Any]] = []
    while url:
        assert len(pages) < 30, "the pages run in a circle"
        page = client.get(url).json()
        pages.append([row.get("id") or row.get("ref") or row["slug"] for row in page["results"]])
        url = page[way]
    return pages


def follow_to_the_end(client: Any, url: str) -> str:
    for _ in range(30):
        older = client.get(url).json()["next"]
        if not older:
            return url
        url = older
    raise AssertionError("the pages run in a circle")


# --- What pipeline authors look up -----------------------------------------------------------------------------------


def test_services_environments_and_teams_are_told_in_the_words_of_an_organisation_file(shop, ci):
    gone = make_user("gone@example.com", is_active=False)
    Membership.objects.create(team=shop.payments, user=gone)
    (checkout,) = (row for row in ci.get("/api/v1/services").json()["results"] if row["slug"] == "checkout")
    assert checkout.pop("created_at")
    assert checkout.pop("url").endswith("/settings/services/checkout")
    assert checkout == {
        "slug": "checkout",
        "name": "Checkout",
        "description": "",
        "team": "payments",
        "tier": 0,
        "public": False,
        "depends_on": ["ledger"],
    }
    environments = ci.get("/api/v1/environments").json()["results"]
    assert {row["slug"]: row["production"] for row in environments} == {"production": True, "uat": False}
    teams = {row["slug"]: row for row in ci.get("/api/v1/teams").json()["results"]}
    assert (teams["payments"]["leads"], teams["payments"]["members"]) == (["ann@example.com"], ["bo@example.com"])


@pytest.mark.parametrize("kind", ["services", "environments", "teams"])
def test_short_lists_page_newest_first_without_a_gap(shop, ci, kind):
    for number in range(5):
        Environment.objects.create(slug=f"extra-{number}", name="Extra")
        team = Team.objects.create(slug=f"extra-{number}", name="Extra")
        make_service(f"extra-{number}", team)
    pages = walk(ci, f"/api/v1/{kind}?page_size=2", "next")
    slugs = [slug for page in pages for slug in page]
    assert slugs[:5] == [f"extra-{number}" for number in (4, 3, 2, 1, 0)]
    assert len(slugs) == len(set(slugs)) == 7
    last = follow_to_the_end(ci, f"/api/v1/{kind}?page_size=2")
    assert [slug for page in reversed(walk(ci, last, "previous")) for slug in page] == slugs


def test_services_are_found_by_their_team(shop, ci):
    make_service("router", shop.delivery)
    assert [row["slug"] for row in ci.get("/api/v1/services?team=delivery").json()["results"]] == ["router"]
    assert ci.get("/api/v1/services?team=nobody").json() == {"results": [], "next": None, "previous": None}


@pytest.mark.parametrize("query", ["q=x", "page_size=0", "page_size=1e2", "cursor=x", "cursor=%00", "cursor=W10"])
@pytest.mark.parametrize("kind", ["services", "environments", "teams", "changes/{}/timeline"])
def test_short_lists_refuse_what_they_do_not_know(ci, ref, kind, query):
    assert ci.get(f"/api/v1/{kind.format(ref)}?{query}").status_code == 400


@pytest.mark.parametrize("text", ["%00", "%0A", "x" * 300, "%F0%9F%9A%80", "'%20OR%201=1--"])
def test_a_team_that_no_team_is_called_finds_nothing_or_is_refused(ci, text):
    assert ci.get(f"/api/v1/services?team={text}").status_code in {200, 400}


@pytest.mark.parametrize("path", ["services", "environments", "teams", "changes", "deployments", "changes/{}/timeline"])
def test_a_list_of_many_costs_no_more_statements_than_a_list_of_few(shop, ci, ref, path, django_assert_max_num_queries):
    for number in range(20):
        team = Team.objects.create(slug=f"team-{number}", name="Team")
        Membership.objects.create(team=team, user=make_user(f"person-{number}@example.com"))
        service = make_service(f"service-{number}", team)
        service.depends_on.add(*Service.objects.exclude(pk=service.pk)[:3])
        ci.post(DEPLOYMENTS, deployment(run_id=f"run-{number}", status="failed"), format="json")
        ci.patch(f"{DEPLOYMENTS}/{ref}/evidence", {"tests": {"passed": number}}, format="json")
    reader = token_client(shop.ann, "read")
    with django_assert_max_num_queries(7):
        found = reader.get(f"/api/v1/{path.format(ref)}")
    assert len(found.json()["results"]) >= (2 if path == "environments" else 20)
