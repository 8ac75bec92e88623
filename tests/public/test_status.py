"""The status page, as customers read it."""

import json
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from incidents.models import Impact, Incident, PublicUpdate
from public.shelf import SHELF
from tests.factories import make_ticket

HOUR = timedelta(hours=1)
PLACES = ("/status", "/status.json", "/status.atom", "/status.rss", "/status/history", "/maintenance.ics", "/changelog")


def page(path="/status"):
    SHELF.forget()
    return Client().get(path)


def make_incident(shop, *, now, message="Some payments fail. We look into it.", **columns):
    said = {
        "title": "SECRET ledger deadlock",
        "summary": "SECRET Bo dropped the index",
        "severity": "sev1",
        "state": "investigating",
        "declared_at": now - HOUR,
        "impact_started_at": now - 2 * HOUR,
        "alias": "k7x2",
        **columns,
    }
    incident = Incident.objects.create(**said)
    incident.services.set([shop.checkout, shop.ledger])
    for service in (shop.checkout, shop.ledger):
        Impact.objects.create(incident=incident, service=service, level="partial", start=now - 2 * HOUR)
    if message:
        told = {"message": message, "status": "investigating", "state": "published"}
        PublicUpdate.objects.create(
            incident=incident, **told, created_at=now - HOUR, published_at=now - HOUR, author=shop.bo
        )
    return incident


@pytest.fixture
def now(shop):
    shop.checkout.is_public = True
    shop.checkout.save()
    return timezone.now()


def test_without_trouble_everything_works(shop, now):
    seen = page().content.decode()
    assert "Everything works." in seen
    assert "100 %" in seen
    assert "Ledger" not in seen


def test_an_incident_that_was_told_is_said_in_words_first_with_its_updates(shop, now):
    incident = make_incident(shop, now=now)
    seen = page().content.decode()
    assert "Checkout is partly down." in seen
    assert "Some payments fail. We look into it." in seen
    said = json.loads(page("/status.json").content)
    assert (said["status"], said["sentence"]) == ("partial", "Checkout is partly down.")
    assert said["components"][0]["available_90_days"] < 1
    assert said["incidents"][0]["title"] == "Checkout partly down"
    address = f"/status/incidents/{incident.alias}"
    assert page(address).status_code == 200
    for form in ("atom", "rss"):
        assert address in page(f"/status.{form}").content.decode()


@pytest.mark.parametrize(
    "columns",
    [{"restricted": True}, {"message": ""}],
    ids=["restricted", "nothing told"],
)
def test_what_was_not_told_or_is_restricted_shows_nowhere(shop, now, columns):
    make_incident(shop, now=now, **columns)
    assert page("/status/incidents/k7x2").status_code == 404
    for place in PLACES:
        seen = page(place).content.decode()
        assert "payments" not in seen
        assert "k7x2" not in seen
    assert "Everything works." in page().content.decode()


def test_a_draft_and_an_update_for_inside_are_no_public_word(shop, now):
    incident = make_incident(shop, now=now)
    at = {"created_at": now, "author": shop.bo}
    PublicUpdate.objects.create(incident=incident, message="HALF a thought", status="identified", **at)
    PublicUpdate.objects.create(
        incident=incident,
        message="INSIDE only",
        status="identified",
        state="published",
        public=False,
        published_at=now,
        **at,
    )
    for place in (*PLACES, "/status/incidents/k7x2"):
        seen = page(place).content.decode()
        assert "HALF" not in seen
        assert "INSIDE" not in seen


def test_no_public_address_tells_what_is_inside(shop, now):
    make_incident(shop, now=now)
    make_ticket(
        shop,
        title="SECRET migration",
        reason="SECRET reason",
        state="approved",
        customer_impacting=True,
        public_note="Paying pauses for a minute.",
        services=[shop.ledger, shop.checkout],
    )
    make_ticket(shop, title="SECRET plan", state="submitted", customer_impacting=True, public_note="SECRET wish")
    for place in (*PLACES, "/status/incidents/k7x2"):
        seen = page(place).content.decode()
        for word in ("SECRET", "Okafor", "ledger", "Ledger", "INC-", "CHG-", "sev1", "example.com"):
            assert word not in seen, (place, word)


def test_approved_changes_that_customers_notice_are_planned_maintenance(shop, now):
    ticket = make_ticket(shop, state="approved", customer_impacting=True, public_note="Paying pauses for a minute.")
    assert "Paying pauses for a minute" in page().content.decode()
    assert "Paying pauses" in page("/maintenance.ics").content.decode()
    for unannounced in (
        {"state": "submitted"},
        {"state": "withdrawn"},
        {"customer_impacting": False},
        {"public_note": ""},
    ):
        for name, value in {
            "state": "approved",
            "customer_impacting": True,
            "public_note": "Paying",
            **unannounced,
        }.items():
            setattr(ticket.change, name, value)
        ticket.change.save()
        assert "Paying" not in page().content.decode()
        assert "Paying" not in page("/maintenance.ics").content.decode()


def test_maintenance_that_is_under_way_is_the_status_and_costs_no_availability(shop, now):
    make_ticket(
        shop,
        state="in_progress",
        customer_impacting=True,
        public_note="Paying pauses.",
        window_start=now - 3 * HOUR,
        window_end=now + HOUR,
    )
    assert "Checkout is being maintained." in page().content.decode()
    incident = make_incident(shop, now=now)
    assert "Checkout is partly down." in page().content.decode()
    Impact.objects.filter(incident=incident).update(end=now - HOUR)
    Incident.objects.update(state="resolved", resolved_at=now - HOUR)
    assert json.loads(page("/status.json").content)["components"][0]["available_90_days"] == 1


def test_many_components_and_incidents_take_a_few_statements(shop, now, django_assert_max_num_queries):
    for number in range(12):
        make_incident(shop, now=now - number * HOUR, alias=f"k{number}", state="resolved", resolved_at=now)
    with django_assert_max_num_queries(12):
        assert page().status_code == 200


@pytest.mark.parametrize(
    "path", ["/status/history?cursor=%00", "/status/incidents/none", "/status/incidents/none?cursor=x"]
)
def test_what_is_not_there_is_404(shop, path):
    assert page(path).status_code == 404
