"""The pages of summaries, as people who read and test them see them."""

from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from home.summaries import actions
from notifications.models import Message
from notifications.providers.memory import MemoryProvider
from tests.factories import Shop, make_freeze, make_ticket
from tests.home.test_summaries import TUESDAY, slack

__all__ = ["slack"]
PAYMENTS = "/summaries/daily?channel=%23payments"


@pytest.fixture
def admin(shop: Shop) -> Client:
    client = Client()
    client.force_login(shop.admin)
    return client


def text_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def test_the_list_says_what_went_out_and_what_comes_next(ann: Client, slack: MemoryProvider) -> None:
    actions.send_due(now=TUESDAY)
    with time_machine.travel(TUESDAY, tick=False), CaptureQueriesContext(connection) as asked:
        page = text_of(ann.get("/summaries"))
    assert len(asked) <= 12
    assert [word in page for word in ("#changes", "#payments", "Queued", "None in the last week")] == [True] * 4
    assert "tomorrow 09:00 CET" in page  # Ann lives in Berlin, where Payments' morning begins at 9
    assert "9:00 in Europe/Berlin" in page
    assert "Mon 30 Nov, 10:00" in page


@pytest.mark.parametrize("path", ["/summaries/daily", "/summaries/weekly", PAYMENTS])
def test_a_preview_shows_the_day_as_slack_and_as_text_and_runs_nothing_of_a_title(
    ann: Client, slack: MemoryProvider, shop: Shop, path: str
) -> None:
    with time_machine.travel(datetime(2026, 11, 24, 10, tzinfo=UTC), tick=False):
        for number in range(12):
            title = f"<script>alert({number})</script> @channel"
            make_ticket(shop, title=title, state="submitted", customer_impacting=True)
        make_freeze(name="Launch")
        with CaptureQueriesContext(connection) as asked:
            page = text_of(ann.get(path))
    assert len(asked) <= 12
    assert "<script>alert" not in page
    assert page.count("&lt;/script&gt; @channel") >= 12
    assert "Launch (hard) for everything" in page


def test_a_channel_that_nobody_reads_has_no_page(ann: Client, slack: MemoryProvider) -> None:
    for path in ("/summaries/daily?channel=%23none", "/summaries/weekly?channel=%23payments", "/summaries/hourly"):
        assert ann.get(path).status_code == 404
    assert Client().get("/summaries").status_code == 302


def test_a_test_goes_to_me_once_a_minute_and_counts_for_no_day(ann: Client, slack: MemoryProvider) -> None:
    with time_machine.travel(TUESDAY, tick=False):
        for _ in range(2):
            assert "on its way to ann@example.com" in text_of(ann.post(PAYMENTS, {"to": "me"}, follow=True))
    message = Message.objects.get()
    assert (message.channel, message.recipient) == ("email", "ann@example.com")
    assert message.title.startswith("Test: Payments, Tuesday 24 November")
    actions.send_due(now=TUESDAY)
    assert Message.objects.filter(dedup_key="summary:daily:2026-11-24:#payments").exists()


def test_only_who_answers_for_a_channel_sends_a_test_there(
    ann: Client, admin: Client, slack: MemoryProvider, shop: Shop
) -> None:
    assert "Rule may_test_in_channel" in text_of(
        ann.post("/summaries/daily?channel=%23changes", {"to": "channel"}, follow=True)
    )
    assert not Message.objects.exists()
    ann.post(PAYMENTS, {"to": "channel"})
    admin.post("/summaries/weekly", {"to": "channel"})
    assert list(Message.objects.order_by("pk").values_list("channel", "recipient")) == [
        ("slack", "#payments"),
        ("slack", "#changes"),
    ]


def test_without_slack_the_pages_say_so_and_a_test_still_reaches_me(ann: Client, admin: Client) -> None:
    assert "There is no Slack here" in text_of(ann.get("/summaries"))
    assert "A quiet day" in text_of(ann.get("/summaries/daily"))
    assert "Rule no_slack" in text_of(admin.post("/summaries/daily", {"to": "channel"}, follow=True))
    ann.post("/summaries/daily", {"to": "rubbish"})
    assert Message.objects.get().channel == "email"
