"""The demo: an invented company that looks as if its pipelines had logged everything through the API."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import transaction
from django.db.models import Count, F
from django.test import Client
from django.utils import timezone
from django.utils.html import escape

from accounts.callers import Caller, caller_of_person
from accounts.models import Team, User
from catalog.models import Environment, Service
from changes.freezes.queries import freezes_over
from changes.models import Approval, Change, FreezeOverride, GateDecision, Review, Template, TemplateApproval, Ticket
from changes.pipelines.intake.rest import event_of, read_deployment
from changes.pipelines.models import Pipeline, Run
from changes.pipelines.policy import UNPROVEN_SUSPENDS
from changes.preapproved.queries import usability
from changes.states import State
from changes.tickets import duties, policy, queries
from changes.tickets.content import digest_of
from changes.tickets.deciding import approve_change
from changes.tickets.doing import finish_change, review_change, start_change
from changes.tickets.filing import amend_change, file_change, submit_change
from changes.tickets.scheduling import collisions, freezes_of, plan_of
from demo import actions
from demo import queries as made
from demo.actions import make_halyard
from demo.filed.paper import Filing, Paper
from demo.filed.rules import TEMPLATES, times_at
from demo.filed.scenes import everything
from demo.filed.story import Desk
from demo.filed.works import all_works
from demo.story import Route, Storyteller, Telling
from home.context import ENTRIES
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
    deploys = Change.objects.filter(origin="pipeline")
    outcomes = dict(deploys.values_list("outcome").annotate(Count("pk")))
    assert 0.03 < (outcomes["failed"] + outcomes["rolled_back"]) / halyard.changes < 0.07
    verdicts = dict(Change.objects.values_list("verdict").annotate(Count("pk")))
    assert verdicts["unproven"] >= 20
    assert verdicts["pending"] >= 5
    assert deploys.filter(state="in_progress").count() == 3
    assert deploys.filter(customer_impacting=True).exclude(public_note="").count() >= 20
    weekend = deploys.filter(at__week_day__in=[1, 7]).count()
    assert 0 < weekend < halyard.changes * 0.05
    assert not deploys.filter(at__gt=NOW).exists()


def test_one_pipeline_stands_at_the_limit(halyard: actions.Made) -> None:
    recent = Change.objects.filter(verdict="unproven", at__gt=NOW - timedelta(days=30))
    assert recent.filter(pipeline__slug="webhooks-deploy").count() == 2
    assert recent.filter(pipeline__slug="edge-deploy").count() >= 3
    trusted = recent.filter(pipeline__state="trusted").values_list("pipeline__slug").annotate(n=Count("pk"))
    assert all(number < 3 for _, number in trusted)


def test_the_suspended_pipeline_lost_its_exemption_by_its_third_unproven_deploy(halyard: actions.Made) -> None:
    pipeline = Pipeline.objects.get(slug="edge-deploy")
    entry = Entry.objects.get(subject=pipeline.ref, verb="suspended")
    refs = [change.ref for change in pipeline.changes.filter(verdict="unproven", at__gt=NOW - timedelta(days=30))]
    unproven = Entry.objects.filter(subject__in=refs, data__verdict="unproven", recorded_at__lte=entry.recorded_at)

    assert (entry.rule, entry.actor) == ("third_unproven_suspends", "system")
    assert unproven.count() == UNPROVEN_SUSPENDS
    assert unproven.latest("recorded_at").recorded_at == entry.recorded_at
    assert not Review.objects.filter(change__in=pipeline.changes.filter(verdict="unproven", at__gt=entry.occurred_at))


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
    # By its number another run may be drawn for a look back, though it proved the same.
    apart = ("id", "search_text") if flaw == "unproven" else ("id", "search_text", "review_due_at")
    assert columns(theirs.change, *apart) == columns(ours.change, *apart)
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
    while seal_batch(now=max(NOW, timezone.now()) + timedelta(minutes=1)):
        pass

    assert list(verify()) == []
    assert Seal.objects.latest("id").last_id == Entry.objects.latest("id").pk


# --- What people filed -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def standings(once: actions.Made, django_db_blocker: Any) -> list[queries.Standing]:
    """Every filed change with what decides about it; nobody writes to it."""
    with django_db_blocker.unblock():
        return [queries.standing_of(f"CHG-{pk}") for pk in Ticket.objects.order_by("pk").values_list("pk", flat=True)]


def test_people_filed_changes_of_every_kind_in_every_state(halyard: actions.Made) -> None:
    filed = Change.objects.filter(origin="person")
    assert 110 < halyard.filed == filed.count() < 170
    every = {word: set(filed.values_list(word, flat=True)) for word in ("state", "risk", "authorization")}
    assert every["state"] == set(State)
    assert every["risk"] == {"low", "medium", "high"}
    assert every["authorization"] == {"reviewed", "template", "emergency"}
    assert {"succeeded", "rolled_back", "partial"} < set(filed.values_list("outcome", flat=True))
    assert filed.values("title").distinct().count() >= halyard.filed - 1
    assert filed.filter(window_start__range=(NOW, NOW + timedelta(days=22)), state="approved").count() >= 10
    teams = filed.values_list("service__team__slug", flat=True)
    assert set(teams) == {"payments", "delivery", "platform", "data", "dashboard", "trust"}


def test_every_approval_is_of_what_was_said_and_by_the_rules(
    halyard: actions.Made, standings: list[queries.Standing]
) -> None:
    for standing in standings:
        change = standing.change
        assert standing.digest == standing.ticket.digest, change
        assert standing.risk.level == change.risk, change
        given = [one.approver_id for one in standing.standing_approvals]
        assert all(digest_of(one.content) == one.digest for one in standing.approvals)
        if change.authorization == "reviewed" and change.state not in {"draft", "rejected", "withdrawn", "expired"}:
            reached = policy.approvals_suffice(standing.circle, given).outcome
            assert (reached == "approved") == (change.state != "submitted"), change


def test_four_eyes_saw_everything(halyard: actions.Made, standings: list[queries.Standing]) -> None:
    for standing in standings:
        makers = {standing.change.requester_id, standing.ticket.implementer_id, *standing.ticket.written_by}
        assert makers.isdisjoint(one.approver_id for one in standing.approvals)
        assert not Review.objects.filter(change=standing.change, reviewer__in=makers)
    looked = Review.objects.filter(change__origin="pipeline").select_related("change__service__team")
    for review in looked.order_by("pk")[::9]:
        assert review.reviewer_id not in queries.circle_of_deploy(review.change)[0].excluded
    assert not TemplateApproval.objects.filter(approver=F("author"))


def test_nothing_planned_meets_a_hard_freeze_and_only_two_plans_meet_each_other(
    halyard: actions.Made, standings: list[queries.Standing]
) -> None:
    meeting = []
    for standing in standings:
        plan = plan_of(standing)
        if plan is None or standing.change.state not in {"submitted", "approved"}:
            continue
        assert not any(freeze.forbids for freeze in freezes_of(plan))
        assert plan.end > NOW
        meeting += collisions(standing)
    assert len(meeting) == 2
    assert not any(collision.blocks for collision in meeting)


def test_every_kind_of_duty_waits_for_who_signs_in(halyard: actions.Made) -> None:
    ann, bo = (User.objects.get(email=email) for email in actions.SIGN_IN)
    of_ann, of_bo = ([duty.kind for duty in duties.duties_of(one, now=NOW)] for one in (ann, bo))
    assert of_ann.count("approve") >= 4
    assert of_ann.count("review") >= 2
    assert {"submit"} <= set(of_ann)
    assert {"approve", "review", "begin", "mend"} <= set(of_bo)
    voided = Approval.objects.get(approver=ann, voided_at__isnull=False, ticket__change__state="submitted")
    assert voided.digest != voided.ticket.digest
    high = Change.objects.get(
        state="submitted", risk="high", ticket__approvals__voided_at=None, ticket__approvals__gt=0
    )
    assert high.ticket.approvals.count() == 1
    assert Change.objects.filter(review_due_at__lt=NOW, type="emergent").count() == 1


def test_templates_freezes_and_the_gate_show_each_of_their_states(halyard: actions.Made) -> None:
    states = dict(Template.objects.values_list("slug", "state"))
    assert set(states.values()) == {"approved", "proposed", "demoted"}
    for template in Template.objects.filter(state="approved"):
        assert usability(template, now=NOW).outcome == "allowed"
        assert template.tickets.count() >= 3
    assert FreezeOverride.objects.filter(confirmed_at=None, expires_at__gt=NOW).count() == 1
    services = list(Service.objects.filter(tier=0).values_list("pk", flat=True))
    production = Environment.objects.get(slug="production").pk
    month = freezes_over(NOW, NOW + timedelta(days=28), service_ids=services, environment_id=production)
    assert [window.name for window in month].count("Weekend") == 4
    assert {"Year end", "The sale"} <= {window.name for window in month if window.is_hard}
    assert set(GateDecision.objects.values_list("decision", flat=True)) == {"allow", "deny", "hold", "review"}


def test_nothing_is_due_to_be_done_by_decklog_itself_the_moment_it_is_there(halyard: actions.Made) -> None:
    assert queries.missed_windows(now=NOW) == []
    assert queries.settled(now=NOW) == []
    for pk in queries.reviews_to_remind_of(now=NOW):
        change = Change.objects.get(pk=pk)
        reminded = change.ticket.reminded
        assert change.review_due_at
        assert policy.reminder_due(due_at=change.review_due_at, reminded=reminded, now=NOW).outcome == "quiet"


def test_what_waits_can_be_approved_begun_and_reviewed(halyard: actions.Made) -> None:
    ann, bo = (User.objects.get(email=email) for email in actions.SIGN_IN)
    told = {title: Change.objects.get(title=title, origin="person").ref for title in (HALF, SOON, OWED)}
    with time_machine.travel(NOW, tick=False), transaction.atomic():
        assert approve_change(told[HALF], by=caller_of_person(ann)).change.state == "approved"
        assert start_change(told[SOON], by=caller_of_person(bo)).change.state == "in_progress"
        assert review_change(told[OWED], by=caller_of_person(ann)).state == "closed"


@pytest.mark.parametrize("title", ["Move card tokens to the new vault", "Write refunds as postings of their own"])
def test_a_filed_change_looks_exactly_as_if_its_people_had_done_it(halyard: actions.Made, title: str) -> None:
    company = made.company()
    filings = everything(Desk(company, now=NOW, seed=actions.SEED + 1), all_works(), TEMPLATES, times_at(NOW))
    filing = next(filing for filing in filings if filing.draft.title == title)
    ours = Change.objects.get(title=title, origin="person")
    # Two of the same kind at the same time would be in each other's way.
    Change.objects.filter(pk=ours.pk).update(state="withdrawn")

    with time_machine.travel(filing.at, tick=False):
        ref = file_change(filing.draft, by=caller_named(filing.requester)).ref
    for step in filing.steps:
        with time_machine.travel(step.at, tick=False):
            DOES[step.verb](ref, by=caller_named(step.who), **step.said)

    theirs = queries.standing_of(ref)
    apart = ("id", "search_text")
    assert columns(theirs.change, *apart) == columns(ours, *apart)
    assert columns(theirs.ticket, "change_id") == columns(ours.ticket, "change_id", "reminded") | {"reminded": 0}
    assert told_about(ref) == [line for line in told_about(ours.ref) if line[0] != "reminded"]
    fields = ("approver_id", "answer", "digest", "content", "roles", "actor", "note", "at", "voided_at")
    answers = [list(Ticket.objects.get(pk=pk).approvals.values_list(*fields)) for pk in (ours.pk, theirs.change.pk)]
    assert answers[0] == answers[1]


DOES: dict[str, Any] = {
    "submit": submit_change,
    "approve": approve_change,
    "edit": lambda ref, *, by, **changed: amend_change(ref, changed, by=by),
    "start": start_change,
    "finish": finish_change,
}


def caller_named(name: str) -> Caller:
    return caller_of_person(User.objects.get(email=f"{name}@halyard.example"))


def told_about(ref: str) -> list[tuple[Any, ...]]:
    entries = Entry.objects.filter(subject=ref).order_by("id")
    return [(one.verb, one.actor, one.occurred_at, one.recorded_at, one.data, one.rule) for one in entries]


HALF, SOON = "Replace the card processor's API version 3 by 4", "Rotate the ledger database credentials"
OWED = "Write refunds as postings of their own"
PAGES = [entry.path for entry in ENTRIES if entry.path != "/settings"] + ["/queue", "/calendar?month=2026-12"]


@pytest.mark.parametrize("email", actions.SIGN_IN)
def test_every_page_shows_something_to_who_signs_in(halyard: actions.Made, client: Client, email: str) -> None:
    client.force_login(User.objects.get(email=email))
    with time_machine.travel(NOW, tick=False):
        for page in PAGES:
            assert client.get(page).status_code == 200, page
        for state in State.values:
            change = Change.objects.filter(origin="person", state=state).latest("pk")
            assert escape(change.title) in client.get(f"/changes/{change.ref}").content.decode()


def test_the_same_seed_files_the_same_changes(halyard: actions.Made) -> None:
    def filed() -> list[Filing]:
        return everything(Desk(made.company(), now=NOW, seed=7), all_works(), TEMPLATES, times_at(NOW))

    assert filed() == filed()


@pytest.mark.parametrize("day", ["2026-01-01", "2026-02-27", "2026-07-05", "2026-12-17", "2026-12-26"])
def test_what_is_filed_obeys_the_rules_whenever_the_demo_is_made(halyard: actions.Made, day: str) -> None:
    now = datetime.fromisoformat(f"{day}T22:10:00+00:00")
    company, founded = made.company(), now - timedelta(days=95)
    hands = {team: [hand._replace(since=founded) for hand in own] for team, own in company.hands.items()}
    company = replace(company, hands=hands)
    for filing in everything(Desk(company, now=now, seed=5), all_works(), TEMPLATES, times_at(now)):
        Paper(filing, company, now)
