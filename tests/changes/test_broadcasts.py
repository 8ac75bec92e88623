"""What everybody reads in Slack about a deploy that customers may feel: one message, which keeps up with it."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Team
from catalog.models import Service
from changes import broadcasts
from changes.tasks import settle_verdicts
from notifications.models import Message
from notifications.providers import PROVIDERS
from notifications.providers.memory import MemoryProvider
from tests.factories import Shop, deployment

URL = "/api/v1/deployments"
START = {"status": "started", "finished_at": None, "evidence": None}


@pytest.fixture
def slack(settings: Any, monkeypatch: pytest.MonkeyPatch, shop: Shop) -> MemoryProvider:
    provider = MemoryProvider()
    monkeypatch.setitem(PROVIDERS, "slack", provider)
    settings.SLACK_CHANNEL = "#changes"
    shop.payments.slack_channel = "#payments"
    shop.payments.save()
    return provider


def log(client: APIClient, **changed: Any) -> dict[str, Any]:
    answer = client.post(URL, deployment(**{"customer_impacting": True, **changed}), format="json")
    assert answer.status_code in {200, 201}, answer.content
    found: dict[str, Any] = answer.json()
    return found


def told(channel: str = "#changes") -> list[tuple[str, str]]:
    rows = Message.objects.filter(channel="slack", recipient=channel).order_by("pk")
    return [(message.title, message.state) for message in rows]


def test_a_deploy_that_customers_feel_is_told_when_it_begins_and_when_it_ends(
    ci: APIClient, slack: MemoryProvider
) -> None:
    ref = log(ci, **START)["ref"]
    log(ci, public_note="Checkout asks for the postcode first.")
    began, ended = f"{ref} began: checkout 2.14.0 to production", f"{ref} succeeded: checkout 2.14.0 to production"
    for channel in ("#changes", "#payments"):
        assert told(channel) == [(began, "cancelled"), (ended, "pending")]
    newest = Message.objects.filter(recipient="#changes").latest("pk")
    assert newest.replaces == f"progress:{ref}"
    first, second, third = newest.payload["text"].split("\n")
    assert first == f"checkout in production: http://127.0.0.1:8000/changes/{ref}"
    assert second == "Customers may notice. Checkout asks for the postcode first."
    assert " UTC, 2 min" in third
    ((heading, (link, *_), is_list),) = newest.payload["parts"]
    assert (heading, is_list) == ("", False)
    assert link == ["checkout in production", ref, f"http://127.0.0.1:8000/changes/{ref}"]


def test_the_same_word_twice_tells_nothing_new(ci: APIClient, slack: MemoryProvider) -> None:
    body = deployment(customer_impacting=True)
    for _ in range(2):
        ci.post(URL, body, format="json")
    assert len(told()) == 1


def test_a_deploy_that_fails_after_all_is_told_again(ci: APIClient, slack: MemoryProvider) -> None:
    ref = log(ci)["ref"]
    log(ci, status="rolled_back", finished_at=timezone.now().isoformat())
    assert [title.partition(":")[0] for title, _ in told()] == [f"{ref} succeeded", f"{ref} was rolled back"]


def test_a_deploy_that_never_ends_is_told_about_too(ci: APIClient, slack: MemoryProvider) -> None:
    ref = log(ci, **START)["ref"]
    with time_machine.travel(timezone.now() + timedelta(hours=3), tick=True):
        settle_verdicts()
    assert told()[-1] == (f"{ref} never reported its end: checkout 2.14.0 to production", "pending")


@pytest.mark.parametrize("changed", [{"customer_impacting": False}, {"environment": "uat"}])
def test_what_customers_do_not_feel_is_told_to_nobody(
    ci: APIClient, slack: MemoryProvider, changed: dict[str, Any]
) -> None:
    log(ci, **changed)
    assert told() == []


def test_the_past_is_not_told(ci: APIClient, slack: MemoryProvider) -> None:
    bulk = {"deployments": [deployment(customer_impacting=True)], "backfill": True}
    assert ci.post(f"{URL}/bulk", bulk, format="json").status_code == 200
    assert told() == []


def test_without_slack_nothing_waits_for_it(ci: APIClient) -> None:
    log(ci)
    assert not Message.objects.filter(channel="slack").exists()


def test_a_channel_that_two_teams_share_is_told_once(slack: MemoryProvider, shop: Shop) -> None:
    Team.objects.update(slack_channel="#changes ")
    services = Service.objects.filter(pk__in=[shop.checkout.pk, shop.ledger.pk])
    assert broadcasts.channels_of(services) == ["#changes"]
