"""Analyses, promises and causes, through the pages and the API."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.callers import caller_of_person
from incidents.models import Incident
from incidents.rca.actions import Asked, ask_why, begin_rca, edit_why, share_why
from incidents.rca.models import CorrectiveAction, Rca, Why
from incidents.rca.promises import Promise, promise
from notifications.models import Message
from tests.conftest import token_client
from tests.factories import make_incident
from workflow.errors import Conflict, Unprocessable

MOST = 12
RESOLVED = {"detection_source": "alert", "customer_impacting": True}
SUPPORTED = {"state": "supported", "evidence": [{"kind": "link", "value": "https://grafana.example.com/d/1"}]}
ROOT = {"category": "technology", "stop_reason": "It is ours to change."}


def text_of(answer):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def signed_in(person):
    browser = Client()
    browser.force_login(person)
    return browser


@pytest.fixture
def bo(shop):
    return token_client(shop.bo, "read", "incidents")


@pytest.fixture
def lead(shop):
    return token_client(shop.ann, "read", "incidents")


def resolved(bo, shop, **columns):
    """The analysis that begins when an incident which hurt for 20 minutes is resolved."""
    now = timezone.now()
    incident = make_incident(shop, commander=shop.bo, **columns)
    impact = {"service": "checkout", "level": "down", "start": (now - timedelta(minutes=40)).isoformat()}
    impact["end"] = (now - timedelta(minutes=20)).isoformat()
    assert bo.post(f"/api/v1/incidents/{incident.ref}/impacts", impact, format="json").status_code == 201
    said = {**RESOLVED, "reason": "It is over."}
    answer = bo.post(f"/api/v1/incidents/{incident.ref}/resolve", said, format="json")
    assert answer.status_code == 200, answer.json()
    return Rca.objects.get(incident=incident)


def why(client, rca, question, claim, **more):
    said = {"question": question, "claim": claim, "path": "occurrence", **more}
    answer = client.post(f"/api/v1/rcas/{rca.ref}/whys", said, format="json")
    assert answer.status_code == 201, answer.json()
    return max(one["id"] for one in answer.json()["whys"])


def refused(answer, status, code):
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.json()


def test_an_analysis_goes_from_resolve_to_published_and_only_then_the_incident_closes(shop, bo, lead):
    rca = resolved(bo, shop)
    close = f"/api/v1/incidents/{rca.incident.ref}/close"
    refused(bo.post(close, {}, format="json"), 409, "close_needs_rca")
    of_rca = f"/api/v1/rcas/{rca.ref}"
    refused(bo.post(f"{of_rca}/submit", {}, format="json"), 409, "both_paths_asked")
    bad = {"question": "Why?", "claim": "All connections were taken", "path": "occurrence", "state": "supported"}
    refused(bo.post(f"{of_rca}/whys", bad, format="json"), 422, "supported_needs_evidence")
    top = why(bo, rca, "Why did it fail?", "All connections were taken", **SUPPORTED)
    root = why(bo, rca, "Why could one take all?", "There is no limit", parents=[top], **SUPPORTED, **ROOT)
    late = why(bo, rca, "Why so late?", "The alert averages", **{**SUPPORTED, **ROOT, "path": "detection"})
    circle = bo.patch(f"{of_rca}/whys/{top}", {"parents": [root]}, format="json")
    refused(circle, 422, "causes_never_circle")
    assert bo.post(f"{of_rca}/submit", {}, format="json").json()["state"] == "in_review"
    refused(bo.post(f"{of_rca}/review", {}, format="json"), 403, "somebody_else_reviews")
    page = signed_in(shop.bo).post(f"/rcas/{rca.ref}/do/review", follow=True)
    assert "Rule somebody_else_reviews" in text_of(page)
    refused(lead.post(f"{of_rca}/publish", {}, format="json"), 409, "transition_illegal")
    assert lead.post(f"{of_rca}/review", {}, format="json").json()["reviewed_by"] == shop.ann.email
    assert lead.post(f"{of_rca}/publish", {}, format="json").json()["state"] == "published"
    refused(bo.patch(of_rca, {"summary": "Other words"}, format="json"), 409, "can_be_edited")
    refused(bo.post(close, {}, format="json"), 409, "close_needs_rca")
    for pk in (root, late):
        said = {"rca": rca.ref, "why": pk, "title": "Mend it", "type": "technology", "effect": "prevent"}
        assert bo.post("/api/v1/actions", {**said, "owner": shop.bo.email}, format="json").status_code == 201
    assert bo.post(close, {}, format="json").status_code == 200


def test_a_promise_is_proven_by_somebody_else_and_broken_loudly_when_its_cause_hurts_again(shop, bo, lead):
    rca = resolved(bo, shop)
    root = why(bo, rca, "Why could one take all?", "There is no limit", **SUPPORTED, **ROOT)
    said = {"rca": rca.ref, "why": root, "title": "Limit it", "type": "technology", "effect": "prevent"}
    made = bo.post("/api/v1/actions", {**said, "owner": shop.bo.email}, format="json").json()
    assert made["due"] == (timezone.localdate() + timedelta(days=30)).isoformat()
    of_action = f"/api/v1/actions/{made['ref']}"
    proof = {"method": "Load test", "evidence": "https://ci.example.com/1"}
    refused(lead.post(f"{of_action}/verify", proof, format="json"), 409, "transition_illegal")
    assert bo.post(f"{of_action}/start", {}, format="json").json()["state"] == "in_progress"
    assert bo.post(f"{of_action}/done", {"note": "Ten each."}, format="json").json()["state"] == "done"
    refused(bo.post(f"{of_action}/verify", proof, format="json"), 403, "owner_never_verifies")
    page = signed_in(shop.bo).post(f"/actions/{made['ref']}/do/verify", proof, follow=True)
    assert "Rule owner_never_verifies" in text_of(page)
    refused(lead.post(f"{of_action}/verify", {"method": "Load test"}, format="json"), 422, "required")
    assert lead.post(f"{of_action}/verify", proof, format="json").json()["verified_by"] == shop.ann.email
    again = resolved(bo, shop, title="It fails again")
    shared = bo.post(f"/api/v1/rcas/{again.ref}/whys", {"shares": root}, format="json").json()
    assert [one["hurt"] for one in shared["whys"]] == [2]
    broken = lead.get(of_action).json()
    assert (broken["state"], broken["reopened"]) == ("ineffective", 1)
    assert broken["due"] >= timezone.localdate().isoformat()
    told = Message.objects.filter(payload__title__icontains="did not work").values_list("recipient", flat=True)
    assert set(told) == {shop.ann.email, shop.bo.email}
    board = text_of(signed_in(shop.ann).get("/actions"))
    assert "A promise did not hold." in board
    assert "Would have saved 40 min" in board
    causes = text_of(signed_in(shop.ann).get("/causes?q=limit"))
    assert "Hurt us 2 times" in causes
    assert "40 min lost" in causes


def test_what_was_published_stays_whoever_shares_its_causes_and_who_edits_does_not_review(shop):
    bo, cy = caller_of_person(shop.bo), caller_of_person(shop.cy)
    first = begin_rca(make_incident(shop).ref, by=bo)
    cause = ask_why(first.ref, Asked(question="Why?", claim="There is no limit", path="occurrence"), by=bo)
    Rca.objects.filter(pk=first.pk).update(state="published")
    second = begin_rca(make_incident(shop).ref, by=bo)
    share_why(second.ref, cause.pk, by=bo)
    with pytest.raises(Conflict, match="stays as it was read"):
        edit_why(second.ref, cause.pk, Asked(claim="Something else"), by=bo)
    own = ask_why(second.ref, Asked(question="Why so late?", path="detection"), by=bo)
    edit_why(second.ref, cause.pk, Asked(parents=[own.pk]), by=bo)
    edit_why(second.ref, own.pk, Asked(claim="The alert averages"), by=cy)
    Rca.objects.filter(pk=second.pk).update(state="in_review")
    answer = token_client(shop.cy, "incidents").post(f"/api/v1/rcas/{second.ref}/review", {}, format="json")
    refused(answer, 403, "somebody_else_reviews")
    assert Why.objects.get(pk=cause.pk).claim == "There is no limit"


def test_only_a_lead_of_an_affected_team_waives_or_drops_and_never_their_own_promise(shop, bo, lead):
    rca = begin_rca(make_incident(shop).ref, by=caller_of_person(shop.bo))
    waive = f"/api/v1/rcas/{rca.ref}/waive"
    refused(bo.post(waive, {"reason": "A drill"}, format="json"), 403, "may_decide_for_team")
    assert "may_decide_for_team" in text_of(
        signed_in(shop.bo).post(f"/rcas/{rca.ref}/do/waive", {"said": "A drill"}, follow=True)
    )
    refused(lead.post(waive, {"reason": " "}, format="json"), 422, "required")
    ours, hers = (
        promise(rca.ref, Promise("Mend it", "process", "detect", one.email), by=caller_of_person(shop.bo))
        for one in (shop.bo, shop.ann)
    )
    drop = {"reason": "It is replaced."}
    refused(lead.post(f"/api/v1/actions/{hers.ref}/wont-do", drop, format="json"), 403, "approver_is_not_owner")
    cy = token_client(shop.cy, "incidents")
    refused(cy.post(f"/api/v1/actions/{ours.ref}/wont-do", drop, format="json"), 403, "may_decide_for_team")
    assert lead.post(f"/api/v1/actions/{ours.ref}/wont-do", drop, format="json").json()["state"] == "wont_do"
    assert lead.post(waive, {"reason": "A drill"}, format="json").json()["waived_by"] == shop.ann.email


def test_to_the_uninvited_nothing_of_a_restricted_incident_exists(shop, bo):
    incident = make_incident(shop, restricted=True, title="Keys were stolen", declared_by=shop.bo, commander=shop.bo)
    rca = begin_rca(incident.ref, by=caller_of_person(shop.bo))
    by_bo = caller_of_person(shop.bo)
    cause = ask_why(rca.ref, Asked(question="Why?", claim="The vault was open", category="process"), by=by_bo)
    with pytest.raises(Unprocessable, match="no active person"):
        promise(rca.ref, Promise("Close it", "process", "prevent", shop.cy.email), by=by_bo)
    action = promise(rca.ref, Promise("Close it", "process", "prevent", shop.bo.email, cause.pk), by=by_bo)
    assert not Message.objects.filter(payload__title__icontains="Close").exists()
    for stranger in (shop.cy, shop.admin):
        client, browser = token_client(stranger, "read", "incidents"), signed_in(stranger)
        for path in (f"rcas/{rca.ref}", f"rcas/{rca.ref}.md", f"actions/{action.ref}"):
            refused(client.get(f"/api/v1/{path}"), 404, "not_found")
        assert client.get("/api/v1/actions").json()["results"] == []
        assert browser.get(f"/rcas/{rca.ref}").status_code == 404
        for path in ("/rcas", "/actions", "/causes?q=vault", "/actions.csv"):
            said = browser.get(path)
            body = b"".join(said.streaming_content) if said.streaming else said.content
            assert b"stolen" not in body
            assert b"Close it" not in body
            assert b"vault was open" not in body


def test_every_page_and_list_asks_at_most_twelve_statements(shop, ann, lead, django_assert_max_num_queries):
    by = caller_of_person(shop.bo)
    for number in range(3):
        rca = begin_rca(make_incident(shop, services=[shop.checkout, shop.ledger]).ref, by=by)
        for place in range(4):
            asked = Asked(question=f"Why {place}?", claim=f"Cause {number} {place}", category="process")
            cause = ask_why(rca.ref, asked, by=by)
            promise(rca.ref, Promise(f"Mend {place}", "process", "detect", shop.bo.email, cause.pk), by=by)
    action = CorrectiveAction.objects.latest("pk")
    for browser, paths in (
        (
            ann,
            (
                "/rcas",
                f"/rcas/{rca.ref}",
                f"/rcas/{rca.ref}/whys/{cause.pk}",
                "/actions",
                f"/actions/{action.ref}",
                "/causes",
            ),
        ),
        (lead, ("/api/v1/rcas", f"/api/v1/rcas/{rca.ref}", "/api/v1/actions", f"/api/v1/rcas/{rca.ref}.md")),
    ):
        for path in paths:
            browser.get(path)
            with django_assert_max_num_queries(MOST, info=path):
                assert browser.get(path).status_code == 200, path


def test_the_export_is_no_formula_and_published_text_shows_roles(shop, bo):
    incident = make_incident(shop, commander=shop.bo)
    rca = begin_rca(incident.ref, by=caller_of_person(shop.bo))
    asked = Asked(question="Why?", claim="Bo Okafor did not see the <alert>", path="occurrence", category="process")
    ask_why(rca.ref, asked, by=caller_of_person(shop.bo))
    terms = {"type": "process", "effect": "detect", "owner": shop.bo.email}
    promise(rca.ref, Promise(title="=1+1", **terms), by=caller_of_person(shop.bo))
    answer = signed_in(shop.ann).get("/actions.csv")
    body = (b"".join(answer.streaming_content) if answer.streaming else answer.content).decode()
    assert "'=1+1" in body
    text = bo.get(f"/api/v1/rcas/{rca.ref}.md").content.decode()
    assert "the commander did not see the \\<alert\\>" in text
    assert "Bo" not in text
    assert Incident.objects.get(pk=incident.pk).rca.state == "draft"
