"""Without JavaScript everything works but the live list and the copy buttons."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Opens
from tests.browser.running import Running
from tests.factories import deployment

pytestmark = pytest.mark.browser


def test_a_reader_without_javascript_finds_a_change_and_supplies_proof(
    decklog: Running, signed_in: Opens, tokens: dict[str, str]
) -> None:
    ref = decklog.post(
        deployment(pipeline="parcels-deploy", service="parcels", run_id="plain", evidence=None, version="9.9.9"),
        token=tokens["ci"],
    )["ref"]
    page = signed_in("dee@example.com", java_script_enabled=False)
    page.get_by_role("link", name="Changes").first.click()
    page.get_by_text("Filter", exact=True).click()
    page.get_by_label("Pipeline").select_option("parcels-deploy")
    page.get_by_role("button", name="Show these changes").click()
    page.get_by_role("link", name="parcels 9.9.9 to production").click()
    page.get_by_text("What arrived, raw").last.click()
    expect(page.get_by_label("What arrived, as JSON")).to_contain_text("9.9.9")
    page.get_by_label("Tests passed").fill("5")
    page.get_by_role("button", name="Supply this proof").click()
    expect(page.get_by_role("status").first).to_contain_text("The verdict is now: exempt")
    page.get_by_label("Search changes").first.fill(ref)
    page.get_by_label("Search changes").first.press("Enter")
    expect(page).to_have_url(re.compile(f"/changes/{ref}$"))


@pytest.mark.parametrize("path", ["/", "/changes", "/pipelines", "/settings/profile", "/settings/tokens", "/delivery"])
def test_no_page_offers_a_button_that_needs_javascript(signed_in: Opens, path: str) -> None:
    page = signed_in("ann@example.com", java_script_enabled=False)
    page.goto(path)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert page.locator("button[type=button]").filter(visible=True).count() == 0


def test_the_menus_of_a_phone_and_the_theme_work_without_javascript(signed_in: Opens) -> None:
    page = signed_in("ann@example.com", java_script_enabled=False, viewport={"width": 375, "height": 800})
    page.get_by_text("More", exact=True).click()
    page.get_by_role("button", name="Dark").filter(visible=True).click()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    page.get_by_text("More", exact=True).click()
    page.get_by_role("link", name="Delivery log").filter(visible=True).click()
    expect(page.get_by_role("heading", name="Delivery log")).to_be_visible()
