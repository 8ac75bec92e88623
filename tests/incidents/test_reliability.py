"""The reliability metrics against a table that was computed by hand, with the mistakes of others as cases."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from incidents.availability import Hurt
from incidents.models import Impact
from incidents.reliability.metrics import Told, availability, durations, felt_by_month, p90, repeat_rate
from tests.factories import NOON, make_incident

MINUTE = timedelta(minutes=1)


def told(number=1, felt=True, causes=(), **minutes):
    times = {f"{name}_at": None if at is None else NOON + at * MINUTE for name, at in minutes.items()}
    return Told(number, times, felt, frozenset(causes))


TABLE = [
    told(1, impact_started=0, detected=4, acknowledged=6, mitigated=20, resolved=40, first_public_post=10),
    told(2, impact_started=0, detected=10, acknowledged=10, mitigated=None, resolved=100, first_public_post=None),
    told(3, impact_started=None, detected=5, acknowledged=8, mitigated=30, resolved=60, first_public_post=25),
    told(4, impact_started=30, detected=10, acknowledged=None, mitigated=45, resolved=45, first_public_post=70),
]
"""Of the fourth one the alarm came before the harm, which is no mistake but no time to detect either."""
BY_HAND = {
    "time_to_detect": (2, 7, 10, 1, 1),
    "time_to_acknowledge": (3, 2, 3, 1, 0),
    "time_to_mitigate": (2, 17.5, 20, 2, 0),
    "time_to_resolve": (3, 40, 100, 1, 0),
    "public_lag": (3, 20, 60, 1, 0),
}
"""n, median and p90 in minutes, how many are unknown, how many run backwards."""


def test_the_durations_are_those_computed_by_hand():
    found = {one.name: one for one in durations(TABLE)}
    for name, (n, median, ninety, unknown, backwards) in BY_HAND.items():
        one = found[name]
        assert (one.n, one.unknown, one.backwards) == (n, unknown, backwards), name
        assert (one.median, one.p90) == (median * 60, ninety * 60), name


def test_nothing_has_no_median_and_is_not_zero():
    assert [(one.n, one.median, one.p90) for one in durations([])] == [(0, None, None)] * 5
    assert p90([]) is None
    assert p90([5.0]) == 5.0


def test_a_time_to_be_is_not_measured_to_now():
    open_one = told(impact_started=0, detected=1, resolved=None)
    assert next(one for one in durations([open_one]) if one.name == "time_to_resolve").n == 0


def test_two_incidents_at_once_cost_a_service_their_time_once_and_maintenance_excuses_only_what_was_announced():
    hurts = [Hurt(NOON, NOON + 60 * MINUTE, "down"), Hurt(NOON + 30 * MINUTE, NOON + 90 * MINUTE, "down")]
    found = availability(hurts, [], start=NOON, end=NOON + 900 * MINUTE)
    assert (found.share, found.lost) == (0.9, 90 * MINUTE)
    excused = availability(hurts, [(NOON, NOON + 45 * MINUTE)], start=NOON, end=NOON + 900 * MINUTE)
    assert (excused.lost, excused.excused) == (45 * MINUTE, 45 * MINUTE)


def test_a_cause_that_hurt_before_is_a_repeat_also_when_it_was_before_the_period():
    rows = [told(1, causes={7}), told(2), told(3, causes={7, 8}), told(4, causes={9})]
    assert (repeat_rate(rows, earlier=frozenset()).numerator, repeat_rate(rows, earlier=frozenset()).denominator) == (
        1,
        3,
    )
    assert repeat_rate(rows, earlier=frozenset({9})).numerator == 2
    assert repeat_rate([], earlier=frozenset()).value is None


def test_what_customers_felt_is_counted_by_the_month_it_began():
    rows = [told(1, impact_started=0), told(2, felt=False, impact_started=0), told(3, felt=None, impact_started=0)]
    assert felt_by_month(rows) == {"2026-11": 1}


@pytest.fixture
def hurt(shop):
    now = timezone.now()
    times = {"impact_started_at": now - 60 * MINUTE, "detected_at": now - 55 * MINUTE, "resolved_at": now - 30 * MINUTE}
    incident = make_incident(shop, state="resolved", customer_impacting=True, **times)
    span = {"start": now - 60 * MINUTE, "end": now - 30 * MINUTE}
    Impact.objects.create(incident=incident, service=shop.checkout, level="down", **span)
    return incident


def test_the_numbers_are_read_by_api_and_page_and_leave_out_what_is_restricted(
    shop, hurt, ci, django_assert_max_num_queries
):
    said = ci.get("/api/v1/metrics/reliability").json()
    detect = said["durations"][0]
    assert (said["incidents"], detect["n"], detect["median"]) == (1, 1, 300)
    (one,) = said["availability"]
    assert (one["service"], one["lost_seconds"]) == ("checkout", 1800)
    page = Client()
    page.force_login(shop.bo)
    with django_assert_max_num_queries(12):
        assert "detected − impact started" in page.get("/reliability").content.decode()
    hurt.restricted = True
    hurt.save()
    assert ci.get("/api/v1/metrics/reliability").json()["incidents"] == 0
    for bad in ("service=none", "from=x", "team=payments"):
        assert ci.get(f"/api/v1/metrics/reliability?{bad}").status_code == 400
    assert page.get("/reliability?service=none").status_code == 404
