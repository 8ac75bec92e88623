"""The summaries that channels read: what they say, and that each is sent once, whatever restarts."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from changes.models import Change
from changes.search import words
from home.summaries import actions, messages, queries
from home.summaries.policy import Kind
from home.summaries.queries import Day
from home.tasks import send_summaries
from notifications.models import Message
from notifications.providers import PROVIDERS
from notifications.providers.memory import MemoryProvider
from tests.factories import Shop, make_freeze, make_incident, make_ticket

TUESDAY = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
MONDAY = TUESDAY - timedelta(days=1)


@pytest.fixture
def slack(settings: Any, monkeypatch: pytest.MonkeyPatch, shop: Shop) -> MemoryProvider:
    """A Slack with #changes for everybody and #payments in Berlin."""
    provider = MemoryProvider()
    monkeypatch.setitem(PROVIDERS, "slack", provider)
    settings.SLACK_CHANNEL, settings.SUMMARY_HOUR, settings.SUMMARY_WHEN_QUIET = "#changes", 9, True
    shop.payments.slack_channel, shop.payments.time_zone = "#payments", "Europe/Berlin"
    shop.payments.save()
    return provider


def make_deploy(shop: Shop, at: datetime, **columns: Any) -> Change:
    said = {
        "origin": "pipeline",
        "authorization": "auto_exempt",
        "state": "closed",
        "outcome": "succeeded",
        "verdict": "exempt",
        "title": "checkout 2.14.0",
        "service": shop.checkout,
        "environment": shop.production,
        "pipeline": shop.pipeline,
        "customer_impacting": True,
        "started_at": at,
        "finished_at": at + timedelta(minutes=4),
        "search_text": words("checkout"),
        **columns,
    }
    return Change.objects.create(at=at, **said)


def told(kind: Kind = Kind.DAILY, at: datetime = TUESDAY, channel: str = "#changes") -> messages.Summary:
    audience = next(one for one in queries.audiences() if one.channel == channel)
    with time_machine.travel(at, tick=False):
        return messages.summary(kind, Day(audience, audience.morning.day_at(at), at))


def keys() -> list[str]:
    return sorted(Message.objects.values_list("dedup_key", flat=True))


def section(summary: messages.Summary, heading: str) -> list[str]:
    (part,) = [part for part in summary.parts if part.heading == heading]
    return [" ".join(filter(None, (line.label, line.text))) for line in part.lines]


# --- Once ----------------------------------------------------------------------------------------------------------


def test_each_channel_gets_one_summary_in_its_own_morning(slack: MemoryProvider) -> None:
    for hour, expected in (
        (7, []),
        (8, ["summary:daily:2026-11-24:#payments"]),
        (9, ["summary:daily:2026-11-24:#changes", "summary:daily:2026-11-24:#payments"]),
    ):
        actions.send_due(now=TUESDAY.replace(hour=hour, minute=0))
        assert keys() == expected
    message = Message.objects.get(recipient="#payments")
    assert message.deadline_at == datetime(2026, 11, 24, 23, tzinfo=UTC)


def test_restarts_doubled_clocks_and_jumps_add_nothing(slack: MemoryProvider) -> None:
    for minutes in (0, 0, 1, -120, 30, 600, -30):
        actions.send_due(now=TUESDAY + timedelta(minutes=minutes))
    assert keys() == ["summary:daily:2026-11-24:#changes", "summary:daily:2026-11-24:#payments"]
    for days in (1, 0, 1, 0):
        actions.send_due(now=TUESDAY + timedelta(days=days))
    assert len(keys()) == 4


def test_a_clock_that_stood_still_makes_up_for_today_and_not_for_yesterday(slack: MemoryProvider) -> None:
    actions.send_due(now=MONDAY - timedelta(days=3))
    actions.send_due(now=TUESDAY + timedelta(hours=11))
    assert [key for key in keys() if "#changes" in key] == [
        "summary:daily:2026-11-20:#changes",
        "summary:daily:2026-11-24:#changes",
    ]


