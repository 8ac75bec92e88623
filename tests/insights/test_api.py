"""Delivery metrics by API: what a dashboard gets, what is refused, and how much is read for it."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from changes.insights import queries
from tests.conftest import token_client
from tests.factories import deployment, make_service, make_ticket

TUESDAY = datetime(2026, 11, 24, 13, 20, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ADDRESS = "/api/v1/metrics/delivery"
METRICS = (
    *("change_lead_time", "deployment_frequency", "failed_deployment_recovery_time", "change_fail_rate"),
    *("deployment_rework_rate", "cycle_time", "off_hours_share"),
)


@pytest.fixture(autouse=True)
def _on_a_tuesday():
    with time_machine.travel(TUESDAY, tick=False):
        yield


def log(ci, number, finished, status="succeeded", **said):
    """A deploy of ten minutes that carries one commit, written four hours before the finish."""
    sha = f"{number:040x}"
    commit = {"sha": sha, "author": "ann@example.com", "authored_at": (finished - 4 * HOUR).isoformat()}
    times = {"started_at": (finished - HOUR / 6).isoformat(), "finished_at": finished.isoformat()}
    body = deployment(
        run_id=str(number), status=status, evidence=None, **{"sha": sha, "commits": [commit], **times, **said}
    )
    answer = ci.post("/api/v1/deployments", body, format="json")
    assert answer.status_code == 201, answer.json()
    return answer.json()["ref"]


def read(ci, **query):
    answer = ci.get(ADDRESS, query)
    assert answer.status_code == 200, answer.json()
    return answer.json()


def test_a_dashboard_gets_the_five_metrics_with_numerator_and_denominator(shop, ci):
    for number in range(8):
        log(ci, number, TUESDAY - (9 - number) * DAY, "failed" if number == 4 else "succeeded")
    body = read(ci, service="checkout")
    (found,) = body["results"]
    assert (found["service"], found["team"], found["is_cut"]) == ("checkout", "payments", False)
    assert set(METRICS) <= set(found)
    lead = found["change_lead_time"]
    # The first deploy of the service has none, the failed one brought nothing to production.
    assert (lead["value"], lead["p90"], lead["n"], lead["unit"]) == (4 * 3600, 4 * 3600, 6, "seconds")
    assert {k: lead["excluded"][0][k] for k in ("reason", "count")} == {"reason": "first_deployment", "count": 1}
    fails = found["change_fail_rate"]
    assert (fails["numerator"], fails["denominator"], fails["value"]) == (1, 8, 0.125)
    assert fails["counted"]["failed"] == 1
    assert found["failed_deployment_recovery_time"]["too_few"] is True
    assert found["failed_deployment_recovery_time"]["numerator"] == 1
    assert found["deployment_frequency"]["value"] == pytest.approx(7 / 90)
    assert all(found[name]["formula"] for name in METRICS)


def test_services_stand_beside_each_other_and_are_never_blended(shop, ci):
    for number in range(5):
        log(ci, number, TUESDAY - (number + 1) * DAY, "failed")
        log(ci, 100 + number, TUESDAY - (number + 1) * DAY, service="ledger")
    results = read(ci)["results"]
    assert [(one["service"], one["change_fail_rate"]["value"]) for one in results] == [
        ("checkout", 1.0),
        ("ledger", 0.0),
    ]
    assert [one["service"] for one in read(ci, team="payments")["results"]] == ["checkout", "ledger"]
    assert read(ci, team="delivery")["results"] == []


def test_only_production_counts(shop, ci):
    log(ci, 1, TUESDAY - DAY, environment="uat")
    assert read(ci, service="checkout")["results"][0]["change_fail_rate"]["denominator"] == 0


def test_the_period_is_half_open_and_a_day_begins_where_the_organisation_is(shop, ci, settings):
    settings.ORGANISATION_TIME_ZONE = "Europe/Berlin"
    # 23:30 UTC on the 19th is the 20th in Berlin already.
    log(ci, 1, datetime(2026, 11, 19, 23, 40, tzinfo=UTC))
    body = read(ci, service="checkout", **{"from": "2026-11-20", "to": "2026-11-21"})
    assert (body["from"], body["to"]) == ("2026-11-19T23:00:00Z", "2026-11-20T23:00:00Z")
    assert body["time_zone"] == "Europe/Berlin"
    count = [
        read(ci, service="checkout", **{"from": start, "to": end})["results"][0]["change_fail_rate"]["denominator"]
        for start, end in (
            ("2026-11-20", "2026-11-21"),
            ("2026-11-19", "2026-11-20"),
            ("2026-11-19T23:30:00Z", "2026-11-19T23:31:00Z"),
            ("2026-11-19T23:00:00+00:00", "2026-11-19T23:30:00+00:00"),
        )
    ]
    assert count == [1, 0, 1, 0]


def test_a_recovery_behind_the_end_of_the_period_is_seen(shop, ci):
    for number in range(5):
        log(ci, 10 + number, TUESDAY - 10 * DAY + number * HOUR, "failed")
    log(ci, 20, TUESDAY - 8 * DAY)
    body = read(ci, service="checkout", **{"from": "2026-11-10", "to": "2026-11-15"})
    found = body["results"][0]["failed_deployment_recovery_time"]
    assert (found["numerator"], found["denominator"], found["value"]) == (5, 5, 46 * 3600)


def test_filed_changes_count_for_every_service_that_they_name(shop, ci):
    start = TUESDAY - 2 * DAY
    for number in range(5):
        make_ticket(
            shop,
            services=[shop.ledger, shop.checkout],
            type="emergent",
            authorization="emergency",
            state="closed",
            outcome="succeeded",
            created_at=start - 2 * HOUR,
            started_at=start + number * HOUR,
            finished_at=start + number * HOUR,
        )
    make_ticket(shop, state="submitted", at=start)
    for one in read(ci)["results"]:
        assert (one["cycle_time"]["value"], one["cycle_time"]["denominator"]) == (4 * 3600, 5)
        assert one["deployment_rework_rate"]["value"] == 1.0


def test_a_backfill_without_commits_has_no_lead_time_but_counts_as_a_deployment(shop, ci):
    log(ci, 1, TUESDAY - 20 * DAY)
    finished = (TUESDAY - 10 * DAY).isoformat()
    item = deployment(run_id="2", evidence=None, commits=None, started_at=finished, finished_at=finished)
    answer = ci.post("/api/v1/deployments/bulk", {"deployments": [item], "backfill": True}, format="json")
    assert answer.json()["results"][0]["status"] == 201
    found = read(ci, service="checkout")["results"][0]
    assert found["change_lead_time"]["counted"] == {"commits": 0}
    assert {"backfilled", "first_deployment"} == {left["reason"] for left in found["change_lead_time"]["excluded"]}
    assert found["deployment_frequency"]["numerator"] == 2


def test_what_is_too_much_to_read_is_cut_and_said_so(shop, ci, monkeypatch):
    monkeypatch.setattr(queries, "MOST_OF_SERVICE", 3)
    for number in range(6):
        log(ci, number, TUESDAY - (number + 1) * DAY)
    found = read(ci, service="checkout")["results"][0]
    assert found["is_cut"] is True
    assert found["deployment_frequency"]["numerator"] == 3
    assert found["counted_from"] == (TUESDAY - 3 * DAY - HOUR / 6).isoformat().replace("+00:00", "Z")


def test_many_services_come_in_pages(shop, ci, monkeypatch):
    monkeypatch.setattr(queries, "SERVICES_AT_ONCE", 2)
    make_service("search", shop.payments)
    first = read(ci)
    assert [one["service"] for one in first["results"]] == ["checkout", "ledger"]
    rest = ci.get(first["next"]).json()
    assert ([one["service"] for one in rest["results"]], rest["next"]) == (["search"], None)
    assert (rest["from"], rest["to"]) == (first["from"], first["to"])


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"sevrice": "checkout"}, "sevrice"),
        ({"service": "nosuch"}, "service"),
        ({"service": "check out"}, "service"),
        ({"team": "a\x00b"}, "team"),
        ({"from": "yesterday"}, "from"),
        ({"from": "2026-11-31"}, "from"),
        ({"from": "2026-11-01T10:00:00"}, "from"),
        ({"to": "0001-01-01"}, "to"),
        ({"to": "2026-W48-2"}, "to"),
        ({"from": "2026-11-20", "to": "2026-11-20"}, "from"),
        ({"from": "2025-01-01", "to": "2026-11-20"}, "from"),
        ({"from": "2027-01-01"}, "from"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_name_of_the_parameter(shop, ci, query, field):
    answer = ci.get(ADDRESS, query)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == field


def test_a_plus_in_an_address_may_arrive_as_a_space(shop, ci):
    answer = ci.get(f"{ADDRESS}?from=2026-11-01T10:00:00+01:00&to=2026-11-02T10:00:00%2B01:00")
    assert answer.status_code == 200
    assert answer.json()["from"] == "2026-11-01T09:00:00Z"


def test_a_token_needs_the_scope_read(shop, ci):
    assert token_client(shop.ann, "deploy").get(ADDRESS).status_code == 403


def test_the_number_of_statements_does_not_depend_on_what_there_is(shop, ci, django_assert_max_num_queries):
    for number in range(6):
        log(ci, number, TUESDAY - (number + 1) * DAY, service=("checkout", "ledger")[number % 2])
    make_ticket(shop, state="closed", outcome="succeeded", started_at=TUESDAY - DAY, finished_at=TUESDAY)
    with django_assert_max_num_queries(8) as few:
        read(ci)
    for number in range(20):
        service = make_service(f"service-{number}", shop.payments)
        log(ci, 100 + number, TUESDAY - DAY, service=service.slug)
    with django_assert_max_num_queries(8) as many:
        read(ci)
    assert len(few) == len(many)
