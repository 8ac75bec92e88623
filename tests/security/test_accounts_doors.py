"""Ways in that an attacker tried: other addresses of allauth, links to set a password, forms of strangers."""

import re
from typing import Any

import pytest
from allauth.account import urls as everything_of_allauth
from allauth.account.models import EmailAddress
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.test import Client
from django.urls import NoReverseMatch, reverse

from accounts.actions import deactivate_person
from accounts.models import User
from notifications.models import Message
from tests.factories import PASSWORD, Shop

pytestmark = pytest.mark.django_db

USED = {
    "account_login",
    "account_logout",
    "account_inactive",
    "account_change_password",
    "account_reset_password",
    "account_reset_password_done",
    "account_reset_password_from_key",
    "account_reset_password_from_key_done",
}
LONG = "line of a plan\n" * 500


@pytest.fixture(autouse=True)
def _fresh_limits() -> None:
    cache.clear()


def sign_in(browser: Client, email: str) -> Any:
    return browser.post("/accounts/login/", {"login": email, "password": PASSWORD})


# --- Addresses ------------------------------------------------------------------------------------------------------


def unused_addresses() -> list[str]:
    """The addresses that allauth would have under /accounts/, were it included whole."""
    fill = {"key": "abc"}
    patterns = [url for url in everything_of_allauth.urlpatterns if url.name not in USED | {"account_set_password"}]
    return [
        re.sub(r"[\^$]", "", re.sub(r"\(\?P<(\w+)>[^)]*\)", lambda name: fill[name[1]], str(each.pattern)))
        for each in patterns
    ]


def test_allauth_has_addresses_that_are_not_used() -> None:
    assert {"email/", "signup/", "confirm-email/abc/", "reauthenticate/"} <= {*unused_addresses()}


@pytest.mark.parametrize("address", [*unused_addresses(), "", "3rdparty/", "phone/change/"])
def test_what_is_not_needed_for_signing_in_does_not_exist(ann: Client, shop: Shop, address: str) -> None:
    typed = {"email": "boss@example.com", "password1": PASSWORD, "action_add": "", "action_primary": ""}
    for browser in (ann, Client()):
        assert browser.get(f"/accounts/{address}").status_code == 404
        assert browser.post(f"/accounts/{address}", typed).status_code == 404
    assert User.objects.get(pk=shop.ann.pk).email == "ann@example.com"
    assert not EmailAddress.objects.exists()


@pytest.mark.parametrize("name", sorted(USED - {"account_reset_password_from_key"}))
def test_what_is_needed_for_signing_in_answers(ann: Client, name: str) -> None:
    assert ann.get(reverse(name)).status_code in {200, 302}


def test_no_name_of_an_address_is_left_that_could_not_be_resolved(ann: Client, shop: Shop) -> None:
    with pytest.raises(NoReverseMatch):
        reverse("account_signup")
    shop.ann.set_unusable_password()
    shop.ann.save()
    ann.force_login(shop.ann)
    assert ann.get("/accounts/password/change/", follow=True).redirect_chain[-1][0] == "/accounts/password/reset/"
    assert ann.post("/accounts/password/set/", {"password1": PASSWORD, "password2": PASSWORD}).status_code == 302
    assert not User.objects.get(pk=shop.ann.pk).has_usable_password()


@pytest.mark.django_db(transaction=True)
def test_addresses_that_people_gave_themselves_are_forgotten_at_the_upgrade() -> None:
    executor = MigrationExecutor(connection)
    forget = executor.loader.get_migration("accounts", "0002_one_address_for_each_person").operations[0]
    ann = User.objects.create(email="ann@example.com", name="Ann")
    EmailAddress.objects.create(user=ann, email="boss@example.com", verified=False, primary=True)
    assert sign_in(Client(), "boss@example.com").status_code == 200

    apps = executor.loader.project_state(("accounts", "0002_one_address_for_each_person")).apps
    forget.code(apps, None)  # type: ignore[attr-defined]  # a RunPython

    assert not EmailAddress.objects.exists()
    assert User.objects.get().email == "ann@example.com"


# --- Links to set a password ----------------------------------------------------------------------------------------


def ask(email: str, **headers: Any) -> Any:
    return Client().post("/accounts/password/reset/", {"email": email}, **headers)


