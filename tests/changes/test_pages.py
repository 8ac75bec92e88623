"""What a person sees of changes: the list that is found by its address, and the page that says why."""

import re
from datetime import timedelta
from html import unescape

import pytest
import time_machine
from django.utils import timezone

from accounts.callers import caller_of_person
from accounts.models import ApiToken
from changes.models import Change, Pipeline, Run
from changes.pipelines import registration
from changes.policy import POLICY_VERSION
from tests.conftest import token_client
from tests.factories import SHA, deployment
from workflow.ledger import timeline

API = "/api/v1/deployments"
SMOKELESS = {"tests": {"passed": 412, "failed": 0, "sha": SHA}, "rollback": {"ready": True, "plan": "helm rollback"}}


def log(ci, **changed):
    answer = ci.post(API, deployment(**changed), format="json")
    assert answer.status_code in {200, 201}, answer.content
    return answer.json()["ref"]


def log_unproven(ci, *, hours_ago=1.0, **changed):
    finished = timezone.now() - timedelta(hours=hours_ago)
    times = {
        "started_at": (finished - timedelta(minutes=4)).isoformat(),
        "finished_at": finished.isoformat(),
    }
    return log(ci, evidence=SMOKELESS, **times, **changed)


def seen(answer):
    """The page as text: tags gone, entities read."""
    text = re.sub(r"<(script|style)\b.*?</\1>", "", answer.content.decode(), flags=re.DOTALL)
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text)))


def first(pattern, text):
    """The first group of the first match, as a browser would read it."""
    match = re.search(pattern, text, flags=re.DOTALL)
    assert match is not None, pattern
    return unescape(match[1])


def refs(answer):
    return re.findall(r'class="dl-title" href="/changes/(CHG-\d+)"', answer.content.decode())


# --- The list --------------------------------------------------------------------------------------------------------


def test_the_list_shows_a_deploy_as_soon_as_it_is_logged_newest_first(ann, ci):
    first, second = log(ci, run_id="1"), log(ci, run_id="2")
    page = ann.get("/changes")
    assert refs(page) == [second, first]
    assert "checkout 2.14.0 to production" in seen(page)
    assert "checkout-deploy, run 2" in seen(page)
    assert "Exempt" in seen(page)


def test_strangers_are_asked_to_sign_in_and_come_back(client, shop):
    answer = client.get("/changes?verdict=unproven")
    assert answer.status_code == 302
    assert "next=/changes%3Fverdict%3Dunproven" in answer["Location"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("verdict=unproven", "unproven"),
        ("verdict=exempt", "exempt"),
        ("state=in_progress", "running"),
        ("outcome=failed", "failed"),
        ("service=ledger", "failed"),
        ("team=delivery", None),
        ("pipeline=checkout-deploy&verdict=exempt", "exempt"),
        ("q=hotfix", "running"),
        ("q=hotf", "running"),
        ("since=2001-01-01&until=2001-01-02", None),
        ("customer_impacting=true", "unproven"),
    ],
)
def test_every_filter_of_the_api_works_in_the_address_of_the_page(ann, ci, query, found):
    made = {
        "exempt": log(ci, run_id="1"),
        "unproven": log_unproven(ci, run_id="2", customer_impacting=True),
        "running": log(ci, run_id="3", status="started", finished_at=None, evidence=None, title="hotfix for carts"),
        "failed": log(ci, run_id="4", status="failed", service="ledger", pipeline="ledger-deploy"),
    }
    ref = made.get(found)
    got = refs(ann.get(f"/changes?{query}"))
    if found == "unproven" and query == "verdict=unproven":
        assert set(got) == {made["unproven"], made["failed"]}
    else:
        assert got == ([ref] if ref else [])


@pytest.mark.parametrize("typed", ["CHG-12", "chg-12", "  CHG-12 "])
def test_a_ref_in_the_search_leads_straight_to_its_change(ann, typed):
    answer = ann.get("/changes", {"q": typed})
    assert (answer.status_code, answer["Location"]) == (302, "/changes/CHG-12")


