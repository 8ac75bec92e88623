"""The demo: an invented company that looks as if its pipelines had logged everything through the API."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import transaction
from django.db.models import Count
from django.utils import timezone

from accounts.models import Team, User
from catalog.models import Environment, Service
from changes.models import Change
from changes.pipelines.intake.rest import event_of, read_deployment
from changes.pipelines.models import Pipeline, Run
from demo import actions
from demo.actions import make_halyard
from demo.story import Route, Storyteller, Telling
from notifications.models import Message
from tests.conftest import token_client
from workflow.ledger import seal_batch, verify
from workflow.models import Entry, Seal

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 24, 13, 20, tzinfo=timezone.get_fixed_timezone(0))
OURS = {"received_at", "by"}


@pytest.fixture(scope="module")
def once(django_db_setup: None, django_db_blocker: Any) -> Iterator[actions.Made]:
    """The whole demo, made once; the tests of this module run inside its transaction, which is undone at the end."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield make_halyard(password="anchors-aweigh", now=NOW)
        transaction.set_rollback(True)


@pytest.fixture
def halyard(once: actions.Made, db: None) -> actions.Made:
    """The demo, made at a fixed moment."""
    return once


def test_it_is_a_whole_company(halyard: actions.Made) -> None:
    assert Team.objects.count() == 6
    assert Service.objects.count() == 40
    assert set(Service.objects.values_list("tier", flat=True)) == {0, 1, 2, 3}
    assert Environment.objects.count() == 3
    assert User.objects.count() == 31
    assert len(set(User.objects.values_list("time_zone", flat=True))) > 15
    states = dict(Pipeline.objects.values_list("state").annotate(Count("pk")))
    assert states == {"trusted": 10, "proposed": 1, "suspended": 1}
    assert 2_700 < halyard.changes < 3_300


def test_its_deploys_have_a_believable_mixture(halyard: actions.Made) -> None:
    outcomes = dict(Change.objects.values_list("outcome").annotate(Count("pk")))
    assert 0.03 < (outcomes["failed"] + outcomes["rolled_back"]) / halyard.changes < 0.07
    verdicts = dict(Change.objects.values_list("verdict").annotate(Count("pk")))
    assert verdicts["unproven"] >= 20
    assert verdicts["pending"] >= 5
    assert Change.objects.filter(state="in_progress").count() == 3
    assert Change.objects.filter(customer_impacting=True).exclude(public_note="").count() >= 20
    weekend = Change.objects.filter(at__week_day__in=[1, 7]).count()
    assert 0 < weekend < halyard.changes * 0.05
    assert not Change.objects.filter(at__gt=NOW).exists()


def test_one_pipeline_stands_at_the_limit(halyard: actions.Made) -> None:
    recent = Change.objects.filter(verdict="unproven", at__gt=NOW - timedelta(days=30))
    assert recent.filter(pipeline__slug="webhooks-deploy").count() == 2
    assert recent.filter(pipeline__slug="edge-deploy").count() >= 3
    trusted = recent.filter(pipeline__state="trusted").values_list("pipeline__slug").annotate(n=Count("pk"))
    assert all(number < 3 for _, number in trusted)


def test_whoever_owes_proof_was_asked_for_it_once(halyard: actions.Made) -> None:
    unproven = {change.ref for change in Change.objects.filter(verdict="unproven")}
    assert set(Message.objects.values_list("subject", flat=True)) == unproven
    assert set(Message.objects.values_list("state", flat=True)) == {"sent"}


def test_nobody_reviewed_their_own_commit_and_was_exempted(halyard: actions.Made) -> None:
    for run in Run.objects.filter(change__verdict="exempt"):
        assert all(set(commit["reviewed_by"]) - {commit["author"]} for commit in run.commits)


def test_everything_it_told_would_be_accepted_by_the_api(halyard: actions.Made) -> None:
    for run in Run.objects.select_related("service", "environment", "pipeline").order_by("change_id"):
        for event in run.events:
            if "status" in event:
                told = read_deployment(body_of(run, event))
                assert event_of(told, received_at=event["received_at"], by=event["by"]) == event


def body_of(run: Run, event: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """What the pipeline would have posted for this event."""
    key = {"service": run.service.slug, "environment": run.environment.slug, "pipeline": run.pipeline.slug}
    said = {name: value for name, value in event.items() if name not in OURS}
    return {**key, "run_id": run.run_id, **said, **changed}


@pytest.mark.parametrize("flaw", ["exempt", "unproven"])
def test_a_run_looks_exactly_as_if_it_had_come_through_the_api(halyard: actions.Made, flaw: str) -> None:
    ours = (
        Run.objects.select_related("change", "service", "environment", "pipeline")
        .filter(change__verdict=flaw, pipeline__slug__in=["checkout-deploy", "mta-deploy"], change__flags="")
        .order_by("-change_id")
        .first()
    )
    assert ours
    client = token_client(User.objects.get(email="ann@halyard.example"), "deploy")
    ref = ""
    for event in ours.events:
        with time_machine.travel(datetime.fromisoformat(event["received_at"]), tick=False):
            ref = client.post("/api/v1/deployments", body_of(ours, event, run_id="through-api"), format="json").json()[
                "ref"
            ]

    theirs = Run.objects.select_related("change").get(run_id="through-api")
    assert ref == theirs.change.ref
    assert columns(theirs.change, "id", "search_text") == columns(ours.change, "id", "search_text")
    assert columns(theirs, "change_id", "run_id", "events") == columns(ours, "change_id", "run_id", "events")
    assert lines(theirs) == lines(ours)


def columns(row: Any, *but: str) -> dict[str, Any]:
    return {
        field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields if field.attname not in but
    }


def lines(run: Run) -> list[tuple[Any, ...]]:
    told = Entry.objects.filter(subject=run.change.ref).order_by("id")
    return [(entry.verb, entry.occurred_at, entry.recorded_at, entry.data, entry.rule) for entry in told]


def test_the_same_seed_tells_the_same_story_and_another_seed_another() -> None:
    names = ("checkout", "ledger", "mta", "delivery", "insights", "dashboard")
    teams = ("payments", "payments", "delivery", "delivery", "data", "dashboard")
    routes = [
        Route(
            f"{name}-deploy", team, [name], ["production", "uat"], ["a@halyard.example", "b@halyard.example"], "token:1"
        )
        for name, team in zip(names, teams, strict=True)
    ]

    def story(seed: int) -> list[Telling]:
        return Storyteller(routes, now=NOW, seed=seed).tell()

    assert story(1) == story(1)
    assert story(1) != story(2)


def test_the_ledger_of_the_demo_can_be_sealed_and_verified(halyard: actions.Made) -> None:
    while seal_batch(now=timezone.now() + timedelta(minutes=1)):
        pass

    assert list(verify()) == []
    assert Seal.objects.latest("id").last_id == Entry.objects.latest("id").pk
