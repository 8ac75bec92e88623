"""The way of an incident through the API: declared, carried on, corrected, over."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from changes.freezes.models import Hold
from incidents.models import Incident
from notifications.models import Message
from oncall.paging.queries import pages_about
from tests.conftest import token_client
from tests.factories import make_incident, make_ticket, make_user, make_watch
from workflow.ledger import timeline

API = "/api/v1/incidents"
FELT = {"title": "Card payments fail", "severity": "sev2", "services": ["checkout"], "customer_impacting": True}
OVER = {"detection_source": "alert", "customer_impacting": True}


@pytest.fixture
def crew(shop):
    """Ann's machine that runs incidents."""
    return token_client(shop.ann, "incidents", "read", "deploy")


def post(client, path, **body):
    return client.post(f"{API}{path}", body, format="json")


def ok(answer, status=200):
    assert answer.status_code == status, answer.content
    return answer.json()


def refused(answer, status, code, field=None):
    assert answer.status_code == status, answer.content
    said = answer.json()
    errors = said["errors"] or [{"field": "", "code": said["code"]}]
    assert code in {said["code"], *(one["code"] for one in errors)}, said
    if field:
        assert field in {one["field"] for one in errors}, said
    return said


def ago(**length):
    return (timezone.now() - timedelta(**length)).isoformat()


def at(text):
    return datetime.fromisoformat(text)


def verbs(ref):
    return [entry.verb for entry in reversed(timeline(ref))]


def test_a_severe_incident_is_declared_in_four_words_holds_its_service_and_keeps_who_had_the_watch(shop, crew):
    make_watch(shop, "bo@example.com")
    said = ok(post(crew, "", **FELT, impact_started_at=ago(minutes=20), detected_at=ago(minutes=9)), 201)
    assert (said["state"], said["severity"], said["services"]) == ("triage", "sev2", ["checkout"])
    assert said["times"]["detected_at"] == said["detected_at"]
    assert said["acknowledged_at"] is said["mitigated_at"] is said["resolved_at"] is None
    assert said["sources"]["detected_at"]["author"]
    assert said["on_call"] == [{"schedule": "payments_primary", "people": ["Bo Okafor"]}]
    assert [(one["service"], one["level"], one["end"]) for one in said["impacts"]] == [("checkout", "partial", None)]
    gate = crew.post(
        "/api/v1/gate",
        {"service": "checkout", "environment": "production", "pipeline": "checkout-deploy", "sha": "9fceb02"},
        format="json",
    ).json()
    assert gate["decision"] == "hold"
    assert said["ref"] in gate["reasons"][0]["detail"]
    (page,) = pages_about(said["ref"])
    assert (page.state, page.steps.get().people[0]["name"]) == ("paging", "Bo Okafor")
    told = Message.objects.filter(subject=said["ref"])
    assert {message.recipient for message in told} >= {"ann@example.com", "bo@example.com"}
    assert ok(crew.get(f"{API}/{said['ref']}"))["title"] == "Card payments fail"


def test_the_ordinary_way_keeps_every_time_and_frees_the_service_when_it_is_over(shop, crew):
    ref = ok(post(crew, "", **FELT, impact_started_at=ago(minutes=30)), 201)["ref"]
    first = ok(post(crew, f"/{ref}/acknowledge"))
    assert (first["state"], first["acknowledged_at"] is not None) == ("investigating", True)
    assert ok(post(crew, f"/{ref}/acknowledge"))["acknowledged_at"] == first["acknowledged_at"]
    assert ok(post(crew, f"/{ref}/advance", state="identified"))["state"] == "identified"
    mitigated = ok(post(crew, f"/{ref}/mitigate"))
    assert mitigated["impacts"][0]["end"] == mitigated["mitigated_at"]
    assert Hold.objects.filter(source=ref, released_at=None).exists()
    over = ok(post(crew, f"/{ref}/resolve", **OVER))
    assert (over["state"], over["detection_source"]) == ("resolved", "alert")
    assert not Hold.objects.filter(released_at=None).exists()
    assert verbs(ref)[:2] == ["declared", "held"]
    own = [verb for verb in verbs(ref)[2:] if "page" not in verb]
    assert own == ["acknowledged", "advanced", "mitigated", "resolved", "released", "rca_begun"]
    refused(post(crew, f"/{ref}/close"), 409, "close_needs_rca")
    refused(post(crew, f"/{ref}/acknowledge"), 409, "transition_illegal")


