"""Paging somebody and answering, through pages, links and the API, and what is refused there."""

from datetime import timedelta
from typing import Any

from django.test import Client
from django.utils import timezone

from notifications.models import Message
from oncall.models import EscalationPolicy
from oncall.paging import links
from oncall.paging.actions import Target, Wanted, page
from oncall.paging.models import Page
from oncall.paging.policy import LINK_WORKS
from tests.conftest import token_client
from tests.factories import make_watch

POLICY = {"name": "Checkout", "team": "payments", "repeat": "1", "is_enabled": "on", "services": ["checkout"]}


def to_ann(shop, **said):
    return page(Wanted(Target("user", "ann@example.com"), "Checkout is down", **said), by=None)


def link_of(row, person):
    return "/answer/" + links.address(links.Link(row.key, person.pk)).rpartition("/")[2]


def state_of(row):
    row.refresh_from_db()
    return row.state


def _of(person):
    client = Client()
    client.force_login(person)
    return client


# --- The link in a message -------------------------------------------------------------------------------------------


def test_a_link_that_is_only_opened_answers_nothing_and_its_button_does_without_signing_in(shop):
    row, phone = to_ann(shop), Client(enforce_csrf_checks=True)
    path = link_of(row, shop.ann)
    shown = phone.get(path)
    assert (shown.status_code, phone.head(path).status_code, state_of(row)) == (200, 200, "paging")
    assert "I have it" in shown.content.decode()
    assert "no-store" in shown["Cache-Control"]

    token = phone.cookies["decklog_csrf"].value
    answers = [phone.post(path, {"csrfmiddlewaretoken": token}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert "You have it. Nobody else is paged." in answers[1].content.decode()
    assert (state_of(row), row.acknowledged_by, row.acknowledged_via) == ("acknowledged", shop.ann, "link")
    assert "Ann Lee has it already." in phone.get(link_of(row, shop.bo)).content.decode()
    assert phone.get(f"/pages/{row.key}").status_code == 302, "the link signs nobody in"


def test_a_link_that_is_old_changed_or_of_somebody_who_left_answers_nothing(shop):
    row, client = to_ann(shop), Client(raise_request_exception=False)
    path = link_of(row, shop.ann)
    changed = path[:-2] + ("A" if path[-2] != "A" else "B") + path[-1]
    assert client.post(changed).status_code == 403
    assert client.post("/answer/nonsense").status_code == 403
    Page.objects.update(created_at=timezone.now() - LINK_WORKS - timedelta(minutes=1))
    late = client.post(path)
    assert (late.status_code, "Sign in to see the page." in late.content.decode()) == (409, True)
    Page.objects.update(created_at=timezone.now())
    shop.ann.is_active = False
    shop.ann.save()
    assert client.post(path).status_code == 404
    assert state_of(row) == "paging"


# --- Pages -----------------------------------------------------------------------------------------------------------


def test_somebody_is_paged_from_a_page_answers_there_and_everybody_sees_what_became_of_it(shop, ann):
    started = ann.post("/pages", {"target": "user:bo@example.com", "message": "Checkout is down\n502 everywhere"})
    row = Page.objects.get()
    assert (started.status_code, started["Location"]) == (302, f"/pages/{row.key}")
    assert (row.title, row.asked_by) == ("Checkout is down", shop.ann)
    text = ann.get(f"/pages/{row.key}").content.decode()
    for shown in ("user Bo Okafor", "that nobody answered", "502 everywhere", "I have it"):
        assert shown in text
    _of(shop.bo).post(f"/pages/{row.key}/acknowledge")
    assert (state_of(row), row.acknowledged_by, row.acknowledged_via) == ("acknowledged", shop.bo, "page")
    assert "Answered by Bo Okafor" in ann.get(f"/pages/{row.key}").content.decode()
    assert "Checkout is down" in ann.get("/pages").content.decode()


def test_what_is_wrong_is_said_beside_the_field_and_nothing_typed_is_lost(shop, ann):
    for target, message, wrong in (("user:who@example.com", "Look at this", "target"), ("", "", "message")):
        answer = ann.post("/pages", {"target": target, "message": message})
        assert (answer.status_code, wrong in answer.context["form"].errors) == (422, True)
        assert message in answer.content.decode()
    assert ann.get("/pages?cursor=nonsense").status_code == 404
    assert not Page.objects.exists()


def test_a_private_page_is_nowhere_but_in_its_message(shop, ann):
    row = to_ann(shop, is_private=True)
    api = token_client(shop.admin, "read", "oncall")
    assert "Checkout is down" not in ann.get("/pages").content.decode()
    assert ann.get(f"/pages/{row.key}").status_code == ann.post(f"/pages/{row.key}/acknowledge").status_code == 404
    assert api.get("/api/v1/pages").json()["results"] == []
    for verb in ("acknowledge", "cancel"):
        assert api.post(f"/api/v1/pages/{row.key}/{verb}", {}, format="json").status_code == 404
    assert state_of(row) == "paging"
    assert Client().post(link_of(row, shop.ann)).status_code == 200
    assert state_of(row) == "acknowledged"


# --- Escalation policies ---------------------------------------------------------------------------------------------


def test_a_lead_makes_a_policy_and_reads_whom_each_step_would_reach_now(shop, ann):
    make_watch(shop, "ann@example.com")
    said = {**POLICY, "steps": "schedule:payments-primary 5\nperson:bo@example.com 10\nteam:payments"}
    refused = _of(shop.bo).post("/escalations/new", said)
    assert "Only a lead of the team" in refused.content.decode()
    assert not EscalationPolicy.objects.exists()
    assert ann.post("/escalations/new", said).status_code == 302
    text = ann.get("/escalations/checkout").content.decode()
    assert "Ann Lee" in text
    shop.bo.is_active = False
    shop.bo.save()
    assert "1 step would reach nobody now" in ann.get("/escalations/checkout").content.decode()
    for steps in ("moon:x 5", "schedule:none 5", "person:bo@example.com 0", ""):
        answer = ann.post("/escalations/checkout/edit", {**said, "steps": steps})
        assert (answer.status_code, "steps" in answer.context["form"].errors) == (422, True), steps
        assert steps in answer.content.decode()
    assert EscalationPolicy.objects.get().steps.count() == 3


def test_the_api_pages_escalates_answers_and_refuses_with_a_code_and_a_field(shop):
    make_watch(shop, "ann@example.com")
    api, lead = token_client(shop.bo, "read", "oncall"), token_client(shop.ann, "read", "oncall")
    policy: dict[str, Any] = {"slug": "checkout", "name": "Checkout", "team": "payments", "services": ["checkout"]}
    policy["steps"] = [{"schedule": "payments-primary", "wait_minutes": 5}, {"team": "payments"}]
    assert api.post("/api/v1/escalations", policy, format="json").json()["code"] == "may_change_escalation"
    assert lead.post("/api/v1/escalations", policy, format="json").status_code == 201
    assert lead.post("/api/v1/escalations", policy, format="json").json()["code"] == "slug_taken"
    both = {**policy, "steps": [{"team": "payments", "user": "bo@example.com"}]}
    assert lead.put("/api/v1/escalations/checkout", both, format="json").json()["errors"][0]["code"] == "one_target"
    nobody = api.post("/api/v1/pages", {"target": {"type": "team", "id": "moon"}, "message": "Look"}, format="json")
    assert (nobody.status_code, nobody.json()["code"]) == (422, "unknown_target")
    assert nobody.json()["errors"][0]["field"] == "target.id"

    wanted = {"target": {"type": "policy", "id": "checkout"}, "message": "Checkout is down"}
    started = api.post("/api/v1/pages", wanted, format="json", HTTP_IDEMPOTENCY_KEY="one")
    assert api.post("/api/v1/pages", wanted, format="json", HTTP_IDEMPOTENCY_KEY="one").json() == started.json()
    key = started.json()["id"]
    assert (started.status_code, started.json()["state"]) == (202, "paging")
    steps = [(step["target"], step["state"]) for step in started.json()["steps"]]
    assert steps == [("schedule payments-primary", "sent"), ("team payments", "waiting")]
    assert Message.objects.filter(topic=f"page:{key}").count() == 1
    assert api.post(f"/api/v1/pages/{key}/cancel", {"reason": "A drill."}, format="json").json()["state"] == "cancelled"
    late = api.post(f"/api/v1/pages/{key}/acknowledge", {}, format="json")
    assert (late.status_code, late.json()["code"]) == (409, "page_can_be_answered")
