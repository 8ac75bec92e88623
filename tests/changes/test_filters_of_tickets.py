"""Lists narrowed by what only filed changes have: risk, window, requester, and further services."""

from datetime import UTC, datetime, timedelta

import pytest

from changes.filters import CHANGE_FILTERS
from changes.queries import ChangeList, list_changes
from tests.factories import deployment, make_service, make_ticket
from workflow.paging import Cursor

MONDAY = datetime(2026, 11, 23, 10, tzinfo=UTC)


def titles(api, query):
    answer = api.get(f"/api/v1/changes?{query}")
    assert answer.status_code == 200, answer.content
    return [row["title"] for row in answer.json()["results"]]


@pytest.fixture
def filed(shop):
    """One small change of checkout, and one of high risk that Cy filed for mail and checkout, a day later."""
    mail = make_service("mail", shop.delivery)
    make_ticket(shop, title="Small", window_start=MONDAY, window_end=MONDAY + timedelta(hours=1))
    tuesday = MONDAY + timedelta(days=1)
    make_ticket(
        shop,
        title="Large",
        risk="high",
        requester=shop.cy,
        services=[mail, shop.checkout],
        window_start=tuesday,
        window_end=tuesday + timedelta(days=2),
    )


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("risk=high", ["Large"]),
        ("requester=CY@example.com", ["Large"]),
        ("window_from=2026-11-24&window_to=2026-11-25", ["Large"]),
        ("window_from=2026-11-26", ["Large"]),
        ("window_from=2026-11-26T10:00:00Z", []),
        ("window_to=2026-11-23T10:00:00Z", []),
        ("window_to=2026-11-23T10:00:01Z", ["Small"]),
        ("service=checkout", ["Large", "Small"]),
        ("service=mail", ["Large"]),
        ("service=ledger", []),
        ("service=nothing", []),
        ("team=payments", ["Large", "Small"]),
        ("team=delivery", ["Large"]),
        ("team=payments&service=mail", ["Large"]),
        ("team=delivery&service=checkout", ["Large"]),
        ("service=checkout&risk=low", ["Small"]),
        ("service=checkout&origin=pipeline", []),
        ("service=checkout&q=large", ["Large"]),
        ("team=payments&q=large", ["Large"]),
        ("q=large&risk=low", []),
    ],
)
def test_filed_changes_are_found_by(ci, filed, query, found):
    assert titles(ci, query) == found


@pytest.mark.parametrize("query", ["risk=enormous", "window_from=soon", "window_to=2026-13-01"])
def test_a_value_that_cannot_be_read_is_named(ci, query):
    answer = ci.get(f"/api/v1/changes?{query}")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == query.partition("=")[0]


def test_a_list_of_a_service_mixes_deploys_and_both_kinds_of_tickets_in_one_order_through_all_pages(ci, shop):
    mail = make_service("mail", shop.delivery)
    for number in range(7):
        at = MONDAY + timedelta(minutes=number)
        services = [[shop.checkout], [mail, shop.checkout], [mail]][number % 3]
        make_ticket(shop, title=f"Ticket {number}", services=services, at=at)
    body = deployment(started_at="2026-11-23T10:02:30Z", finished_at="2026-11-23T10:03:00Z", title="Deploy")
    assert ci.post("/api/v1/deployments", body, format="json").status_code == 201
    expected = ["Ticket 6", "Ticket 4", "Ticket 3", "Deploy", "Ticket 1", "Ticket 0"]
    down, url = [], "/api/v1/changes?service=checkout&page_size=2"
    while url:
        page = ci.get(url).json()
        down += [row["title"] for row in page["results"]]
        url, last = page["next"], page
    assert down == expected
    up = [row["title"] for row in last["results"]]
    while last["previous"]:
        last = ci.get(last["previous"]).json()
        up = [row["title"] for row in last["results"]] + up
    assert up == expected


def test_the_page_takes_the_same_filters_and_names_them(ann, filed):
    page = ann.get("/changes?risk=high&window_from=2026-11-24").content.decode()
    assert "Large" in page
    assert "Small" not in page
    assert "Planned from" in page
    assert "Tue 24 Nov 2026" in page


def test_a_day_of_the_window_begins_where_the_reader_lives(ann, shop):
    at = datetime(2026, 11, 23, 22, 30, tzinfo=UTC)
    make_ticket(shop, title="Late", window_start=at, window_end=at + timedelta(minutes=20))
    assert "Late" in ann.get("/changes?window_from=2026-11-23&window_to=2026-11-24").content.decode()
    make_ticket(shop, title="Night", window_start=at + timedelta(hours=1), window_end=at + timedelta(hours=2))
    assert "Night" not in ann.get("/changes?window_from=2026-11-23&window_to=2026-11-24").content.decode()


@pytest.mark.parametrize("name", ["service", "team", "risk", "window_from", "requester"])
def test_a_list_is_one_statement_whatever_narrows_it(shop, name, django_assert_max_num_queries):
    assert name in CHANGE_FILTERS
    value = MONDAY if name == "window_from" else "high"
    with django_assert_max_num_queries(1):
        list_changes(ChangeList(filters={name: value}, cursor=Cursor(MONDAY, 1)))
