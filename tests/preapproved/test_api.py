"""Templates through the API: the same rules, in the words of the contract."""

import pytest

from accounts.models import Membership
from changes.models import Template, TemplateApproval
from changes.preapproved.schema import NEW
from tests.conftest import token_client
from tests.preapproved.people import is_usable, state_of

API = "/api/v1/templates"
IN_LIST = {
    *("ref", "url", "slug", "name", "state", "usable", "because", "title", "services", "environment", "author"),
    *("approved_until", "digest", "edition", "created_at", "updated_at"),
}
IN_FULL = IN_LIST | {
    *("description", "reason", "customer_impacting", "public_note", "risk_answers", "test_evidence", "rollback_plan"),
    *("rollback_minutes", "verification_plan", "approvals", "decision", "eligible_approvers", "used"),
    "allowed_actions",
}


@pytest.fixture
def dan(team):
    return token_client(team.dan, "changes", "read")


@pytest.fixture
def ann(team):
    return token_client(team.shop.ann, "changes", "read")


@pytest.fixture
def bo(team):
    return token_client(team.shop.bo, "changes", "read")


def propose(client, **changed):
    return client.post(API, {**NEW, **changed}, format="json")


def approve(client, slug=NEW["slug"], **said):
    said.setdefault("seen", Template.objects.get(slug=slug).digest)
    return client.post(f"{API}/{slug}/approve", said, format="json")


def test_a_template_is_proposed_and_approved_by_two_tokens_of_two_people(dan, ann, bo):
    answer = propose(dan)
    assert answer.status_code == 201
    body = answer.json()
    assert set(body) == IN_FULL
    assert (body["state"], body["usable"], body["author"]) == ("proposed", False, "dan@example.com")
    assert body["eligible_approvers"] == ["ann@example.com", "bo@example.com"]
    assert body["allowed_actions"] == ["change", "retire"]
    assert body["url"].endswith("/templates/raise-the-pool")

    first = approve(ann, note="Read it.").json()
    assert (first["state"], first["approvals"][0]["note"]) == ("proposed", "Read it.")
    assert first["decision"]["because"] == "Needs 1 more approval; Bo Okafor can give it."
    second = approve(bo).json()
    assert (second["state"], second["usable"]) == ("approved", True)
    assert second["approved_until"]
    assert is_usable("raise-the-pool")


def test_a_token_counts_as_its_owner_and_never_as_a_second_pair_of_eyes(team, dan, ann):
    propose(dan)
    for scopes in (["changes"], ["changes", "read", "deploy"]):
        other = token_client(team.dan, *scopes)
        answer = approve(other)
        assert (answer.status_code, answer.json()["code"]) == (403, "four_eyes")
    approve(ann)
    again = approve(token_client(team.shop.ann, "changes"))
    assert (again.status_code, again.json()["code"]) == (409, "already_approved")
    assert state_of("raise-the-pool") == "proposed"


def test_a_token_acts_only_within_its_limits(team, dan):
    limited = token_client(team.shop.bo, "changes", services=["ledger"])
    assert propose(limited).json()["code"] == "token_limits"
    propose(dan)
    assert approve(limited).json()["code"] == "token_limits"
    assert not TemplateApproval.objects.exists()


@pytest.mark.parametrize("scopes", [["read"], ["deploy"], ["admin", "read", "deploy"]])
def test_without_the_scope_nothing_is_written(team, dan, scopes):
    propose(dan)
    client = token_client(team.shop.ann, *scopes) if "admin" not in scopes else token_client(team.shop.admin, *scopes)
    assert approve(client).json()["code"] == "permission_denied"
    assert propose(client, slug="another").json()["code"] == "permission_denied"
    assert client.patch(f"{API}/raise-the-pool", {"reason": "x"}, format="json").status_code == 403


def test_a_stale_digest_is_refused(dan, ann):
    seen = propose(dan).json()["digest"]
    dan.patch(f"{API}/raise-the-pool", {"rollback_minutes": 90}, format="json")
    answer = approve(ann, seen=seen)
    assert (answer.status_code, answer.json()["code"]) == (409, "stale_approval")


def test_a_patch_changes_what_it_names_and_voids_the_approvals(dan, ann, bo):
    before = propose(dan).json()
    approve(ann)
    approve(bo)
    after = dan.patch(f"{API}/raise-the-pool", {"rollback_minutes": 90}, format="json").json()
    assert (after["rollback_minutes"], after["reason"]) == (90, before["reason"])
    assert (after["state"], after["approved_until"], after["usable"]) == ("proposed", None, False)
    assert all(one["voided_at"] for one in after["approvals"])
    assert after["digest"] != before["digest"]