def test_what_is_missing_or_cannot_be_is_refused_beside_its_field_and_nothing_is_written(shop, crew):
    for changed, field in (
        ({"title": " "}, "title"),
        ({"severity": None}, "severity"),
        ({"severity": "sev9"}, "severity"),
        ({"services": []}, "services"),
        ({"services": ["nothing"]}, "services"),
        ({"detected_at": "yesterday"}, "detected_at"),
        ({"detected_at": ago(minutes=-5)}, "detected_at"),
        ({"impact_started_at": ago(days=-1)}, "impact_started_at"),
        ({"customer_impacting": "yes"}, "customer_impacting"),
    ):
        body = {name: value for name, value in {**FELT, **changed}.items() if value is not None}
        answer = post(crew, "", **body)
        assert answer.status_code == 422, answer.content
        assert field in {error["field"].split(".")[0] for error in answer.json()["errors"]}
    assert not Incident.objects.exists()
    matrix = {"title": "Slow", "impact": "down", "scope": "all", "services": ["checkout"]}
    assert ok(post(crew, "", **matrix), 201)["severity"] == "sev1"


def test_steps_that_leave_one_out_need_a_reason_and_the_end_needs_its_two_answers(shop, crew):
    ref = make_incident(shop, state="investigating", customer_impacting=None).ref
    refused(post(crew, f"/{ref}/mitigate"), 422, "skip_needs_reason", "reason")
    refused(post(crew, f"/{ref}/resolve", **OVER), 422, "skip_needs_reason", "reason")
    refused(post(crew, f"/{ref}/advance", state="resolved", reason="Quick."), 422, "advance_leads_there", "state")
    said = refused(post(crew, f"/{ref}/resolve", reason="It was the cache."), 422, "required")
    assert {error["field"] for error in said["errors"]} == {"detection_source", "customer_impacting"}
    early = {"impact_started_at": ago(minutes=5), "mitigated_at": ago(minutes=9), "reason": "The cache."}
    refused(post(crew, f"/{ref}/resolve", **OVER, **early), 422, "times_in_order", "mitigated_at")
    refused(post(crew, f"/{ref}/cancel"), 422, "required", "reason")
    refused(post(crew, f"/{ref}/reopen", reason="Again."), 409, "transition_illegal")
    whole = {"impact_started_at": ago(minutes=50), "mitigated_at": ago(minutes=9), "reason": "The cache."}
    over = ok(post(crew, f"/{ref}/resolve", **OVER, **whole))
    assert [(at(one["start"]), at(one["end"])) for one in over["impacts"]] == [
        (at(over["impact_started_at"]), at(over["mitigated_at"]))
    ]


def test_reopening_begins_a_new_interval_and_keeps_the_times_of_the_first_round(shop, crew):
    ref = ok(post(crew, "", **FELT, impact_started_at=ago(hours=2)), 201)["ref"]
    first = ok(post(crew, f"/{ref}/resolve", **OVER, mitigated_at=ago(hours=1), reason="Restarted."))
    refused(post(crew, f"/{ref}/reopen", reason=" "), 422, "required", "reason")
    again = ok(post(crew, f"/{ref}/reopen", reason="It fails again.", impact_started_at=ago(minutes=10)))
    assert again["state"] == "investigating"
    assert [one["end"] is None for one in again["impacts"]] == [False, True]
    assert Hold.objects.filter(source=ref, released_at=None).count() == 1
    refused(post(crew, f"/{ref}/mitigate", mitigated_at=ago(minutes=30), reason="x"), 422, "times_in_order")
    second = ok(post(crew, f"/{ref}/resolve", **OVER, mitigated_at=ago(minutes=2), reason="Rolled back."))
    for name in ("impact_started_at", "mitigated_at", "resolved_at"):
        assert second[name] == first[name]
    assert second["reopenings"][0]["mitigated_at"]
    assert all(one["end"] for one in second["impacts"])


