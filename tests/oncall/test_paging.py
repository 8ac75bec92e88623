"""Pages: from step to step until somebody answers, and loudly when nobody does."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts.callers import caller_of_person
from notifications.models import Message
from oncall.models import EscalationPolicy, EscalationStep
from oncall.paging import links
from oncall.paging.actions import Target, Wanted, acknowledge, cancel, page, run_due
from oncall.paging.models import Page
from tests.factories import make_watch
from workflow.errors import Conflict, Unprocessable
from workflow.ledger import timeline

MINUTE = timedelta(minutes=1)


@pytest.fixture
def checkout_policy(shop):
    """Ann has the watch of Payments; after 5 minutes Cy, after 10 more all of Payments; once again."""
    watch = make_watch(shop, shop.ann.email)
    policy = EscalationPolicy.objects.create(slug="checkout", name="Checkout", team=shop.payments, repeat=1)
    policy.services.add(shop.checkout)
    for position, (target, wait) in enumerate([({"schedule": watch}, 5), ({"user": shop.cy}, 10)]):
        EscalationStep.objects.create(policy=policy, position=position, wait_minutes=wait, **target)
    return policy


def page_checkout(shop, **said):
    wanted = {"target": Target("policy", "checkout"), "title": "Checkout is down", "service": shop.checkout, **said}
    return page(Wanted(**wanted), by=caller_of_person(shop.bo))


def sent():
    rows = Message.objects.exclude(channel="canary").order_by("pk")
    return [(row.recipient, row.state) for row in rows]


def later(at, minutes):
    with time_machine.travel(at + minutes * MINUTE, tick=False):
        run_due()


def test_whoever_has_the_watch_is_paged_in_the_same_transaction(shop, checkout_policy):
    row = page_checkout(shop, message="502 everywhere", subject="INC-3")
    assert sent() == [("ann@example.com", "pending")]
    message = Message.objects.get()
    first, *rest = message.payload["text"].split("\n")
    assert first.startswith("Answer within 5 minutes: http://127.0.0.1:8000/answer/")
    assert "502 everywhere" in rest
    assert message.priority == Message.Priority.PAGE
    assert [entry.verb for entry in timeline("INC-3")] == ["page_step", "paged"]
    assert row.next_run_at - row.created_at == 5 * MINUTE


def test_without_an_answer_it_goes_on_step_by_step_and_round_by_round_and_then_says_so_loudly(shop, checkout_policy):
    row = page_checkout(shop)
    for minutes in (4, 5, 5, 15, 20, 30, 30, 45):
        later(row.created_at, minutes)
    row.refresh_from_db()
    assert row.state == "exhausted"
    assert [step.target for step in row.steps.all()] == ["schedule payments-primary", "user Cy Rao"] * 2
    assert [who for who, _ in sent()] == [
        *("ann@example.com", "cy@example.com") * 2,
        "ann@example.com",
        "admin@example.com",
    ]
    assert Message.objects.latest("pk").title == "Nobody answered: Checkout is down"


def test_a_changed_policy_does_not_change_a_page_that_is_under_way(shop, checkout_policy):
    row = page_checkout(shop)
    checkout_policy.steps.all().delete()
    later(row.created_at, 5)
    assert [who for who, _ in sent()] == ["ann@example.com", "cy@example.com"]


def test_a_step_that_reaches_nobody_is_told_loudly_and_the_next_one_begins_at_once(shop, checkout_policy):
    shop.ann.is_active = False
    shop.ann.save()
    row = page_checkout(shop)
    assert [(step.target, step.state) for step in row.steps.all()] == [
        ("schedule payments-primary", "nobody"),
        ("user Cy Rao", "sent"),
    ]
    assert "Nobody has the watch of payments-primary." in [step.because for step in row.steps.all()]
    assert [who for who, _ in sent()] == ["admin@example.com", "cy@example.com"]


def test_when_nobody_at_all_can_be_reached_it_ends_at_once_and_says_so(shop, checkout_policy):
    for person in (shop.ann, shop.cy):
        person.is_active = False
        person.save()
    row = page_checkout(shop)
    assert row.state == "exhausted"
    titles = [message.title for message in Message.objects.all()]
    assert titles.count("Nobody answered: Checkout is down") == 1


def test_an_answer_calls_off_everything_that_waits_and_no_step_follows(shop, checkout_policy):
    row = page_checkout(shop, subject="INC-3")
    for _ in range(2):
        acknowledge(row.key, user=shop.ann, via="link", actor=shop.ann.actor)
    later(row.created_at, 30)
    assert sent() == [("ann@example.com", "cancelled")]
    assert timeline("INC-3")[0].verb == "page_acknowledged"
    assert [entry.verb for entry in timeline("INC-3")].count("page_acknowledged") == 1


def test_a_late_answer_counts_but_a_cancelled_page_takes_none(shop, checkout_policy):
    row = page_checkout(shop)
    Page.objects.update(state="exhausted", next_run_at=None)
    assert acknowledge(row.key, user=shop.ann, via="page", actor=shop.ann.actor).state == "acknowledged"
    other = page_checkout(shop)
    cancel(other.key, by=caller_of_person(shop.bo))
    with pytest.raises(Conflict) as refused:
        acknowledge(other.key, user=shop.ann, via="page", actor=shop.ann.actor)
    assert refused.value.code == "page_can_be_answered"


def test_while_sending_is_paused_nothing_is_escalated(shop, checkout_policy, monkeypatch):
    row = page_checkout(shop)
    monkeypatch.setattr("notifications.relay.is_paused", lambda: True)
    later(row.created_at, 30)
    assert row.steps.count() == 1


@pytest.mark.parametrize(
    ("target", "people"),
    [
        (Target("team", "payments"), ["ann@example.com"]),
        (Target("schedule", "payments-primary"), ["ann@example.com"]),
        (Target("user", "CY@example.com"), ["cy@example.com"]),
        (Target("service", "checkout"), ["ann@example.com"]),
        (Target("service", "ledger"), ["ann@example.com"]),
        (Target("team", "delivery"), ["cy@example.com"]),
    ],
)
def test_a_schedule_a_team_a_person_and_a_service_can_be_paged(shop, checkout_policy, target, people):
    page(Wanted(target, "Look"), by=None)
    assert [who for who, _ in sent()] == people


@pytest.mark.parametrize("target", [Target("policy", "none"), Target("moon", "x"), Target("user", "who@example.com")])
def test_whoever_is_not_there_is_refused_with_the_field(shop, target):
    with pytest.raises(Unprocessable) as refused:
        page(Wanted(target, "Look"), by=None)
    assert (refused.value.code, refused.value.field) == ("unknown_target", "target.id")


def test_a_private_page_tells_no_administrator(shop, checkout_policy):
    shop.ann.is_active = False
    shop.ann.save()
    page_checkout(shop, is_private=True)
    assert "admin@example.com" not in [who for who, _ in sent()]


def test_a_link_names_one_page_and_one_person(shop, checkout_policy):
    row = page_checkout(shop)
    address = links.address(links.Link(row.key, shop.ann.pk))
    assert links.read(address.rpartition("/")[2]) == (row.key, shop.ann.pk)
    assert timezone.now() >= row.created_at
