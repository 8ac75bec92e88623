"""Finding a change: filters that live in the address, search, paging, and all of it from the keyboard."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Opens
from tests.browser.running import Running
from tests.factories import deployment

pytestmark = pytest.mark.browser

SHA = "5eac4ed00000000000000000000000000000cafe"


@pytest.fixture(scope="module", autouse=True)
def _history(decklog: Running, tokens: dict[str, str]) -> None:
    """Sixty deploys of ledger, one of which somebody looks for."""
    body = deployment(service="ledger", pipeline="ledger-nightly", evidence=None, commits=None)
    items = [{**body, "run_id": f"night-{number}", "version": f"1.{number}"} for number in range(60)]
    items[7] |= {"sha": SHA, "tickets": ["LOOK-77"], "status": "failed", "environment": "uat"}
    decklog.call("deployments/bulk", {"deployments": items, "backfill": True}, token=tokens["ci"])


def _rows(page: Page) -> list[str]:
    return page.get_by_role("rowheader").get_by_role("link").all_inner_texts()


def test_a_filter_lives_in_the_address_and_can_be_dropped(signed_in: Opens) -> None:
    page = signed_in("ann@example.com")
    page.goto("/changes")
    page.get_by_text("Filter", exact=True).click()
    page.get_by_label("Service").select_option("ledger")
    page.get_by_label("Environment").select_option("uat")
    page.get_by_role("button", name="Show these changes").click()
    expect(page).to_have_url(re.compile("service=ledger"))
    expect(page.get_by_role("link", name="ledger 1.7 to uat")).to_be_visible()
    address = page.url
    other = signed_in("bo@example.com")
    other.goto(address)
    assert _rows(other) == ["ledger 1.7 to uat"]
    page.get_by_role("link", name="Failed").click()
    expect(page).to_have_url(re.compile("service=ledger.*outcome=failed"))
    page.go_back()
    page.get_by_role("link", name=re.compile("Remove.*[Ee]nvironment|Drop.*[Ee]nvironment")).click()
    expect(page).to_have_url(re.compile(r"changes\?service=ledger$"))
    expect(page.get_by_role("link", name="ledger 1.59 to production")).to_be_visible()


@pytest.mark.parametrize("words", [SHA[:10], "look-77"])
def test_search_finds_a_deploy_by_commit_and_by_ticket(signed_in: Opens, words: str) -> None:
    page = signed_in("ann@example.com")
    page.keyboard.press("/")
    page.keyboard.type(words)
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="ledger 1.7 to uat")).to_be_visible()
    assert _rows(page) == ["ledger 1.7 to uat"]


def test_older_and_newer_lead_through_everything_once(signed_in: Opens) -> None:
    page = signed_in("ann@example.com")
    page.goto("/changes?pipeline=ledger-nightly&page_size=25")
    first = _rows(page)
    seen = list(first)
    for _ in range(2):
        page.get_by_role("link", name="Older").click()
        expect(page.get_by_role("link", name="Newer")).to_have_attribute("href", re.compile("cursor"))
        seen += _rows(page)
    assert len(seen) == len(set(seen)) == 60
    expect(page.get_by_role("link", name="Older")).to_be_disabled()
    for _ in range(2):
        page.get_by_role("link", name="Newer").click()
    assert _rows(page) == first


def test_the_keyboard_alone_reaches_the_content_the_search_and_a_change(signed_in: Opens) -> None:
    page = signed_in("ann@example.com")
    page.goto("/changes?pipeline=ledger-nightly")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    expect(page.get_by_role("link", name="Skip to the content")).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="File a change")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("navigation", name="Views").get_by_role("link", name="All")).to_be_focused()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox", name="Search changes")).to_be_focused()
    page.keyboard.type("/")
    expect(page.get_by_role("searchbox", name="Search changes")).to_have_value("/")
    change = page.get_by_role("link", name="ledger 1.59 to production")
    change.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="ledger 1.59 to production", level=1)).to_be_visible()


def test_the_focus_goes_through_a_page_as_it_is_read_and_never_gets_stuck(signed_in: Opens) -> None:
    page = signed_in("ann@example.com")
    page.goto("/settings/tokens/new")
    places = []
    for _ in range(60):
        page.keyboard.press("Tab")
        place = page.evaluate(
            """() => {
                const one = document.activeElement, box = one.getBoundingClientRect();
                return one === document.body ? null
                    : {what: one.outerHTML.slice(0, 90), order: [...document.querySelectorAll("*")].indexOf(one),
                       isSeen: box.width > 0 && box.height > 0};
            }"""
        )
        if place is None:
            break
        places.append(place)
    else:
        pytest.fail("The focus never left the page.")
    assert [one["order"] for one in places] == sorted({one["order"] for one in places})
    assert [one["what"] for one in places if not one["isSeen"]] == []
    names = " ".join(one["what"] for one in places)
    assert 'name="name"' in names
    assert "Make the token" in names
