"""Two things come at once. Real transactions on real connections, on PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from accounts.callers import caller_of_person
from incidents.alerts.actions import Signal, take_signal
from incidents.merging import merge_incident
from incidents.models import Alert, Incident
from incidents.moving import acknowledge_incident
from tests.factories import make_incident, make_shop
from workflow.errors import RuleViolation
from workflow.ledger import timeline

pytestmark = [pytest.mark.postgres_only, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _only_on_postgres():
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time, so there is no race to win")


def at_once(*deeds):
    """What each deed returned, or the code of its refusal, when all begin together."""
    barrier = Barrier(len(deeds))

    def do(deed):
        try:
            barrier.wait()
            return deed()
        except RuleViolation as refusal:
            return refusal.code
        finally:
            connection.close()

    with ThreadPoolExecutor(len(deeds)) as pool:
        return list(pool.map(do, deeds))


def test_alerts_under_one_key_that_come_at_once_are_one_incident():
    shop = make_shop()
    by = caller_of_person(shop.ann)
    for number in range(10):
        signal = Signal("probe", f"key-{number}", is_firing=True, title="Slow", service="ledger")
        taken = at_once(*[lambda signal=signal: take_signal(signal, by=by)] * 4)
        assert len({one.incident.pk for one in taken}) == 1
        assert sorted(one.deduplicated for one in taken) == [False, True, True, True]
        assert Incident.objects.count() == Alert.objects.count() == number + 1
        assert Alert.objects.get(dedup_key=signal.dedup_key).count == 4


def test_to_acknowledge_and_to_merge_at_once_give_one_outcome_and_two_that_merge_into_each_other_never_both():
    shop = make_shop()
    by = caller_of_person(shop.ann)
    for _ in range(10):
        child, parent = make_incident(shop), make_incident(shop)
        acknowledged, merged = at_once(
            lambda child=child: acknowledge_incident(child.ref, by=by).state,
            lambda child=child, parent=parent: merge_incident(child.ref, parent.ref, by=by, reason="Same.").state,
        )
        child.refresh_from_db()
        verbs = [entry.verb for entry in timeline(child.ref)]
        assert (merged, child.state) == ("merged", "merged")
        assert acknowledged in {"investigating", "incident_merged"}
        assert ("acknowledged" in verbs) == (acknowledged == "investigating") == (child.acknowledged_at is not None)
    for _ in range(10):
        one, other = make_incident(shop), make_incident(shop)
        results = at_once(
            lambda one=one, other=other: merge_incident(one.ref, other.ref, by=by, reason="Same.").state,
            lambda one=one, other=other: merge_incident(other.ref, one.ref, by=by, reason="Same.").state,
        )
        assert sorted(results) == ["merge_is_sound", "merged"]
