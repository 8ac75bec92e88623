"""Insights as people see them: numbers with their rows, how they compare, and what to do when there is nothing."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
import time_machine

from tests.factories import make_service, make_ticket, make_user
from tests.insights.test_api import DAY, HOUR, log

TUESDAY = datetime(2026, 11, 24, 13, 20, tzinfo=UTC)


def found(pattern: str, text: str) -> str:
    match = re.search(pattern, text, re.DOTALL)
    assert match, pattern
    return match[1]


@pytest.fixture(autouse=True)
def _on_a_tuesday():
    with time_machine.travel(TUESDAY, tick=False):
        yield


def page(client, address="/insights", status=200):
    answer = client.get(address)
    assert answer.status_code == status
    return answer.content.decode()


def plain(text):
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", text)))


def card(text, title):
    """What stands on the card of one metric, as a reader reads it."""
    found = next(part for part in text.split('<div class="dl-metric">')[1:] if f">{title}</a></dt>" in part)
    return plain(found.partition("</div>")[0])


def rows_behind(client, address):
    """The references on the page that a number leads to."""
    return set(re.findall(r'"/changes/(CHG-\d+)"', page(client, unescape(address).partition("#")[0])))


@pytest.fixture
def busy(shop, ci):
    """Two periods of 30 days of checkout: lately faster, oftener and with one failure in twelve."""
    refs = {}
    for number in range(8):
        finished = TUESDAY - (58 - 3 * number) * DAY
        early = {"sha": f"{number:040x}", "author": "ann@example.com", "authored_at": (finished - 9 * HOUR).isoformat()}
        log(ci, number, finished, "failed" if number in {2, 3} else "succeeded", commits=[early])
    for number in range(12):
        finished = TUESDAY - (13 - number) * DAY
        refs[number] = log(ci, 100 + number, finished, "rolled_back" if number == 5 else "succeeded")
    return refs


# --- One service -----------------------------------------------------------------------------------------------------


def test_each_metric_shows_its_number_what_it_is_made_of_and_the_period_before(ann, busy):
    text = page(ann, "/insights?service=checkout&days=30")
    assert "4 h Faster: was 9 h" in card(text, "Change lead time")
    assert "Median of 11 commits" in card(text, "Change lead time")
    assert "11 succeeded in 30 days" in card(text, "Deployment frequency")
    assert "8.3 % Lower: was 25.0 % 1 rolled back of 12 deployments" in card(text, "Change fail rate")
    assert "1 of the last 72 h may still fail" in card(text, "Change fail rate")
    assert "None of 12 deployments and emergent changes" in card(text, "Deployment rework rate")
    assert "Too few" in card(text, "Failed deployment recovery")
    assert "1 recovery" in card(text, "Failed deployment recovery")
    assert "Europe/Berlin" not in card(text, "Off-hours share"), "the hours are the organisation's, which is in UTC"


def test_the_page_says_first_whether_it_is_getting_better(ann, busy):
    assert "Against the period before: 3 better, 1 the same." in plain(page(ann, "/insights?service=checkout&days=30"))


def test_a_number_leads_to_exactly_its_rows(ann, busy):
    text = page(ann, "/insights?service=checkout&days=30")
    link = found(r'<a href="([^"]+)">1 rolled back</a>', text)
    assert link.startswith("/changes?")
    assert rows_behind(ann, link) == {busy[5]}
    link = found(r'<a href="([^"]+)">12 deployments</a>', text)
    assert rows_behind(ann, link) == set(busy.values())
    link = found(r'<a href="([^"]+)">11 succeeded</a>', text)
    assert rows_behind(ann, link) == {ref for number, ref in busy.items() if number != 5}
    link = found(r'<a href="([^"]+)">11 commits</a>', text)
    assert rows_behind(ann, link) == {ref for number, ref in busy.items() if number != 5}


def test_the_weeks_of_the_chart_stand_in_a_table_and_lead_to_their_rows(ann, busy):
    text = page(ann, "/insights?service=checkout&days=30")
    table = text.partition("The same numbers")[2]
    first = plain(table).partition("16 Nov")[2][:60].split()
    assert first[:4] == ["7", "1", "14.3", "%"]
    link = found(r'16 Nov.*?<a href="([^"]+)">7</a>', table)
    assert len(rows_behind(ann, link)) == 7
    assert 'role="img" aria-label="Deployments by week: 12 in 5 weeks, of which 1 failed. The table has each."' in text


def test_a_year_is_shown_by_months(ann, busy):
    text = plain(page(ann, "/insights?service=checkout&days=365"))
    assert "Deployments by month" in text
    assert "Nov 2026 so far" in text


def test_nothing_on_the_page_needs_a_style_or_a_script_of_its_own(ann, busy):
    text = page(ann, "/insights?service=checkout&days=30")
    assert "style=" not in text
    assert "<script>" not in text


def test_a_rollback_is_shown_apart_and_named(ann, shop, ci):
    shas = ["a", "b", "a"]
    refs = [log(ci, n, TUESDAY - (5 - n) * DAY, sha=sha * 40, commits=None) for n, sha in enumerate(shas)]
    assert "1 rollback apart" in card(page(ann, "/insights?service=checkout"), "Deployment frequency")
    named = page(ann, "/insights/checkout/deployment-rework-rate")
    listed = named.partition('id="rollbacks"')[2].partition("</section>")[0]
    assert set(re.findall(r"CHG-\d+", listed)) == {refs[2]}


def test_a_definition_is_one_click_away_with_every_row_that_counts_or_is_left_out(ann, busy):
    text = page(ann, "/insights?service=checkout&days=30")
    link = found(r'<a href="([^"]+)">Change fail rate</a></dt>', text)
    told = plain(page(ann, unescape(link)))
    assert "Deployments are counted, not incidents" in told
    assert "1 deployment that was rolled back" in told
    assert "Numerator 1 Denominator 12" in told


def test_a_service_without_deployments_says_where_the_numbers_begin(ann, shop):
    text = plain(page(ann, "/insights?service=ledger"))
    assert "Nothing was deployed or filed in this period" in text
    assert "There is nothing before this period" in text


# --- All services ----------------------------------------------------------------------------------------------------


def test_every_service_stands_in_the_table_with_numbers_of_its_own(ann, busy, shop, ci):
    make_service("search", shop.delivery)
    text = page(ann, "/insights?days=30")
    rows = {found(r"service=([\w-]+)", part): plain(part) for part in text.split("<tr")[2:]}
    assert list(rows) == ["checkout", "ledger", "search"]
    assert "8.3 % 1 of 12" in rows["checkout"]
    assert "None None None None None" in " ".join(rows["ledger"].replace("0 in 30 days", "").split())
    only = page(ann, "/insights?days=30&team=delivery")
    assert "service=search" in only
    assert "service=ledger" not in only


def test_an_installation_without_services_says_what_to_do(client, db):
    client.force_login(make_user("ann@example.com", "Ann Lee"))
    assert "No services yet" in page(client)


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("/insights?days=7", "“7” is no period"),
        ("/insights?colour=red", "“colour” is no filter"),
        ("/insights?service=a%00b", "is no service"),
    ],
)
def test_what_cannot_be_read_is_said_and_the_usual_shown(ann, shop, address, sentence):
    assert sentence in plain(page(ann, address, status=400))


def test_names_that_do_not_exist_are_no_dead_end(ann, shop):
    assert "There is no such service here" in page(ann, "/insights?service=nosuch")
    assert "This team owns no service" in page(ann, "/insights?team=nosuch")
    page(ann, "/insights/nosuch/change-fail-rate", status=404)
    page(ann, "/insights/checkout/nosuch", status=404)


def test_strangers_are_asked_to_sign_in(client, shop):
    assert client.get("/insights").status_code == 302
    assert client.get("/insights/checkout/change-fail-rate").status_code == 302


def test_the_pages_cost_the_same_however_much_there_is(ann, shop, ci, busy, django_assert_max_num_queries):
    make_ticket(shop, state="closed", outcome="succeeded", started_at=TUESDAY - DAY, finished_at=TUESDAY)
    for number in range(20):
        service = make_service(f"service-{number}", shop.payments)
        log(ci, 1000 + number, TUESDAY - timedelta(hours=number), service=service.slug)
    with django_assert_max_num_queries(12):
        page(ann)
    with django_assert_max_num_queries(12):
        page(ann, "/insights?service=checkout")
    with django_assert_max_num_queries(12):
        page(ann, "/insights/checkout/change-fail-rate")