def test_a_form_with_empty_fields_leads_to_a_short_address(ann):
    answer = ann.get("/changes?service=checkout&team=&q=&since=")
    assert (answer.status_code, answer["Location"]) == (302, "/changes?service=checkout")


def test_each_filter_in_force_is_a_chip_that_can_be_edited_and_removed(ann, ci):
    log(ci)
    page = ann.get("/changes?service=checkout&environment=production&q=checkout").content.decode()
    assert 'href="/changes?q=checkout&amp;environment=production"' in page
    assert 'href="/changes?q=checkout&amp;service=checkout&amp;environment=production&amp;edit=service#filters"' in page
    opened = ann.get("/changes?service=checkout&edit=service").content.decode()
    assert re.search(r'<details class="dl-menu" open>', opened)
    assert re.search(r'id="filter-service" autofocus', opened)


def test_views_keep_the_other_filters(ann, ci):
    page = ann.get("/changes?team=payments&verdict=unproven").content.decode()
    assert 'href="/changes?team=payments&amp;state=in_progress"' in page
    assert re.search(r'href="/changes\?verdict=unproven&amp;team=payments" aria-current="page"', page)


def test_a_day_begins_at_midnight_where_the_reader_lives(ann, ci):
    # 23:30 UTC on the 23rd is half past midnight on the 24th for Ann in Berlin.
    with time_machine.travel("2026-11-24T09:00:00Z", tick=False):
        ref = log(ci, started_at="2026-11-23T23:30:00Z", finished_at="2026-11-23T23:35:00Z")
        page = ann.get("/changes?since=2026-11-24")
        assert refs(page) == [ref]
        assert "Today, Tuesday 24 November" in seen(page)
        assert "00:30–00:35" in seen(page)
        assert "When (CET)" in seen(page)
        assert refs(ann.get("/changes?until=2026-11-24")) == []


@pytest.mark.parametrize(
    ("query", "name", "helps"),
    [
        ("state=gone", "state", "“gone” is no state. Choose from draft"),
        ("colour=red", "colour", "“colour” is no filter of this list."),
        ("since=yesterday", "since", "Write it as 2026-11-24"),
        ("cursor=abc", "cursor", "not one of ours"),
        ("page_size=9999", "page_size", "from 1 to 200"),
        ("q=a%00b", "q", "NUL"),
        ("service=%00", "service", "characters"),
    ],
)
def test_a_wrong_filter_is_named_on_the_page_that_keeps_its_frame(ann, ci, query, name, helps):
    answer = ann.get(f"/changes?{query}")
    assert answer.status_code == 400
    text = seen(answer)
    assert "This list cannot be shown." in text
    assert helps in text
    assert f"<code>{name}</code>" in answer.content.decode()
    assert "Needs proof" in text
    assert 'name="q"' in answer.content.decode()


def test_pages_follow_each_other_without_gap_or_repetition(ann, ci):
    made = [log(ci, run_id=str(number)) for number in range(7)]
    page, found = ann.get("/changes?page_size=3"), []
    for _ in range(3):
        found += refs(page)
        older = re.search(r'<a class="btn btn-sm" href="([^"]+)" rel="next"', page.content.decode())
        if older is None:
            break
        page = ann.get(unescape(older[1]))
    assert found == made[::-1]
    newer = first(r'href="([^"]+)" rel="prev"', page.content.decode())
    assert refs(ann.get(newer)) == made[::-1][3:6]


def test_a_list_that_came_out_empty_says_which_filters_to_drop(ann, ci):
    log(ci)
    page = ann.get("/changes?verdict=pending&service=checkout&q=nothing")
    text = seen(page)
    assert "No change matches these 3 filters" in text
    assert "Verdict Proof pending" in text
    assert 'href="/changes?q=nothing&amp;service=checkout"' in page.content.decode()


def test_an_installation_without_deploys_shows_the_command_for_the_first_one(ann):
    page = ann.get("/changes")
    assert "No deploy has arrived yet" in seen(page)
    assert "/api/v1/deployments" in seen(page)
    assert "Make a token" in seen(page)


