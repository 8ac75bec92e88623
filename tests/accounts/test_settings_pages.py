"""The settings pages: tokens, profile, people, teams."""

import re
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts import actions
from accounts.actions import Person, TokenTerms
from accounts.authentication import HasScope, token_of
from accounts.models import ApiToken, Membership, Team, User
from notifications.models import Message
from tests.factories import Shop, deployment
from workflow.models import Entry

PAGES = ["tokens", "tokens/new", "profile", "people", "teams", "teams/payments", "services", "environments"]
ADMIN_PAGES = [
    "people/new",
    "teams/new",
    "teams/payments/edit",
    "services/new",
    "services/checkout",
    "environments/new",
    "environments/uat",
]
NEW_TOKEN = {"name": "CI", "scopes": ["deploy", "read"], "days": "90"}


@pytest.fixture
def admin(shop: Shop) -> Client:
    """A browser in which the administrator is signed in."""
    client = Client()
    client.force_login(shop.admin)
    return client


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


@pytest.mark.parametrize("address", PAGES)
def test_everybody_may_read_the_settings(ann: Client, address: str) -> None:
    assert ann.get(f"/settings/{address}").status_code == 200


@pytest.mark.parametrize("address", ADMIN_PAGES)
def test_only_administrators_may_change_the_organisation(ann: Client, admin: Client, address: str) -> None:
    assert ann.get(f"/settings/{address}").status_code == 403
    assert ann.post(f"/settings/{address}", {"name": "Mine", "slug": "mine"}).status_code == 403
    assert admin.get(f"/settings/{address}").status_code == 200
    assert not Entry.objects.filter(verb__in=["created", "changed"], subject__regex="^(TEAM|SERVICE|ENV)").exists()


@pytest.mark.parametrize("address", [*PAGES, *ADMIN_PAGES])
def test_strangers_are_asked_to_sign_in(client: Client, shop: Shop, address: str) -> None:
    answer = client.get(f"/settings/{address}")

    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/accounts/login/")


# --- Tokens ---------------------------------------------------------------------------------------------------------


def test_a_new_token_is_shown_once_with_a_command_that_names_this_installation(ann: Client, shop: Shop) -> None:
    page = text_of(ann.post("/settings/tokens/new", NEW_TOKEN))

    (text,) = re.findall(r"dlk_\w+", page)[:1]
    assert "/api/v1/deployments" in page
    for named in ("checkout", "production", "checkout-deploy"):
        assert f"&quot;{named}&quot;" in page
    assert text not in text_of(ann.get("/settings/tokens"))
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    assert client.get("/api/v1/deployments").status_code == 200


def test_the_command_stays_within_the_limits_of_the_token(ann: Client, shop: Shop) -> None:
    page = text_of(ann.post("/settings/tokens/new", {**NEW_TOKEN, "services": ["ledger"], "environments": ["uat"]}))

    assert "&quot;ledger&quot;" in page
    assert "&quot;uat&quot;" in page
    assert "&quot;checkout&quot;" not in page


def test_a_token_is_limited_in_what_it_writes_and_the_pages_say_so(ann: Client, shop: Shop) -> None:
    page = text_of(ann.post("/settings/tokens/new", {**NEW_TOKEN, "services": ["ledger"]}))
    api = APIClient()
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {re.findall(r'dlk_[0-9a-zA-Z]+_[0-9a-zA-Z]+', page)[0]}")

    assert api.get("/api/v1/services").status_code == 200
    assert {each["slug"] for each in api.get("/api/v1/services").json()["results"]} == {"checkout", "ledger"}
    assert api.post("/api/v1/deployments", deployment(), format="json").status_code == 403
    for address in ("tokens", "tokens/new"):
        said = text_of(ann.get(f"/settings/{address}"))
        assert "not" in said.partition("what it reads")[0][-30:]
        assert 'href="/api/docs"' in said
    assert 'href="/api/docs"' in page


def test_a_token_of_a_name_that_is_taken_is_refused_beside_the_name(ann: Client) -> None:
    ann.post("/settings/tokens/new", NEW_TOKEN)
    page = text_of(ann.post("/settings/tokens/new", NEW_TOKEN))

    assert "You have a token named “CI” already." in page
    assert 'value="CI"' in page
    assert ApiToken.objects.count() == 1