def test_mondays_tell_the_organisation_what_is_coming(slack: MemoryProvider) -> None:
    with time_machine.travel(MONDAY):
        send_summaries()
        send_summaries()
    assert keys() == [
        "summary:daily:2026-11-23:#changes",
        "summary:daily:2026-11-23:#payments",
        "summary:weekly:2026-11-23:#changes",
    ]


def test_without_slack_nothing_is_written(shop: Shop) -> None:
    actions.send_due(now=TUESDAY)
    assert keys() == []


def test_a_quiet_day_is_one_calm_line_or_nothing_and_stays_settled(
    slack: MemoryProvider, settings: Any, shop: Shop
) -> None:
    actions.send_due(now=TUESDAY)
    message = Message.objects.get(recipient="#changes")
    assert message.payload["text"].startswith("A quiet day: nothing that customers notice")
    settings.SUMMARY_WHEN_QUIET = False
    tomorrow = TUESDAY + timedelta(days=1)
    actions.send_due(now=tomorrow)
    make_ticket(shop, state="submitted")
    actions.send_due(now=tomorrow + timedelta(hours=2))
    states = Message.objects.filter(dedup_key__contains="2026-11-25").values_list("state", flat=True)
    assert list(states) == ["cancelled", "cancelled"]


def test_teams_that_share_a_channel_share_a_summary(slack: MemoryProvider, shop: Shop) -> None:
    shop.delivery.slack_channel = "#payments "
    shop.delivery.save()
    (shared,) = [one for one in queries.audiences() if one.channel == "#payments"]
    assert shared.teams == ("delivery", "payments")