def test_the_list_looks_again_by_itself_and_says_when_nothing_is_new(ann, ci):
    log(ci, run_id="1")
    page = ann.get("/changes").content.decode()
    digest = first(r'"seen":"([^"]+)"', page)
    again = ann.get("/changes", {"seen": digest}, headers={"HX-Request": "true"})
    assert (again.status_code, again.content) == (204, b"")

    ref = log(ci, run_id="2")

    fresh = ann.get("/changes", {"seen": digest}, headers={"HX-Request": "true"})
    assert fresh.status_code == 200
    assert refs(fresh)[0] == ref
    assert "<html" not in fresh.content.decode()


def test_older_pages_do_not_look_again(ann, ci):
    for number in range(3):
        log(ci, run_id=str(number))
    page = ann.get("/changes?page_size=1").content.decode()
    older = first(r'href="([^"]+)" rel="next"', page)
    assert "hx-trigger" in page
    assert "hx-trigger" not in ann.get(older).content.decode()


@pytest.mark.parametrize("count", [5, 60])
def test_the_list_asks_the_database_as_often_for_60_changes_as_for_5(ann, ci, count, django_assert_max_num_queries):
    for number in range(count):
        log(ci, run_id=str(number))
    with django_assert_max_num_queries(6):
        page = ann.get("/changes")
    assert len(refs(page)) == min(count, 50)


def test_a_failed_deploy_is_called_failed_though_somebody_must_still_look_at_it(ann, ci):
    ref = log(ci, status="failed")
    assert Change.objects.get(pk=int(ref[4:])).state == "finished"
    assert "Failed" in seen(ann.get("/changes")).split("When (CET)")[1]


# --- One change ------------------------------------------------------------------------------------------------------


def test_an_exempt_deploy_says_that_nothing_waits_for_anybody_and_names_its_rule(ann, ci):
    page = ann.get(f"/changes/{log(ci)}")
    text = seen(page)
    assert "Exempt from review: 3 of 3 checks passed" in text
    assert "Nothing waits for anybody." in text
    assert "412 passed at 9fceb02" in text
    assert 'href="/policy/pipeline_deploy_exempt"' in page.content.decode()
    assert f", policy {POLICY_VERSION}" in text
    assert "Ann Lee, reviewed by Bo Okafor" in text


def test_an_unproven_deploy_says_what_is_missing_who_must_supply_it_and_by_when(ann, ci):
    with time_machine.travel("2026-11-24T09:00:00Z", tick=False):
        page = ann.get(f"/changes/{log_unproven(ci)}")
        text = seen(page)
    assert "Unproven: no smoke test result was sent" in text
    assert "Ann Lee must supply what is missing by tomorrow 09:00 CET, in 23 h" in text
    assert "failed_check_unproven" in text
    assert "Supply this proof" in text


def test_a_deploy_under_way_says_what_may_still_come(ann, ci):
    ref = log(ci, status="started", finished_at=None, evidence=None)
    text = seen(ann.get(f"/changes/{ref}"))
    assert "Proof pending: 0 of 3 checks passed" in text
    assert "Still to come: tests, smoke test, rollback." in text
    assert "In progress" in text


def test_proof_supplied_on_the_page_turns_the_verdict_and_the_timeline_tells_who_did_it(ann, ci):
    ref = log_unproven(ci)
    answer = ann.post(f"/changes/{ref}/proof", {"smoke_test.status": "passed"}, follow=True)
    text = seen(answer)
    assert "The verdict is now: exempt." in text
    assert "Exempt from review: 3 of 3 checks passed" in text
    assert re.search(r"Ann Lee supplied proof: smoke test passed", text)
    assert "Verdict: exempt, before that unproven." in text
    assert re.search(r"First verdict \S+ unproven, later \S+ exempt", text)


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        ({"smoke_test.status": ""}, "This is needed."),
        ({"smoke_test.status": "green"}, "green"),
        (
            {"smoke_test.status": "passed", "smoke_test.url": "javascript:alert(1)"},
            "Write an address that starts with https:// or http://.",
        ),
    ],
)
def test_wrong_proof_is_refused_beside_its_field_and_stays_typed(ann, ci, typed, complaint):
    ref = log_unproven(ci)
    answer = ann.post(f"/changes/{ref}/proof", typed)
    assert answer.status_code == 422
    assert complaint in seen(answer)
    if "smoke_test.url" in typed:
        assert 'value="javascript:alert(1)"' in answer.content.decode()
    assert Change.objects.get(pk=int(ref[4:])).verdict == "unproven"


