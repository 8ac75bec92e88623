"""The calendar as people see it: weeks, months, freezes, collisions, and what is coming in words."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from changes.freezes.models import Freeze
from tests.factories import deployment, make_service, make_ticket

TUESDAY = datetime(2026, 11, 24, 13, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _on_a_tuesday():
    with time_machine.travel(TUESDAY, tick=False):
        yield


def at(day, hour, minute=0, *, month=11):
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def plan(shop, title, start, *, hours=1, **columns):
    return make_ticket(
        shop, title=title, window_start=start, window_end=start + hours * HOUR, **{"state": "approved", **columns}
    )


def page(client, query=""):
    answer = client.get(f"/calendar{query}")
    assert answer.status_code == 200
    return answer.content.decode()


def day_of(text, name):
    """What one day of the page holds."""
    return text.partition(f'aria-label="{name}"')[2].partition("</section>")[0]


# --- Where things stand ----------------------------------------------------------------------------------------------


def test_the_present_week_shows_each_ticket_in_its_window_where_the_reader_lives(ann, shop):
    plan(shop, "Renew certificates", at(25, 23, 30))
    text = page(ann)
    assert "Week 48, 23–29 November 2026" in text
    thursday = day_of(text, "Thursday 26 November")
    assert "Renew certificates" in thursday
    assert "00:30–01:30" in thursday
    assert "Renew certificates" not in day_of(text, "Tomorrow, Wednesday 25 November")


def test_a_window_over_midnight_is_on_both_days(ann, shop):
    plan(shop, "Move", at(25, 22), hours=3)
    text = page(ann, "?week=2026-W48")
    assert "Move" in day_of(text, "Tomorrow, Wednesday 25 November")
    assert "Move" in day_of(text, "Thursday 26 November")
    assert "Move" not in day_of(text, "Friday 27 November")


@pytest.mark.parametrize("state", ["draft", "withdrawn", "rejected", "expired"])
def test_what_is_not_going_to_happen_is_not_on_it(ann, shop, state):
    plan(shop, "Never", at(25, 10), state=state)
    assert "Never" not in page(ann)


def test_an_emergent_change_shows_when_it_ran(ann, shop):
    columns = {"window_start": None, "window_end": None, "authorization": "emergency", "type": "emergent"}
    make_ticket(
        shop,
        title="Restart",
        state="closed",
        outcome="succeeded",
        started_at=at(23, 9),
        finished_at=at(23, 9, 40),
        **columns,
    )
    make_ticket(shop, title="Under way", state="in_progress", started_at=at(24, 13), **columns)
    text = page(ann)
    assert "10:00–10:40" in day_of(text, "Yesterday, Monday 23 November")
    assert "Under way" in day_of(text, "Today, Tuesday 24 November")


def test_deploys_are_a_number_and_never_a_card(ann, ci, shop):
    for run in range(3):
        body = deployment(
            run_id=str(run),
            title="Deploy of checkout",
            started_at="2026-11-24T09:00:00Z",
            finished_at="2026-11-24T09:05:00Z",
        )
        assert ci.post("/api/v1/deployments", body, format="json").status_code == 201
    text = page(ann)
    assert "3 deploys so far" in day_of(text, "Today, Tuesday 24 November")
    assert "Deploy of checkout" not in text


def test_a_month_names_the_first_of_a_day_and_leads_to_the_others(ann, shop):
    for number in range(42):
        plan(shop, f"Change {number:02}", at(25, 8, number % 60))
    text = day_of(page(ann, "?month=2026-11"), "Tomorrow, Wednesday 25 November")
    assert "Change 03" in text
    assert "Change 04" not in text
    assert "+38 more" in text
    link = text.partition('class="dl-cal-more" href="')[2].partition('"')[0].replace("&amp;", "&")
    assert "Change 41" in ann.get(link).content.decode()


def test_a_month_shows_whole_weeks(ann, shop):
    plan(shop, "In October", at(25, 10, month=10))
    plan(shop, "In December", at(6, 10, month=12))
    text = page(ann, "?month=2026-11")
    assert "November 2026" in text
    assert "In December" in day_of(text, "Sunday 6 December")
    assert "In October" not in text


@pytest.mark.parametrize(
    ("query", "before", "after"),
    [
        ("?week=2026-W53", "week=2026-W52", "week=2027-W01"),
        ("?month=2026-12", "month=2026-11", "month=2027-01"),
        (
            "?week=2026-W48&environment=production",
            "week=2026-W47&amp;environment=production",
            "week=2026-W49&amp;environment=production",
        ),
    ],
)
def test_earlier_and_later_keep_the_filters(ann, query, before, after):
    text = page(ann, query)
    assert f'href="/calendar?{before}" rel="prev"' in text
    assert f'href="/calendar?{after}" rel="next"' in text


@pytest.mark.parametrize(
    "query",
    [
        "?week=2026-W54",
        "?week=now",
        "?month=2026-13",
        "?month=0000-01",
        "?week=2026-W1\x00",
        "?colour=red",
        "?customer_impacting=perhaps",
        "?service=a%00b",
    ],
)
def test_an_address_that_cannot_be_read_is_answered_with_a_sentence(ann, query):
    answer = ann.get(f"/calendar{query}")
    assert answer.status_code == 400
    assert "Not all of this address can be read" in answer.content.decode()


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("service=mail", {"Mail"}),
        ("service=checkout", {"Checkout", "Mail"}),
        ("team=delivery", {"Mail"}),
        ("environment=uat", {"Try"}),
        ("customer_impacting=true", {"Checkout"}),
        ("service=nothing", set()),
    ],
)
@pytest.mark.parametrize("period", ["week=2026-W48", "month=2026-11"])
def test_filters_leave_what_they_say(ann, shop, query, shown, period):
    mail = make_service("mail", shop.delivery)
    plan(shop, "Checkout", at(25, 10), customer_impacting=True)
    plan(shop, "Mail", at(25, 12), services=[mail, shop.checkout])
    plan(shop, "Try", at(26, 10), services=[shop.ledger], environment=shop.uat)
    text = page(ann, f"?{period}&{query}")
    assert {title for title in ("Checkout", "Mail", "Try") if f">{title}</a>" in text.replace("</svg>", ">")} == shown


def test_strangers_are_sent_to_sign_in(client, shop):
    assert client.get("/calendar").status_code == 302


# --- Freezes and collisions ------------------------------------------------------------------------------------------


def test_freezes_are_shaded_each_time_they_come_again(ann, shop):
    friday = {"start": at(6, 16), "end": at(6, 20)}
    Freeze.objects.create(
        name="No Friday evenings", rrule="FREQ=WEEKLY;BYDAY=FR", time_zone="Europe/Berlin", is_hard=False, **friday
    )
    text = page(ann, "?month=2026-11")
    for day in (13, 20, 27):
        assert "Soft freeze: No Friday evenings, everything" in day_of(text, f"Friday {day} November")
    assert "No Friday evenings" not in day_of(text, "Thursday 26 November")
    assert "dl-cal-shade dl-frozen-soft" in day_of(page(ann), "Friday 27 November")


def test_collisions_are_marked_and_told(ann, shop):
    plan(shop, "One", at(25, 10))
    plan(shop, "Other", at(25, 10, 30), state="submitted", services=[shop.ledger])
    plan(shop, "Alone", at(26, 10))
    text = page(ann)
    assert "1 collision this week." in text
    assert "checkout (tier 0) depends on ledger." in text
    assert "Bo Okafor carries out both." in text
    assert "One of them must move." in text
    assert text.count("Collides, tier 0: one must move") == 2


def test_collisions_of_the_past_are_history(ann, shop):
    plan(shop, "One", at(23, 10), state="closed", outcome="succeeded")
    plan(shop, "Other", at(23, 10), state="closed", outcome="succeeded")
    assert "collision" not in page(ann).replace("dl-cal-collisions", "")


# --- In words --------------------------------------------------------------------------------------------------------


def test_what_is_coming_is_said_first_for_the_weekly_meeting(ann, shop):
    plan(shop, "Upgrade <the> database", at(26, 7), customer_impacting=True, risk="high")
    plan(shop, "Small", at(25, 10), state="submitted")
    plan(shop, "Done", at(24, 8), state="closed", outcome="succeeded")
    text = page(ann)
    assert "2 changes still to come: 1 that customers notice, 1 of high risk, 1 waiting for approval." in text
    assert "Thu 26 Nov, 08:00" in text
    assert "Upgrade &lt;the&gt; database" in text
    assert "Nothing is planned in this week." in page(ann, "?week=2026-W50")
    assert "This week is over." in page(ann, "?week=2026-W40")


# --- What it costs ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query", ["?week=2026-W48", "?month=2026-11", "?month=2026-11&team=payments&customer_impacting=false"]
)
@pytest.mark.parametrize("count", [1, 25])
def test_a_page_is_at_most_12_statements_whatever_it_shows(ann, shop, query, count, django_assert_max_num_queries):
    for number in range(count):
        plan(shop, f"Change {number}", at(25, 10), services=[shop.checkout, shop.ledger])
        freeze = Freeze.objects.create(name=f"Freeze {number}", start=at(26, 1), end=at(26, 5), last_end=at(26, 5))
        freeze.services.add(shop.checkout)
    with django_assert_max_num_queries(12):
        page(ann, query)