def test_times_are_corrected_with_a_reason_and_the_intervals_follow(shop, crew):
    ref = ok(post(crew, "", **FELT), 201)["ref"]
    ok(post(crew, f"/{ref}/mitigate", reason="Switched off.", mitigated_at=ago(minutes=5)))

    def patch(**body):
        return crew.patch(f"{API}/{ref}", body, format="json")

    refused(patch(times={"detected_at": ago(minutes=8)}), 422, "required", "reason")
    refused(patch(times={"detected_at": ago(minutes=-8)}, reason="Logs."), 422, "none_in_the_future", "detected_at")
    refused(
        patch(times={"impact_started_at": ago(minutes=1)}, reason="Logs."), 422, "times_in_order", "impact_started_at"
    )
    refused(patch(times={"resolved_at": ago(minutes=1)}, reason="Logs."), 422, "time_has_come", "resolved_at")
    refused(patch(times={"born_at": ago(minutes=1)}, reason="Logs."), 422, "unknown_time", "born_at")
    refused(patch(state="closed", reason="So."), 422, "unknown_field", "state")
    refused(patch(), 422, "required")
    said = ok(patch(times={"impact_started_at": ago(minutes=40)}, reason="The graph.", evidence="https://graphs/1"))
    assert said["sources"]["impact_started_at"]["evidence"] == "https://graphs/1"
    assert [(at(one["start"]), one["end"]) for one in said["impacts"]] == [
        (at(said["impact_started_at"]), said["mitigated_at"])
    ]
    moved = ok(patch(times={"impact_started_at": ago(minutes=50), "mitigated_at": ago(minutes=10)}, reason="Exact."))
    assert [(at(one["start"]), at(one["end"])) for one in moved["impacts"]] == [
        (at(moved["impact_started_at"]), at(moved["mitigated_at"]))
    ]
    unknown = ok(patch(times={"impact_started_at": None}, reason="Nobody knows."))
    assert (unknown["impact_started_at"], unknown["impacts"]) == (None, [])
    told = timeline(ref)[0]
    assert (told.verb, told.data["reason"]) == ("times_changed", "Nobody knows.")


def test_a_severity_that_rises_holds_and_one_that_falls_releases(shop, crew):
    ref = make_incident(shop).ref
    for severity, held in (("sev1", 1), ("sev3", 0), ("sev2", 1)):
        said = ok(crew.patch(f"{API}/{ref}", {"severity": severity, "reason": "More customers."}, format="json"))
        assert said["severity"] == severity
        assert Hold.objects.filter(released_at=None).count() == held
    more = ok(crew.patch(f"{API}/{ref}", {"services": ["checkout", "ledger"]}, format="json"))
    assert more["services"] == ["checkout", "ledger"]
    assert Hold.objects.filter(released_at=None).count() == 2
    refused(crew.patch(f"{API}/{ref}", {"services": ["ledger"]}, format="json"), 422, "service_stays", "services")
    ok(post(crew, f"/{ref}/cancel", reason="A test."))
    assert not Hold.objects.filter(released_at=None).exists()


