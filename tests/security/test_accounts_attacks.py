"""What attackers try on pages about people, teams and tokens."""

import io
import logging
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.actions import TokenTerms, create_token, deactivate_person, reactivate_person
from accounts.models import ApiToken, Team, User
from notifications.models import Message
from tests.factories import PASSWORD, Shop

pytestmark = pytest.mark.django_db

ELSEWHERE = ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "https:evil.example"]
SCRIPT = "<script>alert(1)</script>"
NEW = "another horse battery"


@pytest.fixture(autouse=True)
def _fresh_limits() -> None:
    cache.clear()


@pytest.fixture
def admin(shop: Shop) -> Client:
    """A browser in which the administrator is signed in."""
    browser = Client()
    browser.force_login(shop.admin)
    return browser


def sign_in(browser: Client, email: str, password: str = PASSWORD, **extra: Any) -> Any:
    return browser.post("/accounts/login/", {"login": email, "password": password}, **extra)


# --- More fields than a form has ------------------------------------------------------------------------------------


def test_fields_that_a_form_does_not_have_change_nothing(ann: Client, admin: Client, shop: Shop) -> None:
    more = {
        "email": "x@example.com",
        "password": "x",
        "is_active": "",
        "id": "1",
        "pk": "1",
        "created_at": "2020-01-01",
    }
    before = User.objects.filter(pk=shop.bo.pk).values().get()
    admin.post(f"/settings/people/{shop.bo.pk}", {"name": "Bo Okafor", "time_zone": "", **more})
    assert User.objects.filter(pk=shop.bo.pk).values().get() == before

    admin.post(
        "/settings/teams/payments/edit", {"name": "Payments", "summary_hour": "9", "slug": "mine", "people": "1"}
    )
    assert {*Team.objects.values_list("slug", flat=True)} == {"payments", "delivery"}

    stolen = {"owner": shop.admin.pk, "digest": "0" * 64, "public_id": "known", "requests_per_minute": "0"}
    ann.post("/settings/tokens/new", {"name": "CI", "scopes": ["read"], "days": "30", **stolen})
    token = ApiToken.objects.get()
    assert (token.owner, token.requests_per_minute) == (shop.ann, 6000)
    assert token.public_id != "known"


# --- People who were shut out ---------------------------------------------------------------------------------------


def test_who_was_shut_out_finds_every_door_closed(shop: Shop, client: Client, tmp_path: Path) -> None:
    sign_in(client, "bo@example.com")
    _, text = create_token(shop.bo, TokenTerms("CI", ["read", "deploy"]))
    deactivate_person(shop.bo, by=None)
    file = tmp_path / "organisation.yaml"
    file.write_text(f"people: [{{email: bo@example.com, name: Bo Okafor, password: {PASSWORD}}}]")
    call_command("apply_organisation", str(file))

    assert client.get("/settings/profile").status_code == 302
    assert client.get("/api/v1/services").status_code == 401
    assert Client().get("/api/v1/services", HTTP_AUTHORIZATION=f"Bearer {text}").status_code == 401
    again = Client()
    sign_in(again, "bo@example.com")
    assert again.get("/settings/profile").status_code == 302

    reactivate_person(User.objects.get(pk=shop.bo.pk), by=None)
    assert client.get("/settings/profile").status_code == 302
    sign_in(again, "bo@example.com")
    assert again.get("/settings/profile").status_code == 302


# --- Addresses that lead away ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ELSEWHERE)
def test_no_page_about_oneself_leads_to_another_site(shop: Shop, client: Client, target: str) -> None:
    answers = [
        sign_in(client, "ann@example.com", next=target),
        client.get("/accounts/login/", {"next": target}),
        client.post("/theme", {"theme": "dark", "next": target}),
        client.post(
            "/accounts/password/change/", {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW, "next": target}
        ),
        client.post("/accounts/password/reset/", {"email": "ann@example.com", "next": target}),
        client.post("/accounts/logout/", {"next": target}),
        client.post("/accounts/login/", {"login": "ann@example.com", "password": NEW, "next": target}),
        client.post("/settings/profile", {"name": "Ann"}, HTTP_REFERER=target),
    ]

    assert all(answer.status_code == 302 for answer in answers)
    assert not [
        answer.headers["Location"] for answer in answers if "evil" in answer.headers["Location"].partition("?")[0]
    ]
    assert all(re.match(r"/(?![/\\])", answer.headers["Location"]) for answer in answers)