def test_people_who_do_not_answer_for_the_service_neither_see_the_form_nor_get_past_it(client, ci, shop):
    ref = log_unproven(ci)
    client.force_login(shop.cy)
    assert "Supply this proof" not in seen(client.get(f"/changes/{ref}"))
    answer = client.post(f"/changes/{ref}/proof", {"smoke_test.status": "passed"})
    assert answer.status_code == 422
    assert "may_supply_proof" in seen(answer)
    assert Change.objects.get(pk=int(ref[4:])).verdict == "unproven"


def test_after_24_hours_the_page_takes_no_proof(ann, ci):
    ref = log_unproven(ci, hours_ago=25)
    text = seen(ann.get(f"/changes/{ref}"))
    assert "The 24 hours for late proof ended" in text
    assert "Supply this proof" not in text
    refused = ann.post(f"/changes/{ref}/proof", {"smoke_test.status": "passed"})
    assert "late_proof_counts" in seen(refused)
    assert len(Run.objects.get(change_id=int(ref[4:])).events) == 1


def test_a_pipeline_bound_to_its_token_is_not_proved_by_hand(ann, ci, shop):
    Pipeline.objects.update(token=ApiToken.objects.first())
    ref = log_unproven(ci)
    assert "Supply this proof" not in seen(ann.get(f"/changes/{ref}"))
    refused = ann.post(f"/changes/{ref}/proof", {"smoke_test.status": "passed"})
    assert "proof_by_a_person_counts" in seen(refused)


def test_two_different_ends_and_a_clock_that_is_off_are_explained(ann, ci):
    old = (timezone.now() - timedelta(hours=2)).isoformat()
    log(ci, status="failed", finished_at=old, started_at=old)
    ref = log(ci, status="succeeded", finished_at=old, started_at=old, title="again")
    text = seen(ann.get(f"/changes/{ref}"))
    assert "Two different ends were reported: failed and succeeded." in text
    assert "A clock is off." in text


def test_the_page_of_a_deploy_by_an_unregistered_pipeline_leads_to_its_registration(ann, ci):
    ref = log(ci, pipeline="ledger-deploy", service="ledger")
    page = ann.get(f"/changes/{ref}")
    assert "Unproven: nobody has registered this pipeline" in seen(page)
    assert 'href="/pipelines/ledger-deploy"' in page.content.decode()
    assert "Supply this proof" not in seen(page)


@pytest.mark.parametrize("ref", ["CHG-999999", "CHG-0", "INC-3", "CHG-1e5", "CHG-99999999999999999999", "%00"])
def test_a_ref_that_is_none_is_a_page_not_found(ann, ref):
    assert ann.get(f"/changes/{ref}").status_code == 404


def test_the_page_of_a_change_asks_the_database_at_most_12_times(ann, ci, django_assert_max_num_queries):
    commits = [
        {"sha": f"{number:040x}", "author": f"p{number}@example.com", "reviewed_by": ["bo@example.com"]}
        for number in range(60)
    ]
    ref = log_unproven(ci, commits=commits)
    for number in range(30):
        proof = {"tests": {"passed": number + 1, "failed": 0, "sha": SHA}}
        ci.patch(f"{API}/{ref}/evidence", proof, format="json")
    with django_assert_max_num_queries(12):
        page = ann.get(f"/changes/{ref}")
    assert "60 commits" in seen(page)


def test_the_timeline_names_the_token_and_its_owner_never_an_id(ann, ci, shop):
    ref = log(ci)
    token = ApiToken.objects.get(owner=shop.ann)
    text = seen(ann.get(f"/changes/{ref}"))
    assert f"token {token.name}" in text
    assert timeline(ref)[0].actor not in text.split("What arrived, raw")[0]


# --- What somebody sends is never more than text ---------------------------------------------------------------------