def test_merging_hands_over_intervals_links_and_services_and_the_rest_goes_on_there(shop, crew):
    child = ok(post(crew, "", **FELT, impact_started_at=ago(hours=1)), 201)["ref"]
    parent = make_incident(shop, services=[shop.ledger], severity="sev2").ref
    change = make_ticket(shop).change
    ok(post(crew, f"/{child}/changes", change=change.ref, role="caused"), 201)
    refused(post(crew, f"/{child}/merge", into=parent), 422, "required", "reason")
    refused(post(crew, f"/{child}/merge", into="INC-77", reason="Same."), 422, "unknown_incident", "into")
    refused(post(crew, f"/{child}/merge", into="nonsense", reason="Same."), 422, "unknown_incident", "into")
    refused(post(crew, f"/{child}/merge", into=child, reason="Same."), 409, "merge_is_sound")
    assert ok(post(crew, f"/{child}/merge", into=parent, reason="Same."))["merged_into"] == parent
    whole = ok(crew.get(f"{API}/{parent}"))
    assert whole["services"] == ["checkout", "ledger"]
    assert (len(whole["impacts"]), whole["changes"][0]["role"]) == (1, "caused")
    assert set(Hold.objects.filter(released_at=None).values_list("source", flat=True)) == {parent}
    for verb, body in (("acknowledge", {}), ("timeline", {"text": "x"}), ("resolve", OVER)):
        refused(post(crew, f"/{child}/{verb}", **body), 409, "incident_merged")
    refused(post(crew, f"/{parent}/merge", into=child, reason="Back."), 409, "merge_is_sound")


def test_a_note_is_revised_and_removed_and_the_timeline_can_be_read_as_it_was_known(shop, crew):
    ref, other = make_incident(shop).ref, make_incident(shop).ref
    refused(post(crew, f"/{ref}/timeline", text=" "), 422, "required", "text")
    refused(post(crew, f"/{ref}/timeline", text="x", occurred_at=ago(hours=-1)), 422, "none_in_the_future")
    note = ok(post(crew, f"/{ref}/timeline", text="The pool is full.", occurred_at=ago(minutes=30)), 201)
    before = timezone.now()
    place = f"{API}/{ref}/timeline/{note['id']}"
    refused(crew.patch(place, {"text": "Half full."}, format="json"), 422, "required", "reason")
    refused(crew.patch(place.replace(ref, other), {"text": "x", "reason": "y"}, format="json"), 404, "not_found")
    revised = ok(crew.patch(place, {"text": "It was half full.", "reason": "Exact."}, format="json"))
    assert (revised["text"], revised["revisions"][0]["before"]) == ("It was half full.", "The pool is full.")
    refused(crew.delete(place), 422, "required", "reason")
    gone = ok(crew.delete(place, {"reason": "Not ours."}, format="json"))
    assert (gone["text"], gone["removed"]["reason"], gone["data"]) == (None, "Not ours.", {})
    refused(crew.patch(place, {"text": "x", "reason": "y"}, format="json"), 409, "note_can_change")

    def read(**query):
        (line,) = [one for one in ok(crew.get(f"{API}/{ref}/timeline", query))["results"] if one["kind"] == "note"]
        return line["text"]

    assert read() is None
    assert read(as_known_at=before.isoformat()) == "The pool is full."
    refused(crew.get(f"{API}/{ref}/timeline?as_known_at=soon"), 400, "invalid", "as_known_at")
    ok(post(crew, f"/{ref}/acknowledge"))
    system = timeline(ref)[0]
    refused(crew.delete(f"{API}/{ref}/timeline/{system.pk}?reason=x"), 409, "note_can_change")