# --- Forms from other sites -----------------------------------------------------------------------------------------


def addresses(resolver: URLResolver, prefix: str = "/") -> Iterator[str]:
    """One address for each pattern, filled in with what the shop has or with anything that fits."""
    for each in resolver.url_patterns:
        path = prefix + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from addresses(each, path)
        elif isinstance(each, URLPattern):
            filled = re.sub(r"<int:\w+>", "1", re.sub(r"<(?:slug|str):\w+>", "payments", path))
            filled = re.sub(r"<uuid:\w+>", str(uuid.UUID(int=1)), filled)
            filled = re.sub(r"\(\?P<\w+>(\w+)\|[^)]*\)", r"\1", filled)
            yield re.sub(r"[\^$?\\]", "", re.sub(r"\(\?P<\w+>[^)]*\)", "x", filled))


PAGES = sorted({path for path in addresses(get_resolver("config.urls")) if not path.startswith("/api/v1/")})


def test_there_are_forms_to_try() -> None:
    assert {"/settings/profile", "/accounts/login/", "/settings/people/1/deactivate", "/theme", "/welcome"} <= {*PAGES}


@pytest.mark.parametrize("page", PAGES)
def test_a_form_of_another_site_is_refused(shop: Shop, page: str) -> None:
    victim = Client(enforce_csrf_checks=True)
    victim.force_login(shop.admin)

    assert victim.post(page, {"name": "x"}).status_code in {401, 403, 405}


def test_a_request_of_another_site_to_the_api_is_refused(shop: Shop) -> None:
    victim = Client(enforce_csrf_checks=True)
    victim.force_login(shop.admin)

    assert victim.post("/api/v1/deployments", "{}", content_type="application/json").status_code == 403


# --- Secrets in the log ---------------------------------------------------------------------------------------------