def test_an_empty_patch_proposes_again_what_was_retired(dan):
    propose(dan)
    retired = dan.post(f"{API}/raise-the-pool/retire", {"reason": "Done by a pipeline."}, format="json").json()
    assert (retired["state"], retired["allowed_actions"]) == ("retired", ["change"])
    assert dan.patch(f"{API}/raise-the-pool", {}, format="json").json()["state"] == "proposed"


@pytest.mark.parametrize(
    ("changed", "field", "status"),
    [
        ({"rollback_plan": ""}, "rollback_plan", 422),
        ({"risk_answers": {"irreversible": False}}, "risk_answers", 422),
        ({"risk_answers": {**NEW["risk_answers"], "irreversible": "no"}}, "risk_answers.irreversible", 422),
        ({"services": []}, "services", 422),
        ({"services": ["nothing"]}, "services", 422),
        ({"services": "checkout"}, "services", 422),
        ({"environment": "mars"}, "environment", 422),
        ({"rollback_minutes": -1}, "rollback_minutes", 422),
        ({"rollback_minutes": 10**9}, "rollback_minutes", 422),
        ({"rollback_minutes": "5"}, "rollback_minutes", 422),
        ({"title": "x" * 301}, "title", 422),
        ({"title": None}, "title", 422),
        ({"slug": "two words"}, "slug", 422),
        ({"colour": "blue"}, "colour", 422),
    ],
    ids=str,
)
def test_a_wrong_body_is_refused_beside_its_field(dan, changed, field, status):
    answer = propose(dan, **changed)
    assert answer.status_code == status
    assert field in [error["field"] for error in answer.json()["errors"]]
    assert not Template.objects.exists()


def test_the_same_key_proposes_once(dan):
    first = dan.post(API, NEW, format="json", HTTP_IDEMPOTENCY_KEY="one")
    again = dan.post(API, NEW, format="json", HTTP_IDEMPOTENCY_KEY="one")
    assert (first.status_code, again.content) == (201, first.content)
    assert Template.objects.count() == 1
    assert propose(dan).json()["code"] == "slug_taken"


def test_the_list_goes_on_page_by_page_and_filters(team, dan, ann, bo):
    for number in range(3):
        propose(dan, slug=f"template-{number}", title=f"Title {number}")
    propose(dan, slug="of-ledger", services=["ledger"])
    for client in (ann, bo):
        approve(client, "template-1")
    page = dan.get(f"{API}?page_size=3").json()
    assert [set(one) for one in page["results"]] == [IN_LIST] * 3
    assert [one["slug"] for one in page["results"]] == ["of-ledger", "template-2", "template-1"]
    older = dan.get(page["next"].partition("//")[2].partition("/")[2].join(["/", ""])).json()
    assert [one["slug"] for one in older["results"]] == ["template-0"]
    assert [one["slug"] for one in dan.get(f"{API}?state=approved").json()["results"]] == ["template-1"]
    assert [one["slug"] for one in dan.get(f"{API}?service=ledger").json()["results"]] == ["of-ledger"]


@pytest.mark.parametrize("query", ["state=green", "colour=blue", "page_size=0", "cursor=x"])
def test_a_parameter_that_is_wrong_is_a_400(dan, query):
    assert dan.get(f"{API}?{query}").status_code == 400


@pytest.mark.parametrize("count", [3, 30])
def test_a_page_of_30_asks_the_database_as_often_as_one_of_3(team, dan, count, django_assert_max_num_queries):
    for number in range(count):
        propose(dan, slug=f"template-{number}")
    with django_assert_max_num_queries(10):
        assert len(dan.get(f"{API}?page_size=50").json()["results"]) == count


def test_whoever_left_the_team_approves_nothing_any_more(team, dan, bo):
    propose(dan)
    Membership.objects.filter(user=team.shop.bo).delete()
    assert approve(bo).json()["code"] == "approver_role"


def test_how_its_changes_went_is_told(team, dan):
    template = team.approved()
    team.made_from(template, "succeeded")
    team.made_from(template, "failed")
    assert dan.get(f"{API}/rotate-keys").json()["used"] == {"succeeded": 1, "failed": 1}


@pytest.mark.parametrize("verb", ["", "/approve", "/retire"])
def test_what_does_not_exist_is_a_404(dan, verb):
    body = {"seen": "x", "reason": "x"}
    answer = dan.post(f"{API}/nothing{verb}", body, format="json") if verb else dan.get(f"{API}/nothing")
    assert answer.status_code == 404