def test_roles_impacts_marks_and_updates_are_kept_and_their_mistakes_refused(shop, crew):
    ref = make_incident(shop).ref
    assert ok(post(crew, f"/{ref}/roles", role="commander", user="BO@example.com"))["commander"] == "bo@example.com"
    assert ok(post(crew, f"/{ref}/roles", role="commander", user=None))["commander"] is None
    refused(post(crew, f"/{ref}/roles", role="commander", user="nobody@example.com"), 422, "unknown_person", "user")
    refused(post(crew, f"/{ref}/roles", role="captain", user="bo@example.com"), 422, "not_a_choice", "role")
    span = {"start": ago(hours=2), "end": ago(hours=1)}
    ok(post(crew, f"/{ref}/impacts", service="ledger", level="down", **span), 201)
    back = {"start": span["end"], "end": span["start"]}
    refused(post(crew, f"/{ref}/impacts", service="ledger", level="down", **back), 422, "impact_ends_later", "end")
    refused(post(crew, f"/{ref}/impacts", service="nothing", level="down", **span), 422, "unknown_service")
    change = make_ticket(shop).change
    for role in ("suspect", "cleared"):
        ok(post(crew, f"/{ref}/changes", change=change.ref, role=role), 201)
    refused(post(crew, f"/{ref}/changes", change="CHG-999", role="caused"), 422, "unknown_change", "change")
    draft = ok(post(crew, f"/{ref}/updates", message="We look into it.", status="investigating", draft=True), 201)
    assert (draft["state"], ok(crew.get(f"{API}/{ref}"))["first_public_post_at"]) == ("draft", None)
    ok(post(crew, f"/{ref}/updates/{draft['id']}/publish"))
    refused(post(crew, f"/{ref}/updates/{draft['id']}/publish"), 409, "transition_illegal")
    refused(post(crew, f"/{ref}/updates/77/publish"), 404, "not_found")
    ok(post(crew, f"/{ref}/updates", message="Among us.", status="identified", public=False), 201)
    said = ok(crew.get(f"{API}/{ref}"))
    assert said["services"] == ["checkout", "ledger"]
    assert [one["role"] for one in said["changes"]] == ["cleared"]
    assert said["first_public_post_at"] == said["updates"][0]["published_at"]


def test_an_emergent_change_that_names_an_incident_stands_on_it(shop, crew):
    ref = make_incident(shop).ref
    make_ticket(shop, incident=ref.lower(), type="emergent", title="Roll back the pool")
    assert [one["title"] for one in ok(crew.get(f"{API}/{ref}"))["filed_changes"]] == ["Roll back the pool"]


def test_the_list_is_narrowed_searched_and_turned_page_by_page_and_its_mistakes_are_400(
    shop, crew, django_assert_max_num_queries
):
    for number in range(5):
        services = [shop.ledger] if number % 2 else [shop.checkout]
        make_incident(shop, services=services, state="closed" if number == 4 else "triage")
    with django_assert_max_num_queries(12):
        whole = ok(crew.get(API))["results"]
    assert [one["ref"] for one in whole] == sorted((one["ref"] for one in whole), reverse=True)
    for query, count in (
        ("state=open", 4), ("service=ledger", 2), ("team=payments", 5), ("team=delivery", 0), ("severity=sev3", 5),
        ("customer_impacting=false", 0), ("q=card+ledger", 2), ("q=!!", 0), ("since=2100-01-01", 0),
        ("until=2100-01-01", 5),
    ):  # fmt: skip
        assert len(ok(crew.get(f"{API}?{query}"))["results"]) == count, query
    page = ok(crew.get(f"{API}?page_size=2"))
    rest = ok(crew.get(page["next"]))
    assert [one["ref"] for one in (*page["results"], *rest["results"])] == [one["ref"] for one in whole[:4]]
    for query in (
        "state=lost",
        "severity=9",
        "since=soon",
        "customer_impacting=maybe",
        "page_size=0",
        "cursor=x",
        "colour=red",
    ):
        assert crew.get(f"{API}?{query}").status_code == 400, query
    for ref in ("INC-0", "INC-77", "inc-", "CHG-1"):
        assert crew.get(f"{API}/{ref}").status_code == 404, ref