def test_no_secret_reaches_the_log(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    written = io.StringIO()
    root = logging.getLogger()
    like = next(each for each in root.handlers if type(each.formatter).__name__ == "ProcessorFormatter")
    listener = logging.StreamHandler(written)
    listener.setFormatter(like.formatter)
    root.addHandler(listener)
    level = root.level
    root.setLevel(logging.DEBUG)
    try:
        secrets = _use_secrets(Client(raise_request_exception=False))
    finally:
        root.setLevel(level)
        root.removeHandler(listener)

    printed = capsys.readouterr()
    log = written.getvalue() + printed.out + printed.err
    assert "/settings/tokens/new" in log
    assert [secret for secret in secrets if secret in log] == []


def _use_secrets(browser: Client) -> list[str]:
    """Sign in wrongly and rightly, ask for a link, follow it, make a token and use it; what must stay secret."""
    sign_in(browser, "ann@example.com", "wrong horse battery")
    browser.post("/accounts/password/reset/", {"email": "ann@example.com"})
    link = re.search(r"http://[^/]+(\S+/key/(\S+)/)", Message.objects.get().payload["text"])
    assert link
    form = browser.get(link[1], follow=True)
    browser.get(link[1].rstrip("/"))
    browser.post(form.request["PATH_INFO"], {"password1": NEW, "password2": NEW})
    sign_in(browser, "ann@example.com", NEW)
    page = browser.post("/settings/tokens/new", {"name": "CI", "scopes": ["read"], "days": "30"}).content.decode()
    token = re.search(r"dlk_[0-9A-Za-z]+_([0-9A-Za-z]+)", page)
    assert token
    browser.get("/api/v1/services", HTTP_AUTHORIZATION=f"Bearer {token[0]}")
    browser.get("/api/v1/services", HTTP_AUTHORIZATION=f"Bearer {token[0]}x")
    session = browser.cookies["decklog_session"].value
    return ["wrong horse battery", NEW, link[2].partition("-")[2], token[1], session]


# --- Names ----------------------------------------------------------------------------------------------------------


def test_a_name_that_is_html_is_only_shown(admin: Client, shop: Shop) -> None:
    User.objects.filter(pk=shop.admin.pk).update(name=SCRIPT)
    Team.objects.update(name=SCRIPT)
    ApiToken.objects.create(public_id="abc", digest="0", owner=shop.admin, name=SCRIPT, scopes=["read"])

    pages = [
        "/",
        "/settings/people",
        f"/settings/people/{shop.admin.pk}",
        "/settings/teams",
        "/settings/teams/payments",
    ]
    for address in [*pages, "/settings/tokens", f"/settings/tokens/{ApiToken.objects.get().pk}/revoke", "/delivery"]:
        page = admin.get(address).content.decode()
        assert "&lt;script&gt;alert(1)" in page or address == "/delivery"
        assert SCRIPT not in page


def test_a_name_cannot_add_lines_or_headers_to_a_mail(admin: Client, shop: Shop) -> None:
    bad = "Ada\r\nBcc: eve@example.com\r\n\r\nSign in at http://evil.example"
    admin.post("/settings/profile", {"name": bad, "time_zone": ""})
    admin.post("/settings/people/new", {"email": "di@example.com", "name": bad, "time_zone": ""})

    assert not User.objects.filter(name__contains="\n").exists()
    text = Message.objects.get(recipient="di@example.com").payload["text"]
    assert not [line for line in text.splitlines() if line.startswith(("Bcc", "Sign in at http://evil"))]


@pytest.mark.parametrize("name", ["Ada \u202eniM", "\u2066Ada", "Ada\x07Min"])
def test_a_name_that_looks_like_another_is_refused_beside_the_field(ann: Client, shop: Shop, name: str) -> None:
    page = ann.post("/settings/profile", {"name": name, "time_zone": ""}).content.decode()

    assert "It has a character that cannot be seen." in page
    assert User.objects.get(pk=shop.ann.pk).name == "Ann Lee"


# --- Headers that only a proxy may write ----------------------------------------------------------------------------


FORGED = {
    "HTTP_X_FORWARDED_HOST": "evil.example",
    "HTTP_X_FORWARDED_PROTO": "https",
    "HTTP_X_FORWARDED_PORT": "8443",
    "HTTP_FORWARDED": "for=127.0.0.1;host=evil.example;proto=https",
    "HTTP_X_REAL_IP": "127.0.0.1",
}


def test_without_a_trusted_proxy_nobody_is_believed_to_be_somewhere_else(shop: Shop, client: Client) -> None:
    answer = client.get("/changes", **FORGED)  # type: ignore[arg-type]  # headers

    assert answer.headers["Location"] == "/accounts/login/?next=/changes"
    assert not answer.wsgi_request.is_secure()
    assert answer.wsgi_request.get_host() == "testserver"
    assert client.get("/metrics", REMOTE_ADDR="203.0.113.9", HTTP_X_FORWARDED_FOR="127.0.0.1").status_code == 401


@pytest.mark.parametrize("trusted", [0, 1, 2])
@pytest.mark.parametrize("line", ["", "203.0.113.7", "rubbish", ",,", "203.0.113.7, 198.51.100.1, 10.0.0.1"])
def test_signing_in_works_whatever_the_proxies_wrote(shop: Shop, settings: Any, trusted: int, line: str) -> None:
    settings.TRUSTED_PROXIES = trusted
    browser = Client()

    sign_in(browser, "ann@example.com", HTTP_X_FORWARDED_FOR=line)

    assert browser.get("/settings/profile").status_code == 200


@pytest.mark.parametrize(("trusted", "forges"), [(0, "{}"), (1, "{}, 198.51.100.1"), (2, "{}, 198.51.100.1, 10.0.0.1")])
def test_a_forged_address_does_not_get_around_the_limits(shop: Shop, settings: Any, trusted: int, forges: str) -> None:
    settings.TRUSTED_PROXIES = trusted
    asked = [
        sign_in(Client(), f"nobody{n}@example.com", HTTP_X_FORWARDED_FOR=forges.format(f"203.0.113.{n}"))
        for n in range(30)
    ]

    assert sum(b"do not belong together" in answer.content for answer in asked) <= 10


def test_limits_are_not_forgotten_because_many_strangers_try(shop: Shop, settings: Any) -> None:
    for n in range(6):
        sign_in(Client(), "ann@example.com", f"guess {n}")
    for n in range(1000):
        cache.set(f"allauth:rl:somebody:{n}", [1.0], 3600)

    late = Client()
    sign_in(late, "ann@example.com")
    assert late.get("/settings/profile").status_code == 302


def test_no_script_reads_a_cookie_that_says_who_somebody_is(shop: Shop, client: Client) -> None:
    sign_in(client, "ann@example.com")

    cookies = {name: client.cookies[name] for name in ("decklog_session", "decklog_known")}
    assert all(cookie["httponly"] and cookie["samesite"] == "Lax" for cookie in cookies.values())
