"""A change is filed and approved with few movements, by keyboard and phone as well, and with and without JavaScript."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Opens
from tests.browser.running import Running

pytestmark = pytest.mark.browser
MOST = 12
"""Clicks and filled fields of both people from Now to the approval."""


class Hands:
    """What people do with mouse and keyboard, counted."""

    def __init__(self) -> None:
        self.count = 0

    def click(self, what: Locator) -> None:
        """Click."""
        self.count += 1
        what.click()

    def fill(self, what: Locator, text: str) -> None:
        """Fill a field."""
        self.count += 1
        what.fill(text)


def box(page: Page, service: str) -> Locator:
    """The box that is ticked for a service."""
    return page.get_by_role("checkbox", name=re.compile(f"^{service} "))


def fill_in(page: Page, hands: Hands, *, title: str, service: str = "ledger") -> None:
    hands.fill(page.get_by_label("What changes"), title)
    hands.click(box(page, service))
    hands.fill(page.get_by_label("How do you get back?"), "Set it back.")
    hands.fill(page.get_by_label("Why, and why now?"), "It ran dry twice.")
    hands.fill(page.get_by_label("How was it tested, and what came out?"), "A day on UAT.")
    hands.fill(page.get_by_label("How will you know that it worked?"), "The waiting time falls.")
    hands.fill(page.get_by_label("Minutes for the way back"), "5")


def test_from_filed_to_approved_takes_two_people_twelve_movements_at_most(signed_in: Opens) -> None:
    hands = Hands()
    bo, ann = signed_in("bo@example.com"), signed_in("ann@example.com")
    hands.click(bo.get_by_role("link", name="File a change"))
    fill_in(bo, hands, title="Raise the pool of connections")
    expect(bo.get_by_role("region", name="What it needs")).to_contain_text("Ann Lee can approve it.")
    hands.click(bo.get_by_role("button", name="Submit for approval"))
    expect(bo.get_by_role("heading", name="Needs 1 more approval; Ann Lee can give it")).to_be_visible()
    ann.reload()
    hands.click(ann.get_by_role("link", name="Approve Raise the pool of connections"))
    hands.click(ann.get_by_role("button", name="Approve what it says"))
    expect(ann.get_by_role("heading", name="Approved by Ann Lee")).to_be_visible()
    assert hands.count <= MOST, hands.count


def test_the_risk_and_who_can_approve_follow_every_answer(signed_in: Opens) -> None:
    page = signed_in("bo@example.com")
    page.goto("/changes/new")
    needs = page.get_by_role("region", name="What it needs")
    expect(needs).to_contain_text("Choose its services to see who can approve it.")
    box(page, "checkout").check()
    expect(needs).to_contain_text("Low risk: 1 point")
    page.get_by_role("group", name="Is it irreversible?").get_by_text("Yes").click()
    expect(needs).to_contain_text("Medium risk: 4 points")
    page.get_by_role("group", name="Will customers meet downtime?").get_by_text("Yes").click()
    expect(needs).to_contain_text("Nobody could approve this")
    expect(needs).to_contain_text("2 people must approve, and only Ann Lee is left.")
    page.get_by_label(re.compile("^Window ends")).fill("2020-01-01T10:00")
    expect(page.get_by_role("region", name="The window")).to_contain_text("Choose when it begins and when it ends.")


def test_services_are_found_by_typing_and_what_is_ticked_stays_in_sight(signed_in: Opens) -> None:
    page = signed_in("bo@example.com")
    page.goto("/changes/new")
    box(page, "ledger").check()
    page.get_by_label("Find a service").fill("parc")
    expect(box(page, "parcels")).to_be_visible()
    expect(box(page, "ledger")).to_be_visible()
    expect(box(page, "checkout")).to_be_hidden()


def test_enter_in_a_field_files_nothing(decklog: Running, signed_in: Opens) -> None:
    page = signed_in("bo@example.com")
    page.goto("/changes/new?type=emergent")
    page.get_by_label("What is done").fill("Nothing was begun by Enter")
    page.get_by_label("What is done").press("Enter")
    expect(page.get_by_role("button", name="Begin now")).to_be_visible()
    expect(page.get_by_label("What is done")).to_have_value("Nothing was begun by Enter")
    assert decklog.ask("SELECT id FROM changes_change WHERE title = 'Nothing was begun by Enter'") == []


def test_without_javascript_a_change_is_checked_filed_and_an_emergency_begun(signed_in: Opens) -> None:
    page = signed_in("eli@example.com", java_script_enabled=False, viewport={"width": 375, "height": 800})
    page.goto("/changes/new")
    hands = Hands()
    fill_in(page, hands, title="Move the parcels", service="parcels")
    page.get_by_role("button", name="Check", exact=True).last.click()
    expect(page.get_by_role("region", name="What it needs")).to_contain_text("Dee Park can approve it.")
    page.get_by_role("button", name="Save as draft").click()
    expect(page.get_by_role("heading", name="A draft: nobody has been asked yet")).to_be_visible()
    page.goto("/changes/new")
    page.get_by_role("button", name=re.compile("^Emergent")).click()
    page.get_by_label("What is done").fill("Restart the parcel printer")
    box(page, "parcels").check()
    page.get_by_label("Why it cannot wait, or the incident").fill("INC-3")
    page.get_by_role("button", name="Begin now").click()
    expect(page.get_by_role("heading", name=re.compile("^An emergency, under way"))).to_be_visible()
    page.get_by_role("button", name="Finish it").click()
    expect(page.get_by_role("heading", name="Succeeded, and waits for a review")).to_be_visible()
