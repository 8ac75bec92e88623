"""Make Halyard: the organisation from its file, then 90 days of history, all of it or nothing."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.actions import TokenTerms, create_token, set_password
from accounts.models import ApiToken, Membership, Team, User
from catalog.models import Environment, Service
from changes.messages import proof_wanted
from changes.models import REF_PREFIX, Change
from changes.pipelines.models import Pipeline, Run
from changes.pipelines.recording import Target, Trust
from changes.pipelines.states import MOVES
from changes.policy import PROOF_WITHIN
from config.organisation import apply_file
from demo import history, queries
from demo.history import Remembered
from demo.story import DAYS, TRUST_BEGAN, Route, Storyteller, Telling, prove_late, spoil
from notifications import intake
from notifications.models import Message
from workflow.errors import Conflict
from workflow.ledger import SYSTEM, Happening, record
from workflow.models import Entry
from workflow.transitions import move

SEED = 1874
"""The year of the first post by steamship round the world on a schedule; any number would do."""
ORGANISATION = Path(__file__).with_name("organisation.yaml")
FREEZES = """
freezes:
  - {{name: "Payments before the sale", reason: "The sale doubles the orders. Deploy only what repairs something.",
     hard: false, teams: [payments], environments: [production], start: {soft}, end: {hard}}}
  - {{name: The sale, reason: "Nothing moves while most orders of the year come in.", hard: true,
     environments: [production], start: {hard}, end: {end}}}
"""
PASSWORD = "anchors-aweigh"  # noqa: S105 - opens a demo that listens on this machine only
SIGN_IN = ("ann@halyard.example", "bo@halyard.example")
SUSPENDED, AT_THE_LIMIT = "edge-deploy", "webhooks-deploy"


@dataclass(frozen=True, slots=True)
class Made:
    """What there is afterwards."""

    changes: int
    services: int
    people: int


@transaction.atomic
def make_halyard(*, password: str, now: datetime, seed: int = SEED, is_forced: bool = False) -> Made:
    """Fill an installation with Halyard. Raises Conflict("not_empty") when people of another company are in it."""
    if not is_forced and queries.strangers():
        raise Conflict(
            "not_empty",
            "There are people in this database who are not of the demo, so nothing was added. "
            "Use an empty database, or say --force to put the demo beside them.",
        )
    _apply_organisation(now)
    for email in SIGN_IN:
        set_password(User.objects.get(email=email), password, by=None)
    routes = [_route(pipeline, _tokens()) for pipeline in queries.pipelines()]
    told = Storyteller(routes, now=now, seed=seed).tell()
    suspended_at = _spoil_some(told, now)
    remembered = _remember(told, suspended_at, now)
    _write(remembered)
    _age(now)
    _suspend(suspended_at)
    return Made(len(remembered), Service.objects.count(), User.objects.count())


# --- The organisation -----------------------------------------------------------------------------------------------


def _apply_organisation(now: datetime) -> None:
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    times = {"soft": day + timedelta(days=1, hours=12), "hard": day + timedelta(days=3), "end": day + timedelta(days=6)}
    freezes = FREEZES.format(**{name: moment.isoformat() for name, moment in times.items()})
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / ORGANISATION.name
        file.write_text(ORGANISATION.read_text(encoding="utf-8") + freezes, encoding="utf-8")
        apply_file(file)


def _tokens() -> dict[str, ApiToken]:
    """One token a team, made by its first lead; nobody knows its text, so it opens nothing."""
    tokens = {}
    for team in Team.objects.filter(slug__in=queries.TEAMS):
        lead = team.people.filter(memberships__is_lead=True, memberships__team=team).order_by("pk")[0]
        services = list(team.services.values_list("slug", flat=True))
        name = f"{team.slug} pipelines"
        token = ApiToken.objects.filter(owner=lead, name=name).first()
        tokens[team.slug] = token or create_token(lead, TokenTerms(name, ["deploy", "read"], services))[0]
    return tokens


def _route(pipeline: Pipeline, tokens: dict[str, ApiToken]) -> Route:
    services = [service.slug for service in pipeline.services.all()]
    team = Team.objects.get(services__slug=services[0])
    crew = list(team.people.order_by("pk").values_list("email", flat=True))
    environments = [environment.slug for environment in pipeline.environments.all()]
    return Route(pipeline.slug, team.slug, services, environments, crew, tokens[team.slug].actor)


def _age(now: datetime) -> None:
    """Nothing here was made today; the ledger says when it was written, the rows since when they hold."""
    founded = now - timedelta(days=DAYS + 5)
    User.objects.filter(email__endswith=queries.DOMAIN).update(created_at=founded)
    Team.objects.filter(slug__in=queries.TEAMS).update(created_at=founded)
    Membership.objects.filter(team__slug__in=queries.TEAMS).update(since=founded)
    Service.objects.filter(team__slug__in=queries.TEAMS).update(created_at=founded)
    used = {"last_used_at": now - timedelta(minutes=2), "expires_at": founded + timedelta(days=365)}
    ApiToken.objects.filter(owner__email__endswith=queries.DOMAIN).update(created_at=founded, **used)
    pipelines = queries.pipelines()
    pipelines.update(created_at=founded, updated_at=founded)
    pipelines.filter(confirmed_by__isnull=False).update(confirmed_at=founded + timedelta(days=1))
    pipelines.filter(state=Pipeline.State.PROPOSED).update(created_at=now - timedelta(days=TRUST_BEGAN))


def _suspend(at: datetime) -> None:
    pipeline = Pipeline.objects.get(slug=SUSPENDED)
    move(pipeline, Pipeline.State.SUSPENDED, moves=MOVES, updated_at=at)
    facts: dict[str, object] = {"unproven": 3, "days": 30}
    record(pipeline.ref, Happening("suspended", SYSTEM, at, facts, "third_unproven_suspends"), at=timezone.now())


# --- The history ----------------------------------------------------------------------------------------------------


def _spoil_some(told: Sequence[Telling], now: datetime) -> datetime:
    """Let proof be missing here and there, and return when the third time suspended the edge's pipeline."""
    of_edge = _candidates(told, SUSPENDED, now)
    third = [_last_before(of_edge, now, days=days) for days in (17, 9, 2)]
    for telling, flaw in zip(third, ("review", "tests", "review"), strict=True):
        spoil(telling, flaw)
    for days in (11, 0.2):
        spoil(_last_before(_candidates(told, AT_THE_LIMIT, now), now, days=days), "smoke_test")
    spoil(_last_before(_candidates(told, "mta-deploy", now), now, days=0.3), "review")
    actor = User.objects.get(email="luis@halyard.example").actor
    for number, telling in enumerate(_candidates(told, "insights-deploy", now)[::25]):
        spoil(telling, "smoke_test")
        prove_late(telling, after=timedelta(hours=2 + number), actor=actor)
    for pipeline in ("checkout-deploy", "platform-deploy", "dashboard-deploy"):
        for telling in _candidates(told, pipeline, now - timedelta(days=31))[::35]:
            spoil(telling, "review")
    return third[-1].at + timedelta(minutes=20)


