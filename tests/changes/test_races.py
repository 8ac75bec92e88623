"""What must hold when everything happens at once. Real transactions on real connections, on PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from django.db import connection
from rest_framework.test import APIClient

from accounts.actions import TokenTerms, create_token
from accounts.authentication import token_of
from changes.models import Change, Run
from changes.pipelines import actions
from changes.pipelines.api import log_one
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
    caller = _token_of(shop)
    body = factories.deployment()
    logged = at_once([lambda: actions.log_deployment(read_deployment(body), caller=caller)] * 50)
    assert len({answer.id for answer in logged}) == 1
    assert sum(answer.is_new for answer in logged) == 1
    assert Change.objects.get().state == "closed"
    assert Entry.objects.filter(subject=Change.objects.get().ref).count() == 1


def test_started_and_finished_racing_end_finished_forty_times_of_forty():
    shop = factories.make_shop()
    caller = _token_of(shop)
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
    caller = _token_of(shop)
    bodies = [factories.deployment(run_id=str(number), pipeline="new") for number in range(20)]
    logged = at_once(
        [lambda body=body: actions.log_deployment(read_deployment(body), caller=caller) for body in bodies]
    )
    assert len({answer.target.pipeline_id for answer in logged}) == 1
    assert Change.objects.count() == 20


def test_the_same_deploy_under_many_idempotency_keys_at_once_is_one_deploy_and_never_an_error():
    ci = _token_header(factories.make_shop())
    bodies = [factories.deployment(run_id=str(number // 8)) for number in range(160)]
    answers = at_once([lambda n=n: _post(ci, bodies[n], key=f"key-{n}") for n in range(160)])
    assert {answer.status_code for answer in answers} <= {200, 201}
    assert Run.objects.count() == 20


def test_while_the_first_request_runs_its_repetition_is_told_to_wait(monkeypatch):
    ci, body = _token_header(factories.make_shop()), factories.deployment()
    is_working, may_go_on = Event(), Event()

    def log_slowly(said, **given):
        is_working.set()
        assert may_go_on.wait(10)
        return log_one(said, **given)

    monkeypatch.setattr("changes.pipelines.api.log_one", log_slowly)

    def repeat():
        assert is_working.wait(10)
        try:
            return _post(ci, body, key="one")
        finally:
            may_go_on.set()

    first, again = at_once([lambda: _post(ci, body, key="one"), repeat])
    assert first.status_code == 201
    assert (again.status_code, again.json()["code"]) == (409, "idempotency_in_flight")
    assert _post(ci, body, key="one").content == first.content


def test_bulks_that_hold_the_same_runs_in_other_orders_wait_for_each_other_and_never_deadlock():
    ci = _token_header(factories.make_shop())
    bodies = [factories.deployment(run_id=str(number), pipeline=f"made-up-{number % 5}") for number in range(20)]
    turned = [bodies, bodies[::-1], bodies[10:] + bodies[:10], bodies[::2] + bodies[1::2]]
    answers = at_once([lambda n=n: _post(ci, {"deployments": turned[n % 4]}, key=f"{n}", to="/bulk") for n in range(8)])
    assert [answer.status_code for answer in answers] == [200] * 8
    results = [result for answer in answers for result in answer.json()["results"]]
    assert sorted(result["status"] for result in results) == [200] * 140 + [201] * 20
    assert all([result["index"] for result in answer.json()["results"]] == list(range(20)) for answer in answers)


def _token_of(shop):
    return token_of(_token_header(shop)["HTTP_AUTHORIZATION"])


def _token_header(shop):
    _, text = create_token(shop.ann, TokenTerms(name="ci", scopes=["deploy"]))
    return {"HTTP_AUTHORIZATION": f"Bearer {text}"}


def _post(header, body, *, key, to=""):
    client = APIClient(raise_request_exception=False)
    return client.post(f"/api/v1/deployments{to}", body, format="json", HTTP_IDEMPOTENCY_KEY=key, **header)