PAYLOAD = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'"


def test_markup_that_was_sent_is_shown_as_text_wherever_it_appears(ann, ci):
    commits = [{"sha": SHA, "author": PAYLOAD, "reviewed_by": [PAYLOAD], "title": PAYLOAD}]
    ref = log(
        ci, title=PAYLOAD, version=PAYLOAD, public_note=PAYLOAD, tickets=[PAYLOAD], run_id=PAYLOAD, commits=commits
    )
    for path in (f"/changes/{ref}", "/changes", "/changes?q=alert", "/", "/pipelines/checkout-deploy"):
        page = ann.get(path).content.decode()
        assert "<script>alert" not in page, path
        assert "<img src=x" not in page, path
        assert "&lt;script&gt;alert(1)" in page, path


def test_markup_in_the_address_is_shown_as_text(ann, ci):
    for query in ({"q": PAYLOAD}, {"service": PAYLOAD}, {PAYLOAD: "1"}, {"since": PAYLOAD}):
        page = ann.get("/changes", query).content.decode()
        assert "<script>alert" not in page
        assert "<img src=x" not in page


def test_only_http_addresses_become_links_even_if_another_one_was_stored(ann, ci):
    refused = ci.post(API, deployment(run_id="9", run_url="javascript:alert(1)"), format="json")
    assert refused.status_code == 422
    ref = log(ci, tickets=["javascript:alert(2)", "https://tickets.example.com/SP-1"])
    Run.objects.filter(change_id=int(ref[4:])).update(run_url="javascript:alert(3)")
    page = ann.get(f"/changes/{ref}").content.decode()
    assert not re.search(r'(href|src|action)="\s*javascript:', page, flags=re.IGNORECASE)
    assert 'href="https://tickets.example.com/SP-1"' in page


# --- The rules -------------------------------------------------------------------------------------------------------


def test_every_rule_that_decides_has_a_page_with_its_promise_and_its_place(ann, ci, shop):
    stored = (
        *("unregistered_pipeline_unproven", "unconfirmed_pipeline_unproven", "suspended_pipeline_unproven"),
        *("foreign_target_unproven", "foreign_token_unproven", "failed_check_unproven", "awaited_proof_pending"),
        *("pipeline_deploy_exempt", "silent_run_unknown", "late_proof_counts", "four_eyes", "known_checks"),
        *("may_register_pipeline", "may_supply_proof", "stale_approval", "may_administer", "tests", "smoke_test"),
    )
    overview = seen(ann.get("/policy"))
    for name in stored:
        page = ann.get(f"/policy/{name}")
        assert page.status_code == 200, name
        assert "policy.py" in seen(page)
        assert name in overview
    assert ann.get("/policy/astrology").status_code == 404
    assert "Who registered a pipeline, or last changed what it must prove, cannot confirm it." in overview


def test_a_token_that_was_revoked_and_a_person_who_left_still_have_a_line(ann, ci, shop):
    other = token_client(shop.bo, "deploy")
    ref = log(other, run_id="77")
    ApiToken.objects.filter(owner=shop.bo).delete()
    assert "token that is gone" in seen(ann.get(f"/changes/{ref}"))


def test_registering_a_pipeline_makes_its_next_deploy_exempt(ann, ci, shop):
    terms = registration.Terms("", ["ledger"], ["production"], ["tests"])
    registration.register_pipeline("ledger-deploy", terms, by=caller_of_person(shop.ann))
    waiting = log(ci, run_id="1", pipeline="ledger-deploy", service="ledger")
    seen_terms = registration.terms_of(Pipeline.objects.get(slug="ledger-deploy")).digest
    registration.confirm_pipeline("ledger-deploy", seen=seen_terms, by=caller_of_person(shop.bo))
    trusted = log(ci, run_id="2", pipeline="ledger-deploy", service="ledger")
    assert "No second person has confirmed this pipeline" in seen(ann.get(f"/changes/{waiting}")).replace(
        "no s", "No s"
    )
    assert "Exempt from review: 1 of 1 check passed" in seen(ann.get(f"/changes/{trusted}"))
