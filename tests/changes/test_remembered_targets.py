"""A process remembers where deploys go all day; what changed since the last one counts at once all the same."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import ApiToken
from changes.models import Change, Freeze
from changes.pipelines.remembered import TARGETS
from tests.changes.test_deployments_api import post
from workflow import statements
from workflow.models import Entry


def suspend(shop):
    shop.pipeline.state = "suspended"
    shop.pipeline.save()


def move_to_another_team(shop):
    shop.checkout.team = shop.delivery
    shop.checkout.save()


def take_the_service_away(shop):
    shop.pipeline.services.clear()


def demand_more(shop):
    shop.pipeline.requires = [*shop.pipeline.requires, "artifact"]
    shop.pipeline.save()


def bind_to_another_token(shop):
    shop.pipeline.token = ApiToken.objects.create(owner=shop.ann, name="other", public_id="x", digest="0")
    shop.pipeline.save()


def freeze(shop):
    now = timezone.now()
    Freeze.objects.create(name="Year end", start=now - timedelta(days=1), end=now + timedelta(days=1))
    shop.pipeline.requires = ["no_freeze"]
    shop.pipeline.save()


@pytest.mark.parametrize("change", [suspend, take_the_service_away, demand_more, bind_to_another_token, freeze])
def test_trust_that_ended_a_moment_ago_exempts_nothing(ci, shop, change):
    assert post(ci, run_id="1", artifact_digest="").json()["verdict"]["result"] == "exempt"
    change(shop)
    assert post(ci, run_id="2", artifact_digest="").json()["verdict"]["result"] == "unproven"
    assert Change.objects.count() == Entry.objects.filter(verb="finished").count() == 2


def test_a_service_that_moved_is_still_logged(ci, shop):
    post(ci, run_id="1")
    move_to_another_team(shop)
    assert post(ci, run_id="2").json()["verdict"]["result"] == "exempt"


@pytest.mark.parametrize("loss", ["token", "owner"])
def test_who_lost_the_right_a_moment_ago_writes_nothing(ci, shop, loss):
    assert post(ci, run_id="1").status_code == 201
    # As another process does it, of which this one has not heard.
    if loss == "token":
        ApiToken.objects.update(revoked_at=timezone.now())
    else:
        type(shop.ann).objects.filter(pk=shop.ann.pk).update(is_active=False)
    assert post(ci, run_id="2").status_code == 401
    assert Change.objects.count() == 1


def test_a_run_that_is_known_is_never_written_twice(ci, shop):
    first = post(ci, run_id="1")
    post(ci, run_id="2")
    again = post(ci, run_id="1")
    assert (again.status_code, again.json()["ref"]) == (200, first.json()["ref"])
    assert Change.objects.count() == 2


def test_on_postgresql_one_more_deploy_is_one_statement(ci, monkeypatch):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite cannot look up and write in one statement, and is not asked over a network")
    post(ci, run_id="1")
    asked, fetch = [], statements.fetch

    def counted(sql, *words, **options):
        asked.append(sql)
        return fetch(sql, *words, **options)

    for module in ("workflow.statements", "changes.pipelines.queries", "accounts.authentication"):
        monkeypatch.setattr(f"{module}.fetch", counted)
    assert post(ci, run_id="2").status_code == 201
    assert len(asked) == 1


def test_memory_stays_bounded(monkeypatch, ci):
    monkeypatch.setattr("changes.pipelines.remembered.MOST", 1)
    for number in range(3):
        post(ci, run_id=str(number), environment=["production", "uat"][number % 2])
    assert len(TARGETS._known) <= 1
