"""The first administrator, signing in, and the safety of sessions."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import connection, connections
from django.test import Client
from django.utils import timezone

from accounts import actions
from accounts.actions import Person
from accounts.models import User
from accounts.tasks import forget_ended_sessions
from notifications.models import Message
from tests.factories import Shop
from workflow.errors import Conflict, Missing, RuleViolation

PASSWORD = "correct horse battery"
FOUNDER = {"email": "ada@example.com", "name": "Ada", "password": "a horse of course"}


def sign_in(client: Client, email: str, password: str = PASSWORD, **extra: Any) -> Any:
    return client.post("/accounts/login/", {"login": email, "password": password}, **extra)


def is_signed_in(client: Client) -> bool:
    return client.get("/settings/profile").status_code == 200


# --- The first administrator ----------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/", "/changes", "/settings/tokens", "/accounts/login/", "/nowhere"])
def test_a_new_installation_leads_every_page_to_the_first_account(client: Client, address: str) -> None:
    answer = client.get(address)

    assert (answer.status_code, answer.headers["Location"]) == (302, "/welcome")


@pytest.mark.django_db
def test_the_first_account_administers_and_then_the_door_is_gone(client: Client) -> None:
    assert client.get("/welcome").status_code == 200
    client.post("/welcome", FOUNDER)

    assert User.objects.get().is_admin
    sign_in(client, "ada@example.com", FOUNDER["password"])
    assert is_signed_in(client)
    assert client.get("/welcome").status_code == 404
    assert client.post("/welcome", {**FOUNDER, "email": "eve@example.com"}).status_code == 404
    assert User.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("password", ["short", "password123", "ada@example.com", ""])
def test_a_weak_first_password_is_refused_beside_the_field(client: Client, password: str) -> None:
    page = client.post("/welcome", {**FOUNDER, "password": password}).content.decode()

    assert "invalid-feedback" in page
    assert 'value="ada@example.com"' in page
    assert not User.objects.exists()


def race(*deeds: Callable[[], object]) -> list[RuleViolation | None]:
    """Do all of it at the same moment, each in a thread of its own; say what was refused."""
    start = threading.Barrier(len(deeds))
    refused: list[RuleViolation | None] = [None] * len(deeds)

    def run(place: int, deed: Callable[[], object]) -> None:
        start.wait()
        try:
            deed()
        except RuleViolation as refusal:
            refused[place] = refusal
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(deeds)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return refused


@pytest.mark.django_db(transaction=True)
def test_of_two_who_want_to_be_first_one_is() -> None:
    if connection.vendor == "sqlite" and connection.is_in_memory_db():  # type: ignore[attr-defined]  # SQLite's own
        pytest.skip("a database in memory has one connection, so nobody can race")

    def found(email: str) -> Callable[[], object]:
        return lambda: actions.found_installation(Person(email, "First"), password="a horse of course")

    refused = race(*(found(f"{number}@example.com") for number in range(4)))

    assert User.objects.count() == 1
    assert sum(isinstance(refusal, Missing) for refusal in refused) == 3


@pytest.mark.django_db(transaction=True)
def test_of_two_last_administrators_who_leave_at_once_one_stays() -> None:
    if connection.vendor == "sqlite" and connection.is_in_memory_db():  # type: ignore[attr-defined]  # SQLite's own
        pytest.skip("a database in memory has one connection, so nobody can race")
    pair = [actions.add_person(Person(f"{name}@example.com", name, is_admin=True), by=None) for name in "ab"]

    def leave(person: User) -> Callable[[], object]:
        return lambda: actions.deactivate_person(person, by=None)

    refused = race(*(leave(person) for person in pair))

    assert User.objects.filter(is_active=True, is_admin=True).count() == 1
    assert sum(isinstance(refusal, Conflict) and refusal.code == "last_admin" for refusal in refused) == 1


# --- Signing in -----------------------------------------------------------------------------------------------------


@pytest.fixture
def _fresh_limits(db: None) -> None:
    cache.clear()


@pytest.mark.usefixtures("_fresh_limits")
def test_people_sign_in_with_their_e_mail_in_any_case(shop: Shop, client: Client) -> None:
    sign_in(client, "ANN@Example.com")

    assert is_signed_in(client)


@pytest.mark.usefixtures("_fresh_limits")
def test_guessing_stops_after_a_few_tries_also_from_many_addresses(shop: Shop) -> None:
    tries = [
        sign_in(Client(), "ann@example.com", f"guess {number}", HTTP_X_FORWARDED_FOR=f"203.0.113.{number}")
        for number in range(100)
    ]

    asked = [answer for answer in tries if answer.status_code == 200 and b"not correct" in answer.content]
    assert len(asked) <= 10
    late = Client()
    sign_in(late, "ann@example.com")
    assert not is_signed_in(late)


@pytest.mark.usefixtures("_fresh_limits")
def test_the_limits_do_not_depend_on_what_one_process_remembers(shop: Shop) -> None:
    for number in range(12):
        sign_in(Client(), "ann@example.com", f"guess {number}")

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM decklog_cache")
        assert cursor.fetchone()[0] > 0


@pytest.mark.usefixtures("_fresh_limits")
def test_an_unknown_person_and_a_wrong_password_look_and_cost_the_same(
    shop: Shop, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
    actions.set_password(shop.ann, PASSWORD, by=None)
    hashed: list[str] = []
    encode = PBKDF2PasswordHasher.encode

    def counting(self: PBKDF2PasswordHasher, password: str, salt: str, iterations: int | None = None) -> str:
        hashed.append(password)
        return encode(self, password, salt, iterations)

    monkeypatch.setattr(PBKDF2PasswordHasher, "encode", counting)

    def attempt(email: str) -> tuple[int, str, int]:
        before = len(hashed)
        answer = sign_in(Client(), email, "wrong password")
        page = answer.content.decode().replace(email, "…")
        return answer.status_code, page[page.index("<main") : page.index("</main")], len(hashed) - before

    known, unknown = attempt("ann@example.com"), attempt("nobody@example.com")
    assert without_csrf(known[1]) == without_csrf(unknown[1])
    assert known[0] == unknown[0] == 200
    assert known[2] == unknown[2] == 1


def without_csrf(page: str) -> str:
    return "".join(part for part in page.splitlines() if "csrfmiddlewaretoken" not in part)


@pytest.mark.usefixtures("_fresh_limits")
@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"]
)
def test_signing_in_never_leads_to_another_site(shop: Shop, client: Client, target: str) -> None:
    answer = client.post("/accounts/login/", {"login": "ann@example.com", "password": PASSWORD, "next": target})

    assert answer.status_code == 302
    assert answer.headers["Location"] == "/"


@pytest.mark.usefixtures("_fresh_limits")
def test_signing_in_changes_the_session_and_signing_out_ends_it(shop: Shop, client: Client) -> None:
    client.get("/accounts/login/")
    client.session["seen"] = True
    client.session.save()
    before = client.session.session_key
    sign_in(client, "ann@example.com")
    stolen = Client()
    stolen.cookies["decklog_session"] = client.cookies["decklog_session"].value
    assert client.session.session_key != before
    assert is_signed_in(stolen)

    client.post("/accounts/logout/")

    assert not is_signed_in(stolen)


@pytest.mark.usefixtures("_fresh_limits")
def test_a_new_password_ends_every_other_session(shop: Shop) -> None:
    here, there = Client(), Client()
    sign_in(here, "ann@example.com")
    sign_in(there, "ann@example.com")
    new = "another horse battery"
    here.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": new, "password2": new})

    assert User.objects.get(pk=shop.ann.pk).check_password(new)
    assert not is_signed_in(there)


@pytest.mark.django_db
def test_nobody_can_sign_up_by_themselves(shop: Shop, client: Client) -> None:
    client.post("/accounts/signup/", {"email": "eve@example.com", "password1": PASSWORD, "password2": PASSWORD})

    assert not User.objects.filter(email="eve@example.com").exists()


@pytest.mark.parametrize("email", ["ann@example.com", "nobody@example.com"])
def test_a_new_password_can_be_asked_for_while_the_mail_server_is_away(
    client: Client, shop: Shop, settings: Any, email: str
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    answer = client.post("/accounts/password/reset/", {"email": email})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/accounts/password/reset/done/")
    assert Message.objects.get().recipient == email


def test_sessions_that_ended_are_forgotten_and_others_are_not(ann):
    Session.objects.create(session_key="ended", session_data="", expire_date=timezone.now() - timedelta(days=1))
    forget_ended_sessions()
    assert Session.objects.count() == 1
    assert ann.get("/").status_code == 200