@pytest.mark.postgres_only
@pytest.mark.django_db(transaction=True)
def test_clocks_that_race_send_one(slack: MemoryProvider) -> None:
    start = threading.Barrier(4)

    def tick() -> None:
        try:
            start.wait()
            actions.send_due(now=TUESDAY)
        finally:
            connection.close()

    threads = [threading.Thread(target=tick) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert keys() == ["summary:daily:2026-11-24:#changes", "summary:daily:2026-11-24:#payments"]


# --- What they say -------------------------------------------------------------------------------------------------


def test_a_day_tells_what_customers_notice_what_is_owed_and_what_is_frozen(slack: MemoryProvider, shop: Shop) -> None:
    hour = timedelta(hours=1)
    felt = make_deploy(shop, TUESDAY - timedelta(days=1))
    make_deploy(shop, TUESDAY - timedelta(days=1), customer_impacting=False)
    make_deploy(shop, TUESDAY - timedelta(days=1), environment=shop.uat)
    rolled = make_deploy(shop, TUESDAY - hour, outcome="rolled_back")
    unproven = make_deploy(shop, TUESDAY - 2 * hour, verdict="unproven", state="finished", customer_impacting=False)
    plan = {"window_start": TUESDAY + 5 * hour, "window_end": TUESDAY + 6 * hour, "customer_impacting": True}
    planned = make_ticket(shop, state="approved", risk="high", **plan).change
    late = make_ticket(shop, state="finished", outcome="failed", review_due_at=TUESDAY - 3 * hour).change
    waiting = make_ticket(shop, state="submitted", **{**plan, "customer_impacting": False}).change
    make_freeze(name="Black Friday", start=TUESDAY - hour, end=TUESDAY + hour)
    summary = told()
    title = "Rotate the checkout credentials (checkout)"
    assert section(summary, "Customers could notice yesterday") == [
        f"{felt.ref} checkout 2.14.0 (checkout), succeeded at 09:34"
    ]
    assert section(summary, "Customers may notice today") == [
        f"{rolled.ref} checkout 2.14.0 (checkout), was rolled back at 08:34",
        f"{planned.ref} {title}, Tue 24 Nov, 14:30–15:30, approved, high risk",
    ]
    assert section(summary, "Unproven deploys") == [
        f"{unproven.ref} checkout 2.14.0 (checkout), since 07:30 Tue 24 Nov"
    ]
    assert section(summary, "Overdue reviews") == [f"{late.ref} {title}, overdue by 3 h"]
    assert section(summary, "Freezes") == ["Black Friday (hard) for everything: Tue 24 Nov, 08:30 to Tue 24 Nov, 10:30"]
    assert section(summary, "Waiting for approval") == [
        f"{waiting.ref} {title}, Tue 24 Nov, 14:30–15:30, not yet approved"
    ]
    assert (
        f"- {felt.ref} checkout 2.14.0 (checkout), succeeded at 09:34: http://127.0.0.1:8000/changes/" in summary.text
    )


def test_a_team_reads_of_its_own_services_at_its_own_times(slack: MemoryProvider, shop: Shop) -> None:
    other = make_ticket(shop, state="submitted", title="Not theirs").change
    shop.delivery.slack_channel = "#delivery"
    shop.delivery.save()
    summary = told(channel="#payments")
    (line,) = section(summary, "Waiting for approval")
    assert line.startswith(f"{other.ref} Not theirs (checkout)")
    assert "13:00–14:00" in line  # noon in UTC, in Berlin
    assert section(summary, "Freezes") == ["No freeze today."]
    assert told(channel="#delivery").is_quiet


def test_a_week_tells_what_is_planned_by_day_what_collides_and_what_was_delivered(
    slack: MemoryProvider, shop: Shop
) -> None:
    start = MONDAY + timedelta(days=2)
    window = {"window_start": start, "window_end": start + timedelta(hours=2), "state": "approved"}
    with time_machine.travel(MONDAY, tick=False):
        one = make_ticket(shop, risk="high", customer_impacting=True, **window).change
        two = make_ticket(shop, title="Move the ledger", requester=shop.cy, services=[shop.ledger], **window).change
        make_ticket(shop, state="closed", authorization="emergency", outcome="succeeded", at=MONDAY - timedelta(days=2))
        make_deploy(shop, MONDAY - timedelta(days=1), outcome="failed")
        make_freeze(name="Launch", start=start, end=start + timedelta(days=1), is_hard=False)
    summary, title = told(Kind.WEEKLY, MONDAY), "Rotate the checkout credentials"
    assert section(summary, "Wednesday 25 Nov") == [
        f"{one.ref} {title}, 09:30–11:30, by Bo Okafor, approved, customers may notice, high risk",
        f"{two.ref} Move the ledger, 09:30–11:30, by Cy Rao, approved",
    ]
    (collision,) = section(summary, "Collisions")
    assert collision.startswith(f"{one.ref} and {two.ref}: checkout (tier 0) depends on ledger.")
    assert section(summary, "Freezes") == ["Launch (soft) for everything: Wed 25 Nov, 09:30 to Thu 26 Nov, 09:30"]
    assert len(section(summary, "Emergencies of last week")) == 1
    assert section(summary, "Delivered last week") == ["Payments: 1 deploy, 1 failed or rolled back, 0 unproven"]
    assert told(Kind.WEEKLY, MONDAY - timedelta(days=70)).is_quiet


def test_ten_thousand_changes_cost_no_more_statements_and_are_counted_honestly(
    slack: MemoryProvider, shop: Shop
) -> None:
    rows = [
        Change(
            at=TUESDAY - timedelta(days=1, seconds=number),
            started_at=TUESDAY,
            origin="pipeline",
            authorization="auto_exempt",
            state="closed",
            outcome="succeeded",
            title="x" * 300,
            service=shop.checkout,
            environment=shop.production,
            customer_impacting=True,
        )
        for number in range(10_000)
    ]
    Change.objects.bulk_create(rows, batch_size=500)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        summary = told()
    lines = section(summary, "Customers could notice yesterday")
    assert len(lines) == 11
    assert lines[-1] == "and more than 90 more"
    assert len(asked) <= 6


def test_a_day_names_the_open_incidents_of_its_readers_and_never_a_restricted_one(
    slack: MemoryProvider, shop: Shop
) -> None:
    hour = timedelta(hours=1)
    known = make_incident(shop, declared_at=TUESDAY - 2 * hour)
    make_incident(shop, declared_at=TUESDAY - hour, restricted=True, title="A breach of card data")
    make_incident(shop, declared_at=TUESDAY - hour, state="resolved")
    line = f"{known.ref} Sev 3, Card payments fail (checkout), declared, open for 2 h"
    assert section(told(), "Open incidents") == [line]
    assert section(told(channel="#payments"), "Open incidents") == [line]
