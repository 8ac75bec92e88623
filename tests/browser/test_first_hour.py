"""From an empty installation to the first deploy."""

import subprocess
import time

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Opens
from tests.browser.running import Running
from tests.factories import PASSWORD

pytestmark = pytest.mark.browser


def test_an_empty_installation_leads_to_its_first_deploy(untouched: Running, open_page: Opens) -> None:
    page = open_page(untouched.url)
    _become_the_first_administrator(page)
    expect(page.get_by_text("No deploy has arrived yet")).to_be_visible()
    _say_what_is_deployed_where(page)
    command = _make_a_token(page)
    watching = page.context.new_page()
    watching.goto("/changes")
    expect(watching.get_by_text("No deploy has arrived yet")).to_be_visible()
    _run_in_a_shell(command)
    taken_at = time.monotonic()
    row = watching.get_by_role("link", name="checkout to production")
    expect(row).to_be_visible()
    # It looks once a second; the rest is for a busy machine.
    assert time.monotonic() - taken_at < 2
    row.click()
    decision = watching.get_by_role("region", name="Decision")
    expect(decision).to_contain_text("Unproven: nobody has registered this pipeline")
    decision.get_by_role("link", name="See what checkout-deploy needs").click()
    expect(watching.get_by_role("link", name="Register it")).to_be_visible()


def _become_the_first_administrator(page: Page) -> None:
    page.goto("/changes")
    expect(page).to_have_url("/welcome")
    page.get_by_label("E-mail").fill("fay@example.com")
    page.get_by_label("Name").fill("Fay Founder")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Make the account").click()
    expect(page.get_by_role("status").first).to_contain_text("Your account is made")
    page.get_by_label("E-mail").fill("fay@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Now", exact=True)).to_be_visible()


def _say_what_is_deployed_where(page: Page) -> None:
    page.get_by_role("link", name="environments").click()
    _add(page, "an environment", name="Production", slug="production")
    page.get_by_role("link", name="Teams").click()
    _add(page, "a team", name="Payments", slug="payments")
    page.get_by_role("link", name="Settings").first.click()
    page.get_by_role("link", name="Services").click()
    page.get_by_role("link", name="Add a service").first.click()
    page.get_by_label("Name").fill("Checkout")
    page.get_by_label("Slug").fill("checkout")
    page.get_by_label("Owned by").select_option("Payments")
    page.get_by_role("button", name="Add the service").click()
    expect(page.get_by_role("status").first).to_contain_text("Checkout is there")


def _add(page: Page, what: str, *, name: str, slug: str) -> None:
    page.get_by_role("link", name=f"Add {what}").first.click()
    page.get_by_label("Name").fill(name)
    page.get_by_label("Slug").fill(slug)
    page.get_by_role("button", name="Add the ").click()
    expect(page.get_by_role("status").first).to_contain_text(name)


def _make_a_token(page: Page) -> str:
    """Make one on the page that Now leads to, and return the command that is shown."""
    page.goto("/")
    page.get_by_role("link", name="Make a token").click()
    page.get_by_label("Name").fill("my laptop")
    page.get_by_role("button", name="Make the token").click()
    expect(page.get_by_role("heading", name="Copy the token my laptop now")).to_be_visible()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy the command").click()
    expect(page.get_by_text("Copied.")).to_be_visible()
    return str(page.evaluate("navigator.clipboard.readText()"))


def _run_in_a_shell(command: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f"{command} --noproxy '*'"], capture_output=True, text=True, timeout=20, check=False
    )
    assert '"ref":"CHG-1"' in done.stdout, done.stdout + done.stderr