def _candidates(told: Sequence[Telling], pipeline: str, now: datetime) -> list[Telling]:
    """Plain deploys to production of this pipeline, oldest first, whose 15 minutes for a smoke test are over."""
    over = now - timedelta(minutes=40)
    return [t for t in told if t.pipeline == pipeline and t.is_quiet_production and t.at < over]


def _last_before(candidates: Sequence[Telling], now: datetime, *, days: float) -> Telling:
    early = [telling for telling in candidates if telling.at <= now - timedelta(days=days)]
    return early[-1] if early else candidates[0]


def _remember(told: Sequence[Telling], suspended_at: datetime, now: datetime) -> list[Remembered]:
    services = {service.slug: service for service in Service.objects.all()}
    environments = dict(Environment.objects.values_list("slug", "pk"))
    pipelines = {pipeline.slug: pipeline for pipeline in queries.pipelines()}
    remembered = []
    for telling in told:
        pipeline, service = pipelines[telling.pipeline], services[telling.service]
        target = Target(
            service_id=service.pk,
            team_id=service.team_id,
            environment_id=environments[telling.environment],
            pipeline_id=pipeline.pk,
            registered_by_id=pipeline.registered_by_id,
            service=telling.service,
            environment=telling.environment,
            pipeline=telling.pipeline,
            run_id=telling.run_id,
            attempt=1,
        )
        was_suspended = telling.pipeline == SUSPENDED and telling.at > suspended_at
        trust = Trust(
            pipeline_state=str(Pipeline.State.SUSPENDED if was_suspended else pipeline.state),
            requires=pipeline.requires,
            covers_target=True,
            token_id=None,
            hard_freezes=[],
        )
        remembered.append(history.remember(telling, target, trust, now=now))
    return sorted(remembered, key=lambda one: one.received_at)


def _write(remembered: Sequence[Remembered]) -> None:
    changes = Change.objects.bulk_create(Change(**history.change_columns(one)) for one in remembered)
    Run.objects.bulk_create(
        Run(change_id=change.pk, **history.run_columns(one)) for change, one in zip(changes, remembered, strict=True)
    )
    entries = [
        Entry(
            subject=change.ref,
            verb=told.verb,
            actor=told.actor,
            occurred_at=told.occurred_at,
            recorded_at=at,
            data=told.data,
            rule=told.rule,
        )
        for change, one in zip(changes, remembered, strict=True)
        for at, told in one.entries
    ]
    Entry.objects.bulk_create(sorted(entries, key=lambda entry: entry.recorded_at))
    people = dict(User.objects.values_list("pk", "email"))
    asked = [(c, one) for c, one in zip(changes, remembered, strict=True) if one.unproven_at]
    Message.objects.bulk_create(_question(change, one, people) for change, one in asked)


def _question(change: Change, one: Remembered, people: dict[int, str]) -> Message:
    """The mail that asked for the missing proof, as it was sent then."""
    assert one.unproven_at
    owner = one.target.registered_by_id or 0
    missing = [check.detail for check in one.recorded.reached.missing] or [one.recorded.reached.decision.because]
    due = (one.recorded.run.finished_at or one.unproven_at) + PROOF_WITHIN
    new = proof_wanted(f"{REF_PREFIX}{change.pk}", change.title, to=(owner, people[owner]), missing=missing, due=due)
    sent_at = one.unproven_at + timedelta(seconds=2)
    tries = [{"at": sent_at.isoformat(), "verdict": "sent", "detail": ""}]
    columns = intake.columns_of(new, at=one.unproven_at) | {"attempt": 1, "tries": tries}
    return Message(**columns | {"state": Message.State.SENT.value, "sent_at": sent_at})


def sign_in_line(password: str) -> str:
    """How to get in."""
    return f"Sign in as {SIGN_IN[0]} (administrator) or {SIGN_IN[1]} with the password {password}"


def is_local_only() -> bool:
    """Whether this installation listens on this machine alone, so that a known password opens nothing to strangers."""
    return bool(settings.EMBEDDED)
