"""Requests that no browser and no pipeline would send: an answer that is no fault of ours, and nothing left behind."""

import io
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_started
from django.db import close_old_connections
from django.test import Client
from prometheus_client import REGISTRY, generate_latest

from accounts.models import User
from tests.factories import Shop
from workflow.charsets import OnlyUtf8

CSRF = "x" * 32
CHARSETS = ("undefined", "utf-7", "unicode_escape", "raw_unicode_escape", "idna", "punycode", "rot13", "hex", "zlib")
ODD_TYPES = (
    *(f'application/json;x=1; CharSet = "{charset}" ;y=2' for charset in CHARSETS),
    "text/html; charset=zlib",
    "text/html; charset*=utf-8''undefined",
    "text/html; x*=nothing''%41",
    "text/html; x*0*=undefined''%41; x*1*=%42",
    "multipart/form-data; boundary=X; charset=zlib",
    "; charset=zlib; charset=idna",
    ";;;",
    "text/html; charset",
    'text/html; charset="',
)
"""Content types whose charset Python would follow into codecs that are none, or that fail."""
ODD_TEXTS = ("%5Cud800", "%2B2AA-", "%ff")
RESET = "/accounts/password/reset/key/1-d2xyz-SECRET"


@pytest.fixture
def visitor(shop: Shop) -> Client:
    """Ann in a browser; an error is a 500, as people would see it."""
    client = Client(raise_request_exception=False)
    client.force_login(shop.ann)
    return client


def over_wsgi(visitor: Client, method: str, path: str, *, kind: str, query: str = "", body: bytes = b"") -> int:
    """The status that the web server gets to see; Django's own client comes in behind it."""
    cookies = {**{name: morsel.value for name, morsel in visitor.cookies.items()}, "decklog_csrf": CSRF}
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "CONTENT_TYPE": kind,
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_COOKIE": "; ".join(f"{name}={value}" for name, value in cookies.items()),
        "HTTP_HOST": "127.0.0.1",
        "HTTP_X_CSRFTOKEN": CSRF,
        "wsgi.input": io.BytesIO(body),
    }
    setup_testing_defaults(environ)
    said: list[str] = []
    # As Django's client does: the connection belongs to the test.
    request_started.disconnect(close_old_connections)
    try:
        b"".join(OnlyUtf8(WSGIHandler())(environ, lambda status, headers: said.append(status)))
    finally:
        request_started.connect(close_old_connections)
    return int(said[0][:3])


def form(*, part: str = "", **texts: str) -> bytes:
    """A multipart body whose boundary is X; `part` goes behind each part's name."""
    parts = (f'--X\r\nContent-Disposition: form-data; name="{n}"{part}\r\n\r\n{t}\r\n' for n, t in texts.items())
    return f"{''.join(parts)}--X--\r\n".encode()


@pytest.mark.parametrize("address", ["/changes", "/pipelines/new", "/accounts/login/", "/api/v1/changes"])
def test_a_charset_that_the_caller_names_is_not_tried_on_the_address(visitor: Client, address: str) -> None:
    query = "&".join(f"{name}={text}" for name in ("q", "service", "slug", "next") for text in ODD_TEXTS)
    answers = {kind: over_wsgi(visitor, "GET", address, query=query, kind=kind) for kind in ODD_TYPES}
    assert {kind: status for kind, status in answers.items() if status >= 500} == {}


@pytest.mark.parametrize("part", ["", "; x*=undefined''%41"])
def test_a_charset_that_the_caller_names_is_not_tried_on_a_form(visitor: Client, shop: Shop, part: str) -> None:
    for charset in CHARSETS:
        kind = f"multipart/form-data; boundary=X; charset={charset}"
        for text in ("\\ud800", "+2AA-"):
            body = form(part=part, name=text, time_zone="")
            assert over_wsgi(visitor, "POST", "/settings/profile", kind=kind, body=body) < 500, kind
    assert User.objects.get(pk=shop.ann.pk).name.isprintable()
    assert visitor.get("/settings/people").status_code == 200


def test_a_form_in_a_charset_keeps_its_boundary_and_its_letters(visitor: Client, shop: Shop) -> None:
    kind = 'multipart/form-data; charset=utf-8; boundary="a;b"'
    body = form(name="Ann Löw", time_zone="").replace(b"--X", b"--a;b")
    assert over_wsgi(visitor, "POST", "/settings/profile", kind=kind, body=body) == 302
    assert User.objects.get(pk=shop.ann.pk).name == "Ann Löw"


def test_the_page_about_the_api_is_a_page_also_for_those_who_bring_a_token(visitor: Client, db: None) -> None:
    header = {"Authorization": "Bearer anything"}
    assert visitor.get("/api/docs", headers=header).status_code == 200
    assert Client(raise_request_exception=False).get("/api/docs", headers=header).status_code == 302


def test_a_form_that_is_filled_in_from_the_address_takes_any_address(visitor: Client) -> None:
    for slug in ("%00", "a%00b", "x" * 5000, "%ed%a0%80", "%F0%9F%92%A9"):
        assert visitor.get(f"/pipelines/new?slug={slug}").status_code == 200, slug


def test_a_nul_in_a_choice_is_a_wrong_choice(visitor: Client) -> None:
    typed = {"slug": "new-one", "services": "checkout", "environments": "uat", "requires": "tests", "token": ""}
    answers = {name: visitor.post("/pipelines/new", {**typed, name: "a\x00b"}).status_code for name in [*typed, "name"]}
    assert set(answers.values()) == {200}, answers


def test_invented_methods_do_not_fill_the_memory_with_numbers(visitor: Client) -> None:
    for number in range(3):
        visitor.generic(f"INVENTED{number}", "/healthz")
    numbers = generate_latest(REGISTRY).decode()
    assert "INVENTED" not in numbers
    assert 'method="other"' in numbers


@pytest.mark.parametrize("address", [f"{RESET}/", RESET, f"/{RESET}/"])
@pytest.mark.parametrize("host", ["127.0.0.1", "another.example"])
def test_a_link_that_sets_a_password_is_never_logged_however_it_is_opened(
    visitor: Client, monkeypatch: pytest.MonkeyPatch, address: str, host: str
) -> None:
    said: list[Any] = []
    monkeypatch.setattr("workflow.middleware.log_line", lambda *_, **facts: said.append(facts))
    visitor.get(address, headers={"Host": host})
    assert "password/reset/key" in said[0]["path"]
    assert "SECRET" not in str(said)