def test_only_an_administrator_makes_a_token_that_administers(ann: Client, admin: Client) -> None:
    body = {**NEW_TOKEN, "scopes": ["admin"]}

    assert "Only an administrator" in text_of(ann.post("/settings/tokens/new", body))
    assert "dlk_" in text_of(admin.post("/settings/tokens/new", body))


def test_a_token_is_revoked_after_a_question_and_stops_at_once(ann: Client, shop: Shop) -> None:
    token, text = actions.create_token(shop.ann, TokenTerms("CI", ["read"]))
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    assert client.get("/api/v1/deployments").status_code == 200

    assert "Revoke CI?" in text_of(ann.get(f"/settings/tokens/{token.pk}/revoke"))
    ann.post(f"/settings/tokens/{token.pk}/revoke")

    assert client.get("/api/v1/deployments").status_code == 401
    assert Entry.objects.filter(subject=token.ref, verb="revoked", actor=shop.ann.actor).exists()


def test_nobody_sees_or_revokes_the_token_of_another(ann: Client, shop: Shop) -> None:
    token, _ = actions.create_token(shop.bo, TokenTerms("Bo's secret project", ["read"]))

    assert "secret project" not in text_of(ann.get("/settings/tokens"))
    assert ann.post(f"/settings/tokens/{token.pk}/revoke").status_code == 404
    assert ApiToken.objects.get(pk=token.pk).revoked_at is None


# --- Oneself --------------------------------------------------------------------------------------------------------


def test_people_change_their_own_name_and_zone_and_nothing_else(ann: Client, shop: Shop) -> None:
    ann.post("/settings/profile", {"name": "Ann L.", "time_zone": "Asia/Tokyo", "is_admin": "on", "email": "x@y.z"})

    me = User.objects.get(pk=shop.ann.pk)
    assert (me.name, me.time_zone, me.is_admin, me.email) == ("Ann L.", "Asia/Tokyo", False, "ann@example.com")


def test_a_zone_that_does_not_exist_is_refused_and_the_name_stays_typed(ann: Client) -> None:
    page = text_of(ann.post("/settings/profile", {"name": "Annabel", "time_zone": "Mars/Olympus"}))

    assert 'value="Annabel"' in page
    assert "invalid-feedback" in page


# --- People ---------------------------------------------------------------------------------------------------------


def test_an_invited_person_gets_a_link_that_sets_the_password_once(admin: Client, shop: Shop) -> None:
    admin.post("/settings/people/new", {"email": "di@example.com", "name": "Di", "time_zone": ""})

    message = Message.objects.get(recipient="di@example.com")
    first_line = message.payload["text"].splitlines()[0]
    path = re.search(r"https?://[^/]+(/\S+)", first_line)
    assert path
    guest = Client()
    form = guest.get(path[1], follow=True)
    guest.post(form.request["PATH_INFO"], {"password1": "a horse of course", "password2": "a horse of course"})
    assert User.objects.get(email="di@example.com").check_password("a horse of course")
    assert "password1" not in text_of(Client().get(path[1], follow=True))


def test_the_link_is_shown_only_where_no_mail_leaves_the_house(admin: Client, settings: Any) -> None:
    person = {"email": "di@example.com", "name": "Di", "time_zone": ""}
    assert "reset/key" not in text_of(admin.post("/settings/people/new", person, follow=True))

    settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    shown = text_of(admin.post("/settings/people/new", {**person, "email": "ed@example.com"}))

    assert "reset/key" in shown
    assert Entry.objects.filter(verb="invited").latest("id").data == {"link_shown": True}


def test_an_e_mail_that_has_an_account_is_refused_beside_the_field(admin: Client) -> None:
    page = text_of(admin.post("/settings/people/new", {"email": "ANN@example.com", "name": "Other", "time_zone": ""}))

    assert "ANN@example.com has an account already." in page
    assert not Message.objects.exists()


def test_a_deactivated_person_is_out_at_once_and_for_good(ann: Client, admin: Client, shop: Shop) -> None:
    _, text = actions.create_token(shop.ann, TokenTerms("CI", ["read"]))
    api = APIClient()
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")

    admin.post(f"/settings/people/{shop.ann.pk}/deactivate")

    assert ann.get("/settings/profile").status_code == 302
    assert api.get("/api/v1/deployments").status_code == 401
    admin.post(f"/settings/people/{shop.ann.pk}/reactivate")
    assert ann.get("/settings/profile").status_code == 302
    assert api.get("/api/v1/deployments").status_code == 200


