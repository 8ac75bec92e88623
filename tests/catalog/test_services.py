"""Services and environments: the pages and what they leave in the ledger."""

from typing import Any

import pytest
from django.test import Client

from catalog import actions
from catalog.models import Environment, Service
from tests.factories import Shop
from workflow.errors import Forbidden, Unprocessable
from workflow.models import Entry


@pytest.fixture
def admin(shop: Shop) -> Client:
    """A browser in which the administrator is signed in."""
    client = Client()
    client.force_login(shop.admin)
    return client


def facts(shop: Shop, **changed: Any) -> dict[str, Any]:
    """What is typed to add a service."""
    return {"name": "Webhooks", "slug": "webhooks", "team": shop.delivery.pk, "tier": "1", "description": ""} | changed


def test_a_new_service_is_listed_with_owner_tier_and_what_it_needs(admin: Client, shop: Shop) -> None:
    admin.post("/settings/services/new", facts(shop, depends_on=[shop.ledger.pk]))

    service = Service.objects.get(slug="webhooks")
    assert (service.team, service.tier, [s.slug for s in service.depends_on.all()]) == (shop.delivery, 1, ["ledger"])
    page = admin.get("/settings/services").content.decode()
    assert "Webhooks" in page
    assert Entry.objects.get(subject=service.ref, verb="created").actor == shop.admin.actor


def test_a_change_of_a_service_is_on_record_with_both_values(admin: Client, shop: Shop) -> None:
    typed = {"name": "Checkout", "team": shop.delivery.pk, "tier": "2", "description": "", "depends_on": []}
    admin.post("/settings/services/checkout", typed)

    told = Entry.objects.filter(subject=shop.checkout.ref).order_by("id")
    assert [entry.data for entry in told] == [
        {"depends_on": [["ledger"], []]},
        {"team": ["payments", "delivery"], "tier": [0, 2]},
    ]


def test_saving_a_service_as_it_is_records_nothing(admin: Client, shop: Shop) -> None:
    checkout = shop.checkout
    typed = {"name": checkout.name, "team": checkout.team_id, "tier": "0", "description": ""}
    admin.post("/settings/services/checkout", typed | {"depends_on": [shop.ledger.pk]})

    assert not Entry.objects.filter(subject=checkout.ref).exists()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"slug": "checkout"}, "There is a service named “checkout” already."),
        ({"slug": "has space"}, "invalid-feedback"),
        ({"tier": "9"}, "invalid-feedback"),
        ({"team": "999"}, "invalid-feedback"),
        ({"team": "99999999999999999999"}, "invalid-feedback"),
        ({"name": ""}, "invalid-feedback"),
        ({"depends_on": ["x"]}, "invalid-feedback"),
    ],
)
def test_what_is_wrong_is_said_beside_the_field_and_nothing_typed_is_lost(
    admin: Client, shop: Shop, changed: dict[str, Any], said: str
) -> None:
    answer = admin.post("/settings/services/new", facts(shop, description="Tells customers at once") | changed)

    page = answer.content.decode()
    assert answer.status_code == 200
    assert said in page
    assert "Tells customers at once" in page
    assert Service.objects.count() == 2


def test_a_service_needs_others_not_itself(shop: Shop) -> None:
    with pytest.raises(Unprocessable) as refusal:
        actions.set_dependencies(shop.checkout, [shop.checkout], by=shop.admin)

    assert refusal.value.code == "depends_on_itself"


def test_the_rule_holds_behind_the_page_too(shop: Shop) -> None:
    with pytest.raises(Forbidden):
        actions.change_service(shop.checkout, by=shop.ann, tier=3)


def test_an_environment_is_made_and_changed(admin: Client) -> None:
    admin.post("/settings/environments/new", {"name": "Staging", "slug": "staging"})
    admin.post("/settings/environments/staging", {"name": "Stage", "is_production": "on"})

    staging = Environment.objects.get(slug="staging")
    assert (staging.name, staging.is_production) == ("Stage", True)
    verbs = Entry.objects.filter(subject=staging.ref).order_by("id").values_list("verb", flat=True)
    assert list(verbs) == ["created", "changed"]


def test_the_lists_cost_the_same_for_many_services(
    admin: Client, shop: Shop, django_assert_max_num_queries: Any
) -> None:
    for number in range(30):
        service = Service.objects.create(slug=f"s-{number}", name=f"S {number}", team=shop.payments)
        service.depends_on.add(shop.ledger)

    with django_assert_max_num_queries(6):
        admin.get("/settings/services")
    with django_assert_max_num_queries(8):
        admin.get("/settings/teams")
    with django_assert_max_num_queries(8):
        admin.get("/settings/teams/payments")
    with django_assert_max_num_queries(6):
        admin.get("/settings/people")