def test_the_link_leads_to_this_installation_whatever_the_request_claims(shop: Shop, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    settings.BASE_URL = "https://decklog.example.com"
    ask("ann@example.com", HTTP_HOST="evil.example:8443", HTTP_X_FORWARDED_HOST="evil.example")

    text = Message.objects.get().payload["text"]
    assert re.findall(r"https?://\S+", text)
    assert all(link.startswith("https://decklog.example.com/accounts/") for link in re.findall(r"https?://\S+", text))
    assert "evil" not in text


def test_whoever_asks_for_a_link_learns_nothing_about_who_has_an_account(shop: Shop) -> None:
    deactivate_person(shop.bo, by=None)

    answers = {
        (answer.status_code, answer.headers["Location"])
        for answer in map(ask, ("ann@example.com", "bo@example.com", "nobody@example.com"))
    }

    assert answers == {(302, "/accounts/password/reset/done/")}
    links = {mail.recipient: "reset/key" in mail.payload["text"] for mail in Message.objects.all()}
    assert links == {"ann@example.com": True, "bo@example.com": False, "nobody@example.com": False}


@pytest.mark.parametrize(
    "email",
    [
        "",
        "no address",
        "a" * 250 + "@example.com",
        "ann@example.com\r\nBcc: x@example.com",
        "ann\x00@example.com",
        "ı@ı.ıı",
    ],
)
def test_strange_addresses_get_an_answer_and_no_link(shop: Shop, email: str) -> None:
    answer = ask(email)

    assert answer.status_code in {200, 302}
    assert not any("reset/key" in mail.payload["text"] for mail in Message.objects.all())


def test_the_link_goes_to_the_account_not_to_a_spelling_that_looks_the_same(shop: Shop) -> None:
    ask("ANN@Example.com")
    ask("ann@example.com".replace("e", "ｅ"))

    assert {m.recipient for m in Message.objects.all() if "reset/key" in m.payload["text"]} == {"ann@example.com"}


def test_a_link_from_before_somebody_was_shut_out_opens_nothing(shop: Shop) -> None:
    ask("bo@example.com")
    link = re.search(r"http://[^/]+(/\S+)", Message.objects.get().payload["text"])
    assert link
    deactivate_person(shop.bo, by=None)

    page = Client().get(link[1], follow=True)

    assert "This link does not work any more" in page.content.decode()


# --- Forms that arrive without a session ----------------------------------------------------------------------------


def type_plan(browser: Client) -> Any:
    return browser.post("/settings/tokens/new", {"name": LONG, "password": "hunter2"})


def test_strangers_leave_nothing_behind(shop: Shop) -> None:
    for browser in (Client(), Client(), Client()):
        browser.cookies["decklog_session"] = "x" * 32
        browser.cookies["decklog_known"] = f"{shop.ann.pk}:1sXyZ1:forged"
        answer = type_plan(browser)
        assert (answer.status_code, answer.headers["Location"]) == (302, "/accounts/login/?next=/settings/tokens/new")
    assert not Session.objects.exists()


def test_what_somebody_typed_comes_back_to_them(shop: Shop) -> None:
    browser = Client()
    sign_in(browser, "ann@example.com")
    del browser.cookies["decklog_session"]
    type_plan(browser)
    assert not any("hunter2" in str(session.get_decoded()) for session in Session.objects.all())
    sign_in(browser, "ann@example.com")

    page = browser.get("/settings/tokens/new").content.decode()

    assert "Your session had ended." in page
    assert "line of a plan" in page


def test_what_somebody_typed_is_not_shown_to_who_signs_in_next(shop: Shop) -> None:
    browser = Client()
    sign_in(browser, "ann@example.com")
    del browser.cookies["decklog_session"]
    type_plan(browser)
    sign_in(browser, "bo@example.com")

    assert "line of a plan" not in browser.get("/settings/tokens/new").content.decode()


def test_having_been_signed_in_once_lets_nobody_in(shop: Shop) -> None:
    browser = Client()
    sign_in(browser, "ann@example.com")
    mark = browser.cookies["decklog_known"]
    assert mark["httponly"]
    del browser.cookies["decklog_session"]

    assert browser.get("/settings/profile").status_code == 302
