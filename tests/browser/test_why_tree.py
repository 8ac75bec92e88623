"""The tree of whys, written from the keyboard."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Opens
from tests.browser.running import Running

pytestmark = pytest.mark.browser
TITLE = "Card payments failed from time to time"


def test_a_tree_of_whys_grows_from_the_keyboard_and_escape_leaves_it(
    decklog: Running, tokens: dict[str, str], signed_in: Opens
) -> None:
    declared = {"title": TITLE, "severity": "sev4", "services": ["checkout"], "customer_impacting": True}
    ref = decklog.call("incidents", declared, token=tokens["ann"])["ref"]
    over = {"detection_source": "alert", "customer_impacting": True, "reason": "It is over."}
    decklog.call(f"incidents/{ref}/resolve", over, token=tokens["ann"])
    page = signed_in("ann@example.com")
    page.goto("/rcas")
    page.get_by_role("link", name=TITLE).click()
    tree = page.locator("#tree ol[data-path=occurrence] > li")
    page.locator("[data-branch]").first.get_by_role("link", name=re.compile("Ask a why")).click()
    page.keyboard.type("Why did they fail?")
    page.keyboard.press("Enter")
    page.keyboard.type("All connections were taken")
    page.keyboard.press("Enter")
    expect(tree).to_have_count(2)
    expect(page.get_by_label("The question, why …")).to_be_focused()
    page.keyboard.type("Why could one client take all?")
    page.keyboard.press("Enter")
    page.keyboard.type("There is no limit")
    page.keyboard.press("Tab")
    expect(tree.last).to_have_attribute("data-depth", "2")
    page.keyboard.press("Enter")
    expect(tree).to_have_count(3)
    page.keyboard.press("Escape")
    expect(tree).to_have_count(2)
    page.reload()
    expect(tree.first).to_have_attribute("data-depth", "1")
    expect(tree.last).to_have_attribute("data-depth", "2")
    expect(tree.last).to_contain_text("There is no limit")