def test_the_last_administrator_can_neither_leave_nor_step_down(admin: Client, shop: Shop) -> None:
    mine = f"/settings/people/{shop.admin.pk}"

    assert "last administrator" in text_of(admin.post(f"{mine}/deactivate", follow=True))
    assert "last administrator" in text_of(admin.post(mine, {"name": "Ada Min", "time_zone": ""}))
    assert User.objects.get(pk=shop.admin.pk).is_admin

    admin.post(f"/settings/people/{shop.ann.pk}", {"name": "Ann Lee", "time_zone": "", "is_admin": "on"})
    admin.post(mine, {"name": "Ada Min", "time_zone": ""})
    assert not User.objects.get(pk=shop.admin.pk).is_admin


def test_a_token_loses_its_admin_scope_with_its_owners_rank(shop: Shop) -> None:
    _, text = actions.create_token(shop.admin, TokenTerms("ops", ["admin"]))
    actions.add_person(Person("root@example.com", "Root", is_admin=True), by=None)
    assert may_administer(text)

    actions.change_person(shop.admin, by=None, is_admin=False)

    assert not may_administer(text)


def may_administer(text: str) -> bool:
    """What the API says to this token on a view that asks for `admin`."""
    request = SimpleNamespace(auth=token_of(f"Bearer {text}"), method="GET")
    return HasScope().has_permission(request, SimpleNamespace(scopes={"GET": "admin"}))  # type: ignore[arg-type]


# --- Teams ----------------------------------------------------------------------------------------------------------


def test_who_joins_or_leaves_a_team_is_on_record(admin: Client, shop: Shop) -> None:
    members = "/settings/teams/payments/members"
    admin.post(members, {"person": shop.cy.pk})
    admin.post(members, {"person": shop.cy.pk, "is_lead": "on"})
    assert Membership.objects.get(team=shop.payments, user=shop.cy).is_lead
    admin.post(f"{members}/{shop.cy.pk}/remove")

    assert not Membership.objects.filter(team=shop.payments, user=shop.cy).exists()
    told = Entry.objects.filter(subject=shop.payments.ref).order_by("id")
    assert [(entry.verb, entry.data["user"], entry.actor) for entry in told] == [
        ("member_added", shop.cy.actor, shop.admin.actor),
        ("member_changed", shop.cy.actor, shop.admin.actor),
        ("member_removed", shop.cy.actor, shop.admin.actor),
    ]


def test_nobody_puts_themselves_into_a_team(ann: Client, shop: Shop) -> None:
    assert ann.post("/settings/teams/delivery/members", {"person": shop.ann.pk, "is_lead": "on"}).status_code == 403
    assert not Membership.objects.filter(team=shop.delivery, user=shop.ann).exists()


def test_a_team_is_made_and_a_taken_slug_is_refused_beside_it(admin: Client) -> None:
    body = {
        "name": "Data",
        "slug": "data",
        "slack_channel": "#data",
        "time_zone": "Australia/Lord_Howe",
        "summary_hour": "7",
    }
    assert admin.post("/settings/teams/new", body).status_code == 302
    assert "There is a team with the address “data” already." in text_of(admin.post("/settings/teams/new", body))
    assert [(team.time_zone, team.summary_hour) for team in Team.objects.filter(slug="data")] == [
        ("Australia/Lord_Howe", 7)
    ]
    for wrong in ({"time_zone": "Mars/Base"}, {"summary_hour": "24"}):
        assert admin.post("/settings/teams/data/edit", {**body, **wrong}).status_code == 200
    assert admin.post("/settings/teams/data/edit", {**body, "summary_hour": "0"}).status_code == 302
    assert Team.objects.get(slug="data").summary_hour == 0


@pytest.mark.parametrize("typed", ["\x00", "<script>alert(1)</script>", "x" * 5000, "a\ud800b", "🤖"])
def test_strange_names_never_break_a_page(admin: Client, typed: str) -> None:
    body = {"name": typed.encode("utf-8", "surrogatepass"), "slug": "odd", "summary_hour": "9"}
    assert admin.post("/settings/teams/new", body).status_code in {200, 302, 400}
    assert "<script>alert" not in text_of(admin.get("/settings/teams"))
