"""Mails to people outside: asked for twice, sent once, ended by one click."""

import re
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db.models import F
from django.test import Client
from django.utils import timezone

from changes.models import Change
from notifications.models import Message
from notifications.providers import PROVIDERS
from notifications.providers.memory import MemoryProvider
from public.subscriptions import actions
from public.subscriptions.actions import forget_unconfirmed
from public.subscriptions.models import Dispatch, Subscriber
from public.tasks import mind_change_log, tell_subscribers
from tests.factories import make_ticket
from tests.public.test_status import make_incident

DAY = timedelta(days=1)
TYPED = {"email": "kim@customer.example", "wants_status": "on"}


@pytest.fixture
def outside(shop):
    cache.clear()
    shop.checkout.is_public = True
    shop.checkout.save()
    return Client()


def mails(to="kim@customer.example"):
    return list(Message.objects.filter(channel="email", recipient=to).order_by("pk"))


def link(to="kim@customer.example"):
    found = re.search(r"http://[^/]+(/subscription/\S+)", mails(to)[-1].payload["text"])
    assert found
    return found[1]


def subscribed(shop, email="kim@customer.example", **columns):
    now = timezone.now() - timedelta(minutes=1)
    return Subscriber.objects.create(email=email, nonce="n", asked_at=now, confirmed_at=now, **columns)


def test_nothing_but_the_question_is_sent_until_the_owner_of_the_address_says_yes(shop, outside):
    outside.post("/subscribe", TYPED)
    make_incident(shop, now=timezone.now())
    tell_subscribers()
    assert [mail.title for mail in mails()] == ["Confirm your subscription to Status"]
    page = outside.get(link())
    assert "Do you want these mails?" in page.content.decode()
    assert Subscriber.objects.get().confirmed_at is None
    assert "You are subscribed." in outside.post(link(), {"do": "confirm"}).content.decode()
    Dispatch.objects.all().delete()
    for _ in range(2):
        tell_subscribers()
    title, text = mails()[-1].title, mails()[-1].payload["text"]
    assert len(mails()) == 2
    assert title == "Investigating: Checkout partly down"
    assert "Some payments fail." in text
    assert "SECRET" not in text
    assert mails()[-1].payload["unsubscribe"].endswith("/leave")


def test_the_answer_is_the_same_for_every_address_and_nobody_is_asked_twice_at_once(shop, outside):
    first = outside.post("/subscribe", TYPED).content
    assert outside.post("/subscribe", TYPED | {"email": "KIM@customer.example"}).status_code == 200
    assert outside.post("/subscribe", TYPED).content == first
    assert len(mails()) == 1
    subscribed(shop, "old@customer.example")
    outside.post("/subscribe", TYPED | {"email": "old@customer.example"})
    assert mails("old@customer.example")[0].title == "You are subscribed to Status already"


