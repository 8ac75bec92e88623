"""Make Halyard: the organisation from its file, then 90 days of history, all of it or nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction

from accounts.actions import TokenTerms, create_token, set_password
from accounts.models import ApiToken, Membership, Team, User
from catalog.models import Environment, Service
from changes.messages import proof_wanted
from changes.models import REF_PREFIX, Change
from changes.pipelines.models import Pipeline, Run
from changes.pipelines.policy import UNPROVEN_SUSPENDS, third_unproven_suspends
from changes.pipelines.recording import Target, Trust
from changes.pipelines.states import MOVES
from changes.policy import PROOF_WITHIN
from config.organisation import apply_file
from demo import history, queries
from demo.filed import actions as filed
from demo.filed.actions import Line, Told
from demo.filed.company import Company
from demo.filed.gate import answer, questions
from demo.filed.paper import Filing, Paper
from demo.filed.reviews import DeployReview, reviewed_columns, reviews_of
from demo.filed.rules import TEMPLATES, times_at
from demo.filed.scenes import everything
from demo.filed.story import Desk
from demo.filed.works import all_works
from demo.history import Remembered
from demo.lessons.actions import write_lessons
from demo.story import DAYS, TRUST_BEGAN, Route, Storyteller, Telling, prove_late, spoil
from notifications import intake
from notifications.models import Message
from notifications.outbox import NewMessage
from workflow.errors import Conflict
from workflow.ledger import SYSTEM, Happening
from workflow.models import Entry
from workflow.transitions import move

SEED = 1874
"""The year of the first post by steamship round the world on a schedule; any number would do."""
ORGANISATION = Path(__file__).with_name("organisation.yaml")
PASSWORD = "anchors-aweigh"  # noqa: S105 - opens a demo that listens on this machine only
SIGN_IN = ("ann@halyard.example", "bo@halyard.example")
SUSPENDED, AT_THE_LIMIT = "edge-deploy", "webhooks-deploy"


@dataclass(frozen=True, slots=True)
class Made:
    """What there is afterwards: deploys, filed changes, services, people."""

    changes: int
    filed: int
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
    apply_file(ORGANISATION)
    for email in SIGN_IN:
        set_password(User.objects.get(email=email), password, by=None)
    routes = [_route(pipeline, _tokens()) for pipeline in queries.pipelines()]
    _age(now)
    company = queries.company()
    told = Storyteller(routes, now=now, seed=seed).tell()
    remembered, suspended_at = _remember(told, _spoil_some(told, now), now)
    written = _write_changes(remembered, told, company, now=now, seed=seed)
    _append([*written.lines, *write_lessons(company, now=now), _suspend(suspended_at)])
    _ask_for_proof(written.deploys, remembered)
    return Made(len(written.deploys), len(written.filed), Service.objects.count(), User.objects.count())


# --- The organisation -----------------------------------------------------------------------------------------------


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


def _suspend(at: datetime) -> Line:
    pipeline = Pipeline.objects.get(slug=SUSPENDED)
    decision = third_unproven_suspends(state=pipeline.state, unproven=UNPROVEN_SUSPENDS)
    move(pipeline, Pipeline.State.SUSPENDED, moves=MOVES, updated_at=at)
    return at, pipeline.ref, Happening("suspended", SYSTEM, at, {"because": decision.because}, decision.rule)


# --- The history ----------------------------------------------------------------------------------------------------


def _spoil_some(told: Sequence[Telling], now: datetime) -> Telling:
    """Let proof be missing here and there, and return the deploy that suspended the edge's pipeline, its third one."""
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
    return third[-1]


def _candidates(told: Sequence[Telling], pipeline: str, now: datetime) -> list[Telling]:
    """Plain deploys to production of this pipeline, oldest first, whose 15 minutes for a smoke test are over."""
    over = now - timedelta(minutes=40)
    return [t for t in told if t.pipeline == pipeline and t.is_quiet_production and t.at < over]


def _last_before(candidates: Sequence[Telling], now: datetime, *, days: float) -> Telling:
    early = [telling for telling in candidates if telling.at <= now - timedelta(days=days)]
    return early[-1] if early else candidates[0]


