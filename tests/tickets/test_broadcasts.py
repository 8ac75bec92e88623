"""What everybody reads in Slack about a filed change, and who is paged about it."""

from typing import Any

import pytest
from django.utils import timezone

from accounts.callers import caller_of_person
from accounts.contacts.actions import tell_all
from changes.tickets import messages
from changes.tickets.content import Draft
from changes.tickets.doing import correct_outcome, finish_change
from changes.tickets.filing import file_change
from notifications.models import Message
from notifications.providers import PROVIDERS
from notifications.providers.memory import MemoryProvider
from tests.factories import Shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def slack(settings: Any, monkeypatch: pytest.MonkeyPatch) -> MemoryProvider:
    provider = MemoryProvider()
    monkeypatch.setitem(PROVIDERS, "slack", provider)
    settings.SLACK_CHANNEL = "#changes"
    return provider


def begun(shop: Shop, **changed: Any) -> str:
    said: dict[str, Any] = {"type": "emergent", "title": "Restart the queue", "services": ("checkout",)}
    draft = Draft(**{**said, "reason": "It is stuck.", "customer_impacting": True, **changed})
    return file_change(draft, by=caller_of_person(shop.bo)).ref


def told() -> list[tuple[str, str]]:
    return [(m.title, m.state) for m in Message.objects.filter(channel="slack").order_by("pk")]


def test_a_change_that_customers_feel_is_one_message_from_beginning_to_end(shop: Shop, slack: MemoryProvider) -> None:
    ref = begun(shop)
    assert told() == [(f"{ref} began: Restart the queue", "pending")]
    finish_change(ref, by=caller_of_person(shop.bo), outcome="succeeded")
    correct_outcome(ref, by=caller_of_person(shop.bo), outcome="failed", reason="It hangs again.")
    assert told() == [
        (f"{ref} began: Restart the queue", "cancelled"),
        (f"{ref} succeeded: Restart the queue", "cancelled"),
        (f"{ref} failed: Restart the queue", "pending"),
    ]
    text = Message.objects.latest("pk").payload["text"]
    assert text.startswith(f"checkout in production: http://127.0.0.1:8000/changes/{ref}\nCustomers may notice.")
    assert text.endswith("By Bo Okafor.")


def test_a_small_change_that_customers_do_not_feel_is_told_to_nobody(shop: Shop, slack: MemoryProvider) -> None:
    begun(shop, customer_impacting=False, services=("ledger",))
    assert told() == []


def test_without_slack_nothing_waits_for_it(shop: Shop) -> None:
    begun(shop)
    assert told() == []


@pytest.mark.parametrize("has_pager", [True, False])
def test_a_lead_is_paged_and_without_a_pager_the_page_is_a_mail(
    monkeypatch: pytest.MonkeyPatch, shop: Shop, has_pager: bool
) -> None:
    if has_pager:
        monkeypatch.setitem(PROVIDERS, "pager", MemoryProvider())
    now, lead = timezone.now(), (shop.ann.pk, shop.ann.email)
    facts = {"who": "Bo", "because": "Nobody is on call.", "reason": "It is stuck."}
    pages = [
        messages.glass_broken("CHG-1", "Restart", to=lead, **facts),
        messages.review_overdue("CHG-1", "Restart", to=lead, due=now),
    ]
    tell_all(pages, at=now)
    sent = list(Message.objects.all())
    assert len(sent) == 2
    way = ("pager", "user:ann@example.com") if has_pager else ("email", "ann@example.com")
    assert {(message.channel, message.recipient) for message in sent} == {way}
    assert {message.priority for message in sent} == {Message.Priority.PAGE}
    kept = [message.payload.get("fallbacks") for message in sent]
    assert kept == [[["email", "ann@example.com"]] if has_pager else None] * 2
