"""What waits for whom: the queue, and the same on Now."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Membership
from changes.models import Approval
from tests.changes.test_pages import log, seen
from tests.factories import make_ticket, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def dee(shop):
    """Another member of Payments."""
    dee = make_user("dee@example.com", "Dee Fox")
    long_ago = timezone.now() - timedelta(days=9)
    Membership.objects.create(team=shop.payments, user=dee, since=long_ago)
    Membership.objects.filter(user__in=[shop.ann, shop.bo]).update(since=long_ago)
    return dee


def queue_of(person):
    client = Client()
    client.force_login(person)
    page = client.get("/queue")
    assert page.status_code == 200
    text = seen(page)
    return text[
        text.index("What waits for you") : text.index("Now Changes Pipelines More")
        if "Now Changes Pipelines More" in text
        else None
    ]


def test_an_approval_waits_for_those_who_can_give_it_and_for_nobody_else(shop, dee):
    make_ticket(shop, state="submitted", title="Rotate the keys")
    for person in (shop.ann, dee):
        assert "Approve Rotate the keys" in queue_of(person)
        assert "Bo Okafor asks" in queue_of(person)
        assert "Opens in" in queue_of(person)
    for person in (shop.bo, shop.cy, shop.admin):
        assert "Rotate the keys" not in queue_of(person)


def test_a_change_of_medium_risk_waits_for_a_lead_only(shop, dee):
    make_ticket(shop, state="submitted", risk="medium", title="Rotate the keys")
    assert "Approve Rotate the keys" in queue_of(shop.ann)
    assert "Rotate the keys" not in queue_of(dee)


def test_it_waits_neither_for_its_author_nor_for_who_got_the_role_later(shop, dee):
    make_ticket(
        shop, state="submitted", title="Rotate the keys", commits=[{"sha": "abc1234", "author": "DEE@example.com"}]
    )
    assert "Rotate the keys" not in queue_of(dee)
    late = make_user("late@example.com", "Late")
    Membership.objects.create(team=shop.payments, user=late, is_lead=True, since=timezone.now() + timedelta(minutes=1))
    assert "Rotate the keys" not in queue_of(late)


def test_what_somebody_approved_already_waits_for_them_no_longer(shop, dee):
    ticket = make_ticket(shop, state="submitted", risk="high", title="Rotate the keys")
    Approval.objects.create(
        ticket=ticket, approver=dee, requester=shop.bo, implementer=shop.bo, answer="approved", actor=dee.actor,
        digest=ticket.digest, at=timezone.now(),
    )  # fmt: skip
    assert "Rotate the keys" not in queue_of(dee)
    Approval.objects.update(voided_at=timezone.now())
    assert "Approve Rotate the keys" in queue_of(dee)


def test_reviews_wait_for_the_team_but_for_those_who_did_it(shop, dee, ci):
    due = timezone.now() + timedelta(hours=3)
    columns = {"outcome": "failed", "started_at": timezone.now(), "finished_at": timezone.now()}
    make_ticket(shop, state="finished", title="Restart the queue", review_due_at=due, **columns)
    log(ci, status="failed", version="9.9.9")
    assert "Review Restart the queue" in queue_of(dee)
    assert "Due in 2 h 59 min" in queue_of(dee)
    assert "Review checkout 9.9.9 to production" in queue_of(dee)
    assert "Review Restart the queue" not in queue_of(shop.bo)
    # Ann wrote its commit and her token logged it.
    assert "Review checkout 9.9.9 to production" not in queue_of(shop.ann)
    assert "Restart the queue" not in queue_of(shop.cy)


def test_a_persons_own_changes_wait_for_the_next_step(shop, dee):
    make_ticket(shop, title="A draft of mine", requester=dee)
    make_ticket(shop, title="Rejected one", requester=dee, state="rejected")
    make_ticket(shop, title="Approved one", implementer=dee, state="approved")
    make_ticket(shop, title="Running one", implementer=dee, state="in_progress", started_at=timezone.now())
    text = queue_of(dee)
    for line in ("Submit A draft of mine", "Mend Rejected one", "Begin Approved one", "Finish Running one"):
        assert line in text
    assert "Nothing waits for you" in queue_of(shop.cy)


def test_now_shows_the_queue_and_what_comes_in_the_next_24_hours(shop, dee):
    soon = timezone.now() + timedelta(hours=2)
    make_ticket(
        shop, state="submitted", title="Rotate the keys", window_start=soon, window_end=soon + timedelta(hours=1)
    )
    later = timezone.now() + timedelta(days=3)
    make_ticket(shop, state="approved", title="Next week", window_start=later, window_end=later + timedelta(hours=1))
    client = Client()
    client.force_login(shop.ann)
    text = seen(client.get("/"))
    assert "Waiting for you 1" in text
    assert "Opens in 1 h 59 min" in text
    assert "Changes, now and in the next 24 hours 1" in text
    assert "Next week" not in text


@pytest.mark.parametrize("count", [1, 15])
@pytest.mark.parametrize("path", ["/queue", "/", "/changes"])
def test_60_rows_cost_as_many_statements_as_4(shop, dee, *, ci, path, count, django_assert_max_num_queries):
    due = timezone.now() + timedelta(hours=3)
    for number in range(count):
        make_ticket(shop, state="submitted", title=f"a{number}", sha="abc1234", services=[shop.checkout, shop.ledger])
        make_ticket(shop, state="finished", title=f"b{number}", review_due_at=due, outcome="failed")
        make_ticket(shop, title=f"c{number}", requester=dee)
        log(ci, status="failed", run_id=str(number))
    client = Client()
    client.force_login(dee)
    client.get(path)
    with django_assert_max_num_queries(12):
        client.get(path)


def test_of_each_kind_a_screenful_is_shown(shop, dee):
    for number in range(25):
        make_ticket(shop, state="submitted", title=f"Change {number:02}")
    assert queue_of(dee).count("Bo Okafor asks") == 10


def test_the_list_shows_a_filed_change_with_its_risk_window_and_services(shop, dee):
    ticket = make_ticket(
        shop, state="approved", risk="high", title="Rotate the keys", services=[shop.checkout, shop.ledger]
    )
    client = Client()
    client.force_login(shop.bo)
    text = seen(client.get("/changes"))
    assert f"Rotate the keys {ticket.change.ref} checkout and 1 more" in text
    assert "Risk: High" in text.replace("Risk:  High", "Risk: High")
    assert "Planned tomorrow 12:00–13:00" in text