def _remember(told: Sequence[Telling], third: Telling, now: datetime) -> tuple[list[Remembered], datetime]:
    """Every deploy as it is kept, and when `third` turned out to be unproven, which suspended its pipeline."""
    suspended_at = now
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
        if telling is third:
            suspended_at = remembered[-1].unproven_at or now
    return sorted(remembered, key=lambda one: one.received_at), suspended_at


@dataclass(frozen=True, slots=True)
class Written:
    """The changes that are there now, and the lines of the ledger about everything."""

    deploys: list[Change]
    filed: list[Told]
    lines: list[Line]


def _write_changes(
    remembered: Sequence[Remembered], told: Sequence[Telling], company: Company, *, now: datetime, seed: int
) -> Written:
    pipelines = {pipeline.slug: pipeline for pipeline in queries.pipelines()}
    times = times_at(now)
    answered = [answer(asked, company, pipelines[asked.pipeline].requires) for asked in questions(told, times, now=now)]
    filings = everything(Desk(company, now=now, seed=seed + 1), all_works(), TEMPLATES, times)
    filings += [one.filing for one in answered if one.filing]
    reviews = reviews_of(remembered, company, left=(SUSPENDED, AT_THE_LIMIT), now=now, seed=seed)
    deploys, papers = _write_rows(remembered, reviews, filings, company, now=now)
    templates, lines = filed.write_templates(company, now=now)
    lines += filed.write_freezes(company, now=now)
    lines += filed.write_filed(papers, templates, company, now=now)
    lines += filed.write_reviews([(review, deploys[review.place]) for review in reviews], company)
    lines += filed.write_answers(answered, papers, pipelines)
    pairs = zip(deploys, remembered, strict=True)
    lines += [(at, change.ref, said) for change, one in pairs for at, said in one.entries]
    return Written(deploys, papers, lines)


def _write_rows(
    remembered: Sequence[Remembered],
    reviews: Sequence[DeployReview],
    filings: Sequence[Filing],
    company: Company,
    *,
    now: datetime,
) -> tuple[list[Change], list[Told]]:
    """The rows of all changes in the order in which they came, with the runs of the deploys."""
    reviewed = {review.place: reviewed_columns(review.at) for review in reviews}
    deploys = [Change(**history.change_columns(one) | reviewed.get(place, {})) for place, one in enumerate(remembered)]
    told = [Told(filing, Change(**Paper(filing, company, now).change_columns())) for filing in filings]
    Change.objects.bulk_create(sorted([*deploys, *(one.change for one in told)], key=lambda one: one.created_at))
    Run.objects.bulk_create(
        Run(change_id=change.pk, **history.run_columns(one)) for change, one in zip(deploys, remembered, strict=True)
    )
    return deploys, told


def _append(lines: Sequence[Line]) -> None:
    entries = [
        Entry(
            subject=subject,
            verb=told.verb,
            actor=told.actor,
            occurred_at=told.occurred_at,
            recorded_at=at,
            data=told.data,
            rule=told.rule,
        )
        for at, subject, told in lines
    ]
    Entry.objects.bulk_create(sorted(entries, key=lambda entry: entry.recorded_at))


def _ask_for_proof(changes: Sequence[Change], remembered: Sequence[Remembered]) -> None:
    people = dict(User.objects.values_list("pk", "email"))
    asked = [(change, one) for change, one in zip(changes, remembered, strict=True) if one.unproven_at]
    Message.objects.bulk_create(_question(change, one, people) for change, one in asked)


def _question(change: Change, one: Remembered, people: dict[int, str]) -> Message:
    """The mail that asked for the missing proof, as it was sent then."""
    assert one.unproven_at
    owner = one.target.registered_by_id or 0
    missing = [check.detail for check in one.recorded.reached.missing] or [one.recorded.reached.decision.because]
    due = (one.recorded.run.finished_at or one.unproven_at) + PROOF_WITHIN
    to = (owner, people[owner])
    asked = proof_wanted(f"{REF_PREFIX}{change.pk}", change.title, to=to, missing=missing, due=due)
    new = NewMessage(asked.dedup_key, "email", to[1], asked.title, asked.text, subject=asked.subject, topic=asked.topic)
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
