"""What must hold when everything happens at once. Real transactions on real connections, on PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from accounts.callers import caller_of_person
from changes.models import Change, Run
from changes.pipelines import actions
from changes.pipelines.intake.rest import read_deployment
from tests import factories
from workflow.models import Entry

pytestmark = [pytest.mark.postgres_only, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _only_on_postgres():
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time, so there is no race to win")


def at_once(jobs):
    def run(job):
        try:
            return job()
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=16) as pool:
        return list(pool.map(run, jobs))


def test_the_same_event_fifty_times_at_once_is_one_deploy():
    shop = factories.make_shop()
    caller = caller_of_person(shop.ann)
    body = factories.deployment()
    logged = at_once([lambda: actions.log_deployment(read_deployment(body), caller=caller)] * 50)
    assert len({answer.id for answer in logged}) == 1
    assert sum(answer.is_new for answer in logged) == 1
    assert Change.objects.get().state == "closed"
    assert Entry.objects.filter(subject=Change.objects.get().ref).count() == 1


def test_started_and_finished_racing_end_finished_forty_times_of_forty():
    shop = factories.make_shop()
    caller = caller_of_person(shop.ann)
    pairs = []
    for number in range(40):
        started = factories.deployment(run_id=str(number), status="started", finished_at=None, evidence=None)
        pairs += [started, factories.deployment(run_id=str(number))]
    at_once([lambda body=body: actions.log_deployment(read_deployment(body), caller=caller) for body in pairs])
    assert Run.objects.count() == 40
    assert set(Change.objects.values_list("state", "outcome", "verdict")) == {("closed", "succeeded", "exempt")}
    assert all(len(run.events) == 2 for run in Run.objects.all())


def test_many_first_deploys_of_an_unknown_pipeline_make_one_pipeline():
    shop = factories.make_shop()
    caller = caller_of_person(shop.ann)
    bodies = [factories.deployment(run_id=str(number), pipeline="new") for number in range(20)]
    logged = at_once(
        [lambda body=body: actions.log_deployment(read_deployment(body), caller=caller) for body in bodies]
    )
    assert len({answer.target.pipeline_id for answer in logged}) == 1
    assert Change.objects.count() == 20
