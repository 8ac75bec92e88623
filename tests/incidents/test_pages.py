"""The pages of incidents: they work without JavaScript, keep what was typed, and hide what must be hidden."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from incidents.deeds import DEEDS
from incidents.models import Incident
from incidents.tasks import mind_incidents
from oncall.paging.actions import acknowledge
from oncall.paging.queries import pages_about
from tests.conftest import token_client
from tests.factories import make_incident, make_ticket
from workflow.ledger import timeline


def text_of(answer):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def open_page(browser, ref):
    return browser.get(f"/incidents/{ref}")


def test_an_incident_is_declared_in_three_fields_and_a_mistake_loses_nothing(shop, ann):
    assert "Declare it" in text_of(ann.get("/incidents/declare"))
    wrong = ann.post("/incidents/declare", {"title": "Card payments fail", "severity": "sev1"})
    assert wrong.status_code == 422
    assert "Card payments fail" in wrong.content.decode()
    said = {"title": "Card payments fail", "severity": "sev1", "services": ["checkout"]}
    for _ in range(2):
        answer = ann.post("/incidents/declare", {**said, "csrfmiddlewaretoken": "the same page"})
        assert answer.status_code == 302
    incident = Incident.objects.get()
    assert answer["Location"] == f"/incidents/{incident.ref}"
    page = text_of(ann.get(answer["Location"]))
    for words in ("Card payments fail", "Sev 1", "Triage", "Declared Sev 1 on checkout", "not yet", "customers notice"):
        assert words.lower() in page.lower(), words


def test_the_ordinary_way_through_the_pages(shop, ann):
    ref = make_incident(shop, acknowledged_at=None).ref
    deeds: tuple[tuple[str, dict[str, str], str], ...] = (
        ("acknowledge", {}, "investigating"),
        ("identified", {"reason": "The pool is full."}, "identified"),
        ("mitigate", {}, "mitigated"),
        ("resolve", {"detection_source": "alert", "customer_impacting": "no"}, "resolved"),
        ("close", {}, "closed"),
        ("reopen", {"reason": "Again."}, "investigating"),
        ("cancel", {"reason": "A test."}, "cancelled"),
    )
    for name, said, state in deeds:
        assert ann.get(f"/incidents/{ref}/do/{name}").status_code == 200
        answer = ann.post(f"/incidents/{ref}/do/{name}", said)
        assert answer.status_code == 302, text_of(answer)
        assert Incident.objects.get().state == state
        assert open_page(ann, ref).status_code == 200


def test_every_refusal_comes_back_on_its_page_with_its_sentence_and_what_was_typed(shop, ann):
    ref = make_incident(shop).ref
    soon = (timezone.now() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    for name, said, words in (
        ("mitigate", {}, "leaves out investigating, identified. Say why."),
        ("mitigate", {"reason": "Off.", "mitigated_at": soon}, "This is still to come."),
        ("resolve", {"reason": "Off."}, 'data-code="required"'),
        ("close", {"reason": "Off."}, "An incident that is triage cannot become closed."),
        ("reopen", {"reason": "Again."}, "there is nothing to reopen"),
        ("cancel", {}, 'data-code="required"'),
        ("merge", {"into": "INC-99", "reason": "Same."}, "There is no incident INC-99."),
        ("times", {"impact_started_at": soon, "reason": "Logs."}, "This is still to come."),
        ("times", {"impact_started_at": "noon", "reason": "Logs."}, "This is no date and time."),
        ("describe", {"title": "", "severity": "sev3", "services": ["checkout"]}, 'data-code="required"'),
        ("impact", {"service": "checkout", "level": "down", "start": soon}, "This is still to come."),
        ("role", {"role": "captain", "user": "bo@example.com"}, "captain"),
        ("change", {"change": "CHG-99", "role": "caused"}, "There is no change CHG-99."),
        ("page", {"target": "user:nobody@example.com"}, "nobody@example.com"),
    ):
        answer = ann.post(f"/incidents/{ref}/do/{name}", said)
        assert answer.status_code == 422, (name, answer.status_code)
        assert words in (text_of(answer) if "data-code" not in words else answer.content.decode()), (
            name,
            text_of(answer),
        )
        assert said.get("reason", "") in answer.content.decode()
    assert Incident.objects.get().state == "triage"
    assert ann.get(f"/incidents/{ref}/do/nothing").status_code == 404


def test_notes_and_updates_are_written_looked_at_and_kept_when_something_is_wrong(shop, ann):
    ref = make_incident(shop).ref
    assert ann.post(f"/incidents/{ref}/note", {"text": " "}).status_code == 422
    ann.post(f"/incidents/{ref}/note", {"text": "The pool is full."})
    entry = timeline(ref)[0]
    assert "The pool is full." in text_of(open_page(ann, ref))
    place = f"/incidents/{ref}/note/{entry.pk}"
    assert "The pool is full." in ann.get(place).content.decode()
    assert 'data-code="required"' in ann.post(place, {"text": "Half full."}).content.decode()
    ann.post(place, {"text": "Half full.", "reason": "Exact."})
    ann.post(place, {"text": "x", "reason": "Not ours.", "remove": "1"})
    page = text_of(open_page(ann, ref))
    assert "a note that Ann Lee removed" in page
    assert "full." not in page
    assert ann.get(place).status_code == 404
    said = {"message": "We look into it.", "status": "investigating", "promise": "30"}
    assert "As it will look" in text_of(ann.post(f"/incidents/{ref}/update", {**said, "preview": "1"}))
    assert not Incident.objects.get().updates.exists()
    ann.post(f"/incidents/{ref}/update", {**said, "draft": "1"})
    draft = Incident.objects.get().updates.get()
    ann.post(f"/incidents/{ref}/update/{draft.pk}/publish")
    assert Incident.objects.get().first_public_post_at is not None
    assert "Next one promised by" in text_of(open_page(ann, ref))
    assert ann.post(f"/incidents/{ref}/update", {**said, "message": ""}).status_code == 422


def test_times_that_nobody_touched_stay_to_the_second(shop, ann):
    started = timezone.now() - timedelta(minutes=50, seconds=7)
    incident = make_incident(shop, impact_started_at=started, sources={})
    page = ann.get(f"/incidents/{incident.ref}/do/times").content.decode()
    shown = dict(re.findall(r'name="(\w+_at)"[^>]*value="([^"]+)"', page))
    assert set(shown) == {"impact_started_at"}
    noticed = (timezone.localtime(started) + timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M")
    ann.get(f"/incidents/{incident.ref}")
    said = {**shown, "detected_at": shown["impact_started_at"], "reason": "The log."}
    assert ann.post(f"/incidents/{incident.ref}/do/times", said).status_code == 302, noticed
    incident.refresh_from_db()
    assert incident.impact_started_at == started
    assert incident.detected_at is not None


def test_the_list_is_narrowed_by_its_address_and_says_what_it_cannot_read(shop, ann):
    make_incident(shop)
    make_incident(shop, title="Ledger is slow", services=[shop.ledger], state="resolved", search_text="ledger is slow")
    assert "Ledger is slow" in text_of(ann.get("/incidents"))
    page = text_of(ann.get("/incidents?state=open"))
    assert ("Card payments fail" in page, "Ledger is slow" in page) == (True, False)
    assert "No incident matches" in text_of(ann.get("/incidents?q=zebra"))
    for query in ("state=lost", "since=soon", "cursor=x", "colour=red"):
        answer = ann.get(f"/incidents?{query}")
        assert answer.status_code == 200
        assert "Show all" in text_of(answer)


def test_pages_stay_within_a_dozen_statements_with_everything_on_them(shop, ann, django_assert_max_num_queries):
    crew = token_client(shop.ann, "incidents")
    incident = make_incident(shop, services=[shop.checkout, shop.ledger], commander=shop.bo, severity="sev1")
    for number in range(4):
        crew.post(f"/api/v1/incidents/{incident.ref}/timeline", {"text": f"Note {number}."}, format="json")
        change = make_ticket(shop, incident=incident.ref, origin="person").change
        crew.post(f"/api/v1/incidents/{incident.ref}/changes", {"change": change.ref, "role": "cleared"}, format="json")
        span = {"start": (timezone.now() - timedelta(hours=2)).isoformat(), "end": timezone.now().isoformat()}
        body = {"service": "checkout", "level": "down", **span}
        crew.post(f"/api/v1/incidents/{incident.ref}/impacts", body, format="json")
        make_incident(shop, commander=shop.ann)
    ann.get("/incidents")
    with django_assert_max_num_queries(12):
        assert open_page(ann, incident.ref).status_code == 200
    with django_assert_max_num_queries(12):
        assert ann.get("/incidents").status_code == 200


def test_a_restricted_incident_has_no_page_for_others_and_the_merged_one_leads_on(shop, client):
    secret = make_incident(shop, restricted=True, declared_by=shop.ann, title="A breach of card data")
    client.force_login(shop.admin)
    assert "breach" not in text_of(client.get("/incidents"))
    places = [f"/incidents/{secret.ref}", *(f"/incidents/{secret.ref}/do/{name}" for name in DEEDS)]
    assert {client.get(place).status_code for place in places} == {404}
    posts = ("note", "update", "do/acknowledge", "do/merge", "update/1/publish", "note/1")
    assert {client.post(f"/incidents/{secret.ref}/{post}", {"text": "x"}).status_code for post in posts} == {404}
    client.force_login(shop.ann)
    assert "A breach of card data" in text_of(client.get("/incidents"))
    child, parent = make_incident(shop), make_incident(shop)
    client.post(f"/incidents/{child.ref}/do/merge", {"into": parent.ref, "reason": "Same."})
    assert client.get(f"/incidents/{child.ref}")["Location"] == f"/incidents/{parent.ref}"
    assert client.get(f"/incidents/{child.ref}?stay=1").status_code == 200


def test_a_timeline_can_be_read_as_it_was_known_and_a_moment_that_is_none_shows_the_present(shop, ann):
    ref = make_incident(shop).ref
    ann.post(f"/incidents/{ref}/note", {"text": "The pool is full."})
    assert "The pool is full." not in text_of(ann.get(f"/incidents/{ref}?as_known_at=2026-01-01T00:00"))
    assert ann.get(f"/incidents/{ref}?as_known_at=soon").status_code == 302


@pytest.mark.parametrize("place", ["", "/declare", "/INC-1", "/INC-1/do/resolve"])
def test_strangers_are_asked_to_sign_in(shop, client, place):
    assert client.get(f"/incidents{place}")["Location"].startswith("/accounts/login/")


def test_a_page_that_somebody_answers_outside_acknowledges_the_incident(shop):
    crew = token_client(shop.ann, "incidents", "read")
    body = {"title": "Card payments fail", "severity": "sev1", "services": ["checkout"]}
    ref = crew.post("/api/v1/incidents", body, format="json").json()["ref"]
    (page,) = pages_about(ref)
    mind_incidents()
    assert Incident.objects.get().acknowledged_at is None
    acknowledge(page.key, user=shop.bo, via="link", actor=shop.bo.actor)
    mind_incidents()
    incident = Incident.objects.get()
    assert (incident.state, incident.sources["acknowledged_at"]["source"]) == ("investigating", "page")
    page.refresh_from_db()
    assert incident.acknowledged_at == page.ended_at
    more = {"target": {"type": "user", "id": "cy@example.com"}, "message": "The pool again."}
    answer = crew.post(f"/api/v1/incidents/{ref}/page", more, format="json")
    assert (answer.status_code, answer.json()["state"]) == (202, "paging")
    lost = {"target": {"type": "user", "id": "nobody@example.com"}}
    assert crew.post(f"/api/v1/incidents/{ref}/page", lost, format="json").json()["code"] == "unknown_target"
    crew.post(f"/api/v1/incidents/{ref}/cancel", {"reason": "A test."}, format="json")
    assert {one.state for one in pages_about(ref)} == {"acknowledged", "cancelled"}
    assert crew.post(f"/api/v1/incidents/{ref}/page", more, format="json").status_code == 409