def test_one_click_of_a_mail_program_ends_it_and_calls_off_what_waits(shop, outside):
    subscribed(shop)
    make_incident(shop, now=timezone.now())
    tell_subscribers()
    address = mails()[0].payload["unsubscribe"].partition("://")[2].partition("/")[2]
    program = Client(enforce_csrf_checks=True)
    for _ in range(2):
        assert program.post(f"/{address}", {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert mails()[0].state == "cancelled"
    assert not Subscriber.objects.exists()
    assert program.get(f"/{address}").status_code == 405
    assert program.post("/subscription/rubbish/leave").status_code == 403


def test_each_gets_what_they_chose(shop, outside):
    shop.ledger.is_public = True
    shop.ledger.save()
    subscribed(shop, "ledger@customer.example").components.add(shop.ledger)
    other = subscribed(shop, "uat@customer.example")
    other.components.add(shop.checkout)
    subscribed(shop, "log@customer.example", wants_status=False, wants_changes=True)
    incident = make_incident(shop, now=timezone.now())
    incident.services.set([shop.checkout])
    tell_subscribers()
    assert Message.objects.filter(channel="email").values_list("recipient", flat=True).get() == "uat@customer.example"
    make_ticket(
        shop,
        state="closed",
        outcome="succeeded",
        customer_impacting=True,
        public_note="Faster.",
        window_start=None,
        window_end=None,
    )
    mind_change_log()
    tell_subscribers()
    assert [mail.title for mail in mails("log@customer.example")] == ["Faster"]


def test_planned_maintenance_is_told_once_and_again_when_it_is_moved(shop, outside):
    subscribed(shop)
    make_ticket(shop, state="approved", customer_impacting=True, public_note="Paying pauses for a minute.")
    for _ in range(2):
        tell_subscribers()
    assert [mail.title for mail in mails()] == ["Planned maintenance: Checkout"]
    Change.objects.update(window_start=F("window_start") + timedelta(minutes=5))
    tell_subscribers()
    assert len(mails()) == 2


def test_a_run_that_was_stopped_half_way_goes_on_where_it_was(shop, outside, monkeypatch):
    for number in range(5):
        subscribed(shop, f"reader{number}@customer.example")
    make_incident(shop, now=timezone.now())
    monkeypatch.setattr("public.subscriptions.actions.BATCH", 2)
    dead = iter([False, True])

    enqueue = actions._send_batch

    def stopped(event, *, now):
        if next(dead, False):
            raise RuntimeError("killed")
        return enqueue(event, now=now)

    monkeypatch.setattr(actions, "_send_batch", stopped)
    with pytest.raises(RuntimeError):
        tell_subscribers()
    assert Message.objects.filter(channel="email").count() == 2
    tell_subscribers()
    assert Message.objects.filter(channel="email").count() == 5


def test_an_address_that_nobody_confirms_is_forgotten_and_a_late_click_says_so(shop, outside):
    outside.post("/subscribe", TYPED)
    late = link()
    Subscriber.objects.update(asked_at=timezone.now() - 8 * DAY)
    assert "older than a week" in outside.post(late, {"do": "confirm"}).content.decode()
    forget_unconfirmed(now=timezone.now())
    assert "You are not subscribed" in outside.get(late).content.decode()


def test_a_wish_for_nothing_and_an_address_that_is_none_are_refused_beside_the_field(shop, outside):
    nothing = outside.post("/subscribe", {"email": "kim@customer.example"})
    assert nothing.status_code == 422
    assert "Choose at least one" in nothing.content.decode()
    wrong = outside.post("/subscribe", TYPED | {"email": "kim@", "components": ["secret-service"]})
    assert 'value="kim@"' in wrong.content.decode()
    assert not Message.objects.exists()


def test_a_subscriber_changes_what_they_want_by_their_link_only(shop, outside):
    outside.post("/subscribe", TYPED)
    mine = link()
    outside.post(mine, {"do": "confirm"})
    assert (
        "Saved."
        in outside.post(mine, {"do": "choose", "wants_changes": "on", "components": ["checkout"]}).content.decode()
    )
    changed = Subscriber.objects.get()
    assert (changed.wants_status, changed.wants_changes, changed.components.get().slug) == (False, True, "checkout")
    assert outside.get("/subscription/x").status_code == 403


def test_one_place_may_ask_for_ten_an_hour(shop, outside):
    answers = [
        outside.post("/subscribe", TYPED | {"email": f"k{number}@x.example"}).status_code for number in range(12)
    ]
    assert answers[:10] == [200] * 10
    assert answers[11] == 429


# --- The community ---------------------------------------------------------------------------------------------------


@pytest.fixture
def community(monkeypatch):
    monkeypatch.setitem(PROVIDERS, "webhook", MemoryProvider())


def announced():
    rows = Message.objects.filter(channel="webhook", recipient="announcements").order_by("pk")
    return [(message.title, message.payload["text"].partition("\n")[0]) for message in rows]


def test_the_community_is_told_once_of_an_update_and_of_a_note(shop, outside, community):
    make_incident(shop, now=timezone.now())
    note = "Carts survive a sign-in. They stay on every device."
    make_ticket(shop, title="SECRET", state="closed", outcome="succeeded", customer_impacting=True, public_note=note)
    Change.objects.update(window_start=None, window_end=None)
    for _ in range(2):
        mind_change_log()
        tell_subscribers()
    assert announced() == [
        ("Investigating: Checkout partly down", "Investigating. Some payments fail. We look into it."),
        ("Carts survive a sign-in", "They stay on every device."),
    ]
    assert "SECRET" not in str([message.payload for message in Message.objects.all()])


def test_the_community_is_not_told_of_what_happened_long_ago(shop, outside, community):
    make_ticket(shop, state="closed", outcome="succeeded", customer_impacting=True, public_note="Faster.")
    Change.objects.update(window_start=None, window_end=None, finished_at=timezone.now() - 2 * DAY)
    mind_change_log()
    tell_subscribers()
    assert announced() == []
