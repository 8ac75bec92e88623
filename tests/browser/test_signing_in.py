"""Getting in, getting in again after forgetting, and getting out."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Opens, sign_in
from tests.browser.running import Running
from tests.factories import deployment
from tests.mail_server import plain_text

pytestmark = pytest.mark.browser


def _try(page: Page, email: str, password: str) -> None:
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_a_wrong_password_is_said_the_email_stays_and_too_many_of_them_have_to_wait(
    decklog: Running, open_page: Opens
) -> None:
    page = open_page(decklog.url, expected="429")
    page.goto("/pipelines")
    for _ in range(5):
        _try(page, "eli@example.com", "wrong")
        expect(page.get_by_role("alert")).to_contain_text("do not belong together")
        expect(page.get_by_label("E-mail")).to_have_value("eli@example.com")
        expect(page.get_by_label("Password")).to_have_value("")
    _try(page, "eli@example.com", "correct horse battery")
    expect(page.get_by_role("alert")).to_contain_text("Too many attempts. Wait 5 minutes")
    expect(page.get_by_label("E-mail")).to_have_value("eli@example.com")


def test_a_forgotten_password_is_replaced_through_a_mailed_link_that_works_once(
    decklog: Running, open_page: Opens
) -> None:
    page = open_page(decklog.url)
    page.goto("/")
    page.get_by_role("link", name=re.compile("[Ff]orgot")).click()
    page.get_by_label("E-mail").fill("gus@example.com")
    page.get_by_role("button", name="Send me the link").click()
    expect(page.get_by_role("heading", name="Look into your mail")).to_be_visible()
    mail = decklog.mail_to("gus@example.com", about="Choose a new password")
    link = re.search(r"http://\S+", plain_text(mail))
    assert link
    page.goto(link[0])
    page.get_by_label("New password").fill("short")
    page.get_by_role("button", name="Keep this password").click()
    expect(page.get_by_label("New password")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("New password").fill("quiet harbour lamp")
    page.get_by_label("The same again").fill("quiet harbour lamp")
    page.get_by_role("button", name="Keep this password").click()
    expect(page.get_by_role("heading", name="Your password is changed")).to_be_visible()
    sign_in(open_page(decklog.url), "gus@example.com", "quiet harbour lamp")
    again = open_page(decklog.url)
    again.goto(link[0])
    expect(again.get_by_role("heading", name="This link does not work any more")).to_be_visible()


def test_who_signs_out_is_out(decklog: Running, open_page: Opens) -> None:
    page = open_page(decklog.url)
    sign_in(page, "bo@example.com")
    thief = open_page(decklog.url, storage_state=page.context.storage_state())
    page.get_by_text("Bo Okafor").first.click()
    page.get_by_role("button", name="Sign out").or_(page.get_by_role("link", name="Sign out")).first.click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    thief.goto("/changes")
    expect(thief.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_session_that_ends_while_somebody_types_loses_nothing(signed_in: Opens) -> None:
    page = signed_in("bo@example.com")
    page.goto("/settings/tokens/new")
    page.get_by_label("Name").fill("night build")
    page.get_by_role("checkbox", name=re.compile("^changes")).check()
    page.context.clear_cookies(name="decklog_session")
    page.get_by_role("button", name="Make the token").click()
    _try(page, "bo@example.com", "correct horse battery")
    expect(page.get_by_role("heading", name="Make a token")).to_be_visible()
    expect(page.get_by_label("Name")).to_have_value("night build")
    expect(page.get_by_role("checkbox", name=re.compile("^changes"))).to_be_checked()
    page.get_by_role("button", name="Make the token").click()
    expect(page.get_by_role("heading", name="Copy the token night build now")).to_be_visible()


def test_proof_typed_before_the_session_ended_comes_back_with_its_page(
    decklog: Running, signed_in: Opens, tokens: dict[str, str]
) -> None:
    body = deployment(pipeline="parcels-deploy", service="parcels", run_id="interrupted", evidence=None)
    ref = decklog.post(body, token=tokens["ci"])["ref"]
    page = signed_in("dee@example.com")
    page.goto(f"/changes/{ref}")
    page.get_by_label("Tests passed").fill("77")
    page.context.clear_cookies(name="decklog_session")
    page.get_by_role("button", name="Supply this proof").click()
    _try(page, "dee@example.com", "correct horse battery")
    expect(page).to_have_url(re.compile(f"/changes/{ref}$"))
    expect(page.get_by_label("Tests passed")).to_have_value("77")


def test_a_live_list_asks_to_sign_in_when_the_session_has_ended(signed_in: Opens) -> None:
    page = signed_in("bo@example.com")
    page.goto("/changes?q=nothing-like-this")
    page.context.clear_cookies(name="decklog_session")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page).to_have_url(re.compile(r"next=.*q%3Dnothing-like-this"))