def test_a_token_limited_to_other_services_reads_and_touches_nothing_else(shop):
    ref = make_incident(shop).ref
    client = token_client(shop.ann, "incidents", "read", services=["ledger"])
    refused(post(client, "", **FELT), 403, "token_limits")
    refused(post(client, f"/{ref}/acknowledge"), 403, "token_limits")
    ok(post(client, "", **{**FELT, "services": ["ledger"]}), 201)


def everywhere(client, ref):
    """Whether an incident shows in the list, the search, by its name, its timeline, or to any verb."""
    listed = [one["ref"] for one in ok(client.get(f"{API}?q=breach"))["results"]]
    listed += [one["ref"] for one in ok(client.get(API))["results"]]
    answers = [client.get(f"{API}/{ref}"), client.get(f"{API}/{ref}/timeline")]
    if ref not in listed:
        body: dict[str, Any] = {
            "reason": "x",
            "state": "identified",
            "into": "INC-1",
            "text": "x",
            "role": "comms",
            "user": "bo@example.com",
        }
        body |= {"change": "CHG-1", "message": "x", "status": "identified", "service": "checkout", "level": "down"}
        body |= {"start": ago(hours=1), **OVER}
        verbs = ["acknowledge", "advance", "mitigate", "resolve", "reopen", "close", "cancel", "merge", "invite"]
        verbs += ["timeline", "impacts", "updates"]
        answers += [post(client, f"/{ref}/{verb}", **body) for verb in verbs]
        answers += [
            post(client, f"/{ref}/roles", role="comms", user="bo@example.com"),
            post(client, f"/{ref}/changes", change="CHG-1", role="fixed"),
            client.patch(f"{API}/{ref}", {"severity": "sev4"}, format="json"),
        ]
    seen = {answer.status_code for answer in answers}
    assert seen in ({200}, {404}), [(answer.status_code, answer.content) for answer in answers]
    assert (seen == {200}) == (listed == [ref, ref])
    return seen == {200}


def test_a_restricted_incident_exists_only_for_those_who_may_know(shop):
    eve = make_user("eve@example.com")
    lead, member, stranger, admin, declarer = (
        token_client(person, "incidents", "read", "deploy") for person in (shop.ann, shop.bo, shop.cy, shop.admin, eve)
    )
    body = {"title": "A breach of card data", "severity": "sev1", "services": ["checkout"], "restricted": True}
    ref = ok(post(declarer, "", **body), 201)["ref"]
    assert [everywhere(one, ref) for one in (lead, declarer, member, stranger, admin)] == [
        True,
        True,
        False,
        False,
        False,
    ]
    told = " ".join(f"{one.subject} {one.payload}" for one in Message.objects.all())
    assert "breach" not in told
    assert not Message.objects.filter(subject=ref).exists()
    assert {one.recipient for one in Message.objects.all()} == {"ann@example.com", "eve@example.com"}
    hold = Hold.objects.get(released_at=None)
    assert ref not in f"{hold.source} {hold.reason}"
    ok(post(lead, f"/{ref}/invite", user="bo@example.com"))
    ok(post(lead, f"/{ref}/roles", role="scribe", user="cy@example.com"))
    assert [everywhere(one, ref) for one in (member, stranger, admin)] == [True, True, False]
    refused(post(lead, f"/{ref}/updates", message="Known.", status="identified"), 409, "restricted_stays_inside")
    open_one = make_incident(shop)
    refused(post(lead, f"/{ref}/merge", into=open_one.ref, reason="Same."), 409, "merge_is_sound")
    refused(post(admin, f"/{open_one.ref}/merge", into=ref, reason="Same."), 422, "unknown_incident", "into")
    ok(post(lead, f"/{open_one.ref}/merge", into=ref, reason="Same."))
    assert ok(admin.get(f"{API}/{open_one.ref}"))["merged_into"] is None
    assert ok(lead.get(f"{API}/{open_one.ref}"))["merged_into"] == ref
