"""What changed before it began: ranked with reasons, and checked against what people confirmed."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from incidents.suspects.policy import Seen, reasons, total
from incidents.suspects.queries import ranked
from tests.factories import NOON, make_incident, make_ticket

MINUTE = timedelta(minutes=1)
API = "/api/v1/incidents"


def seen(**said):
    usual = {"state": "closed", "outcome": "succeeded", "verdict": "exempt", "risk": "", "authorization": "auto_exempt"}
    times = {"started_at": NOON - 10 * MINUTE, "finished_at": NOON - 4 * MINUTE}
    return Seen(**{"hops": 0, "customer_impacting": False, **usual, **times, **said})


def test_every_point_has_its_reason_and_they_add_up():
    found = reasons(seen(verdict="unproven"), began=NOON)
    told = [(one.because, one.points) for one in found]
    assert told == [("Same service", 40), ("Finished 4 min before", 28), ("Unproven", 10)]
    assert total(found) == 78


@pytest.mark.parametrize(
    ("worse", "better"),
    [
        ({}, {"hops": 1}),
        ({"hops": 1}, {"hops": 2}),
        ({}, {"started_at": NOON - 300 * MINUTE, "finished_at": NOON - 250 * MINUTE}),
        ({"outcome": "rolled_back"}, {}),
        ({"verdict": "unproven"}, {"verdict": "pending"}),
        ({"risk": "high"}, {"risk": "medium"}),
        ({"authorization": "emergency"}, {}),
        ({"state": "in_progress", "outcome": "", "finished_at": None}, {}),
        ({}, {"started_at": NOON - 5000 * MINUTE, "finished_at": NOON - 4999 * MINUTE}),
    ],
)
def test_what_is_nearer_riskier_or_less_proven_is_more_suspect(worse, better):
    assert total(reasons(seen(**worse), began=NOON)) > total(reasons(seen(**better), began=NOON))


def changed(shop, service, minutes, **said):
    now = timezone.now()
    times = {"started_at": now - (minutes + 1) * MINUTE, "finished_at": now - minutes * MINUTE}
    return make_ticket(shop, services=[service], state="closed", outcome="succeeded", **times, **said).change


@pytest.fixture
def storm(shop):
    """Checkout has been hurt for ten minutes; both it and the ledger, on which it depends, were changed before."""
    incident = make_incident(shop, impact_started_at=timezone.now() - 10 * MINUTE)
    incident.services.set([shop.checkout])
    return incident, changed(shop, shop.checkout, 14), changed(shop, shop.ledger, 12)


def test_the_changes_of_the_service_and_of_what_it_depends_on_are_ranked_with_reasons(shop, storm, ci):
    incident, own, upstream = storm
    changed(shop, shop.ledger, 60 * 24 * 5, title="Too long ago")
    make_ticket(shop, title="Not begun", state="approved")
    said = ci.get(f"{API}/{incident.ref}/suspects").json()
    assert [one["change"] for one in said["results"]] == [own.ref, upstream.ref]
    assert said["results"][1]["reasons"][0] == {"because": "Upstream, 1 hop", "points": 25}
    assert said["results"][0]["points"] == sum(one["points"] for one in said["results"][0]["reasons"])


def test_a_suspect_is_marked_by_a_button_and_the_hit_rate_counts_where_it_stood(shop, storm, ci):
    incident, _, upstream = storm
    page = Client()
    page.force_login(shop.ann)
    address = f"/incidents/{incident.ref}"
    assert "Same service" in page.get(address).content.decode()
    page.post(f"{address}/do/change", {"change": upstream.ref, "role": "caused"})
    said = ci.get(f"{API}/{incident.ref}/suspects").json()
    assert [one["role"] for one in said["results"]] == ["", "caused"]
    assert said["hit_rate"] == {"confirmed": 1, "top_1": 0, "top_3": 1, "top_5": 1}
    assert "1 among the first three" in page.get("/incidents/suspects").content.decode()


def test_the_suspects_of_a_restricted_incident_do_not_exist_for_others(shop, storm, ci):
    incident, *_ = storm
    incident.restricted, incident.declared_by = True, None
    incident.services.clear()
    incident.save()
    assert ci.get(f"{API}/{incident.ref}/suspects").status_code == 404


def test_any_number_of_changes_takes_a_few_statements(shop, storm, django_assert_max_num_queries):
    for minutes in range(30):
        changed(shop, shop.checkout, 15 + minutes)
    with django_assert_max_num_queries(6):
        assert len(ranked(storm[0])) == 10
