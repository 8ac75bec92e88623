"""The first page after signing in: what is happening, and what waits for me."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts.callers import caller_of_person
from changes.models import Freeze, FreezeOverride
from changes.pipelines import registration
from notifications.models import Message
from tests.changes.test_pages import log, log_unproven, seen

TERMS = registration.Terms("", ["ledger"], ["production"], ["tests"])


def open_as(client, person):
    client.force_login(person)
    return seen(client.get("/"))


def dead_message(number):
    now = timezone.now()
    Message.objects.create(
        dedup_key=f"m{number}", channel="email", recipient="x@example.com", state="dead", due_at=now, deadline_at=now,
        created_at=now,
    )  # fmt: skip


def test_an_unproven_deploy_waits_for_the_team_of_its_service_with_its_due_time(client, ci, shop):
    with time_machine.travel("2026-11-24T12:00:00Z", tick=False):
        ref = log_unproven(ci, hours_ago=21)
        for person in (shop.ann, shop.bo):
            text = open_as(client, person)
            assert "Waiting for you 1" in text
            assert "Prove checkout 2.14.0 to production" in text
            assert ref in text
            assert "Due in 3 h" in text
        assert "Nothing waits for you" in open_as(client, shop.cy)


def test_proof_that_is_too_late_waits_for_nobody(ann, ci):
    log_unproven(ci, hours_ago=24.1)
    assert "Nothing waits for you" in seen(ann.get("/"))


def test_deploys_that_no_proof_can_help_are_one_line_about_their_pipeline(ann, ci):
    for number in range(3):
        log(ci, run_id=str(number), pipeline="ledger-deploy", service="ledger")
    text = seen(ann.get("/"))
    assert "Waiting for you 1" in text
    assert "Register ledger-deploy 3 unproven deploys in 24 h not registered" in text


def test_a_pipeline_waits_for_those_who_could_confirm_it_and_not_for_its_proposer(client, ci, shop):
    log(ci)
    registration.register_pipeline("ledger-deploy", TERMS, by=caller_of_person(shop.ann))
    for person in (shop.bo, shop.admin):
        assert "Confirm what ledger-deploy must prove Ann Lee asks" in open_as(client, person)
    for person in (shop.ann, shop.cy):
        assert "Nothing waits for you" in open_as(client, person)


def test_messages_that_were_given_up_wait_for_administrators(client, ci, shop):
    log(ci)
    dead_message(1)
    assert "See to 1 message that could not be delivered" in open_as(client, shop.admin)
    assert "could not be delivered" not in open_as(client, shop.ann)
    for number in range(2, 130):
        dead_message(number)
    assert "100 or more messages" in open_as(client, shop.admin)


def test_changes_under_way_are_shown_with_how_long_they_run(ann, ci):
    with time_machine.travel("2026-11-24T12:00:00Z", tick=False):
        started = (timezone.now() - timedelta(minutes=4)).isoformat()
        log(ci, status="started", started_at=started, finished_at=None, evidence=None)
        text = seen(ann.get("/"))
    assert "Changes, now and in the next 24 hours 1" in text
    assert "Started 4 min ago" in text
    assert "Tuesday 24 November, 13:00 CET" in text


def test_today_is_counted_from_midnight_where_the_reader_lives_and_every_number_leads_to_its_deploys(ann, ci):
    # In Berlin the 24th began at 23:00 UTC.
    with time_machine.travel("2026-11-24T02:00:00Z", tick=False):
        yesterday = "2026-11-23T22:30:00Z"
        log(ci, run_id="1", started_at=yesterday, finished_at=yesterday)
        log(ci, run_id="2", started_at="2026-11-23T23:30:00Z", finished_at="2026-11-23T23:31:00Z")
        log(ci, run_id="3", status="failed")
        page = ann.get("/")
    assert "Deploys 2 , of which 2 exempt" in seen(page)
    assert 'href="/changes?outcome=failed&amp;since=2026-11-24"' in page.content.decode()
    assert "Unproven none" in seen(page)


def test_an_empty_installation_says_what_to_do_first(ann):
    page = ann.get("/")
    text = seen(page)
    assert "No deploy has arrived yet" in text
    assert "Make a token" in text
    assert "curl -sS --fail-with-body" in text
    assert 'href="/settings/tokens/new"' in page.content.decode()


def test_strangers_are_asked_to_sign_in(client, shop):
    answer = client.get("/")
    assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/accounts/login/")


@pytest.mark.parametrize("count", [5, 60])
def test_the_page_asks_the_database_as_often_for_60_deploys_as_for_5(
    client, ci, shop, count, django_assert_max_num_queries
):
    for number in range(count):
        log_unproven(ci, run_id=f"a{number}")
        log(ci, run_id=f"b{number}", pipeline=f"pipeline-{number}")
        registration.register_pipeline(f"new-{number}", TERMS, by=caller_of_person(shop.bo))
    client.force_login(shop.admin)
    with django_assert_max_num_queries(12):
        client.get("/")


def test_an_override_of_a_freeze_waits_for_those_who_may_confirm_it_and_for_nobody_else(client, shop):
    now = timezone.now()
    freeze = Freeze.objects.create(name="Year end", start=now, end=now + timedelta(days=9))
    freeze.services.add(shop.checkout)
    FreezeOverride.objects.create(
        freeze=freeze, reason="A fix for the till.", requested_by=shop.admin, expires_at=now + timedelta(hours=5)
    )
    for person, is_asked in ((shop.ann, True), (shop.admin, False), (shop.cy, False), (shop.bo, False)):
        client.force_login(person)
        for page in ("/", "/queue"):
            assert ("A fix for the till." in client.get(page).content.decode()) is is_asked, (person, page)
