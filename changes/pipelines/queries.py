"""What intake must know before it can judge a deploy, in one statement; and what the pipeline pages show."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from django.db import connection
from django.db.models import Count, Q

from accounts.callers import Caller
from accounts.models import User
from catalog.models import Environment, Service
from changes.mailboxes import mailbox
from changes.models import Change, Pipeline, Run
from changes.states import Verdict
from workflow.models import Entry
from workflow.statements import Premise, Row, fetch, read_columns, select_list

LONGEST_RUN = timedelta(days=7)
"""No deploy began longer than this before its last word; a freeze in that time is looked at exactly."""
FROZEN = "EXISTS (SELECT 1 FROM changes_freeze f WHERE (f.last_end IS NULL OR f.last_end > %s) AND f.start <= %s)"
LIVE = """EXISTS (SELECT 1 FROM accounts_user u LEFT JOIN accounts_apitoken t ON t.id = %s AND t.owner_id = u.id
    WHERE u.id = %s AND u.is_active AND t.revoked_at IS NULL AND (t.id IS NOT NULL OR CAST(%s AS bigint) IS NULL))"""
CONTEXT = f"""
WITH s AS MATERIALIZED (SELECT id, team_id FROM catalog_service WHERE slug = %s),
e AS MATERIALIZED (SELECT id FROM catalog_environment WHERE slug = %s),
p AS MATERIALIZED (SELECT id, state, requires, token_id, registered_by_id FROM changes_pipeline WHERE slug = %s)
SELECT (SELECT id FROM s) AS service_id, (SELECT team_id FROM s) AS team_id, (SELECT id FROM e) AS environment_id,
    p.id AS pipeline_id, p.state, p.requires, p.token_id, p.registered_by_id,
    EXISTS (SELECT 1 FROM changes_pipeline_services b
        WHERE b.pipeline_id = p.id AND b.service_id = (SELECT id FROM s))
    AND EXISTS (SELECT 1 FROM changes_pipeline_environments b
        WHERE b.pipeline_id = p.id AND b.environment_id = (SELECT id FROM e)) AS covers_target,
    (SELECT r.change_id FROM changes_run r WHERE r.pipeline_id = p.id AND r.run_id = %s AND r.attempt = %s
        AND r.service_id = (SELECT id FROM s) AND r.environment_id = (SELECT id FROM e)) AS change_id,
    {FROZEN} AS may_be_frozen, {LIVE} AS caller_is_live
FROM (SELECT 1) AS one LEFT JOIN p ON TRUE
"""
LOGGED = f"""SELECT {select_list(Change, "c")}, {select_list(Run, "r")} FROM changes_change c
JOIN changes_run r ON r.change_id = c.id WHERE c.id = %s"""
AS_REMEMBERED = f"""
EXISTS (SELECT 1 FROM catalog_service WHERE id = %s AND slug = %s AND team_id = %s)
AND EXISTS (SELECT 1 FROM catalog_environment WHERE id = %s AND slug = %s)
AND EXISTS (SELECT 1 FROM changes_pipeline WHERE id = %s AND slug = %s AND state = %s AND requires = %s::jsonb
    AND token_id IS NOT DISTINCT FROM %s::bigint AND registered_by_id IS NOT DISTINCT FROM %s::bigint)
AND %s::boolean = (EXISTS (SELECT 1 FROM changes_pipeline_services WHERE pipeline_id = %s AND service_id = %s)
    AND EXISTS (SELECT 1 FROM changes_pipeline_environments WHERE pipeline_id = %s AND environment_id = %s))
AND NOT EXISTS (SELECT 1 FROM changes_run
    WHERE pipeline_id = %s AND run_id = %s AND attempt = %s AND service_id = %s AND environment_id = %s)
AND NOT {FROZEN} AND {LIVE}
"""
"""What a deploy was judged by is still so, its run is new, no freeze needs a closer look, and the caller is welcome.

Each line can be looked up by itself, which PostgreSQL prepares and runs in half the time of CONTEXT, where one builds
on the other.
"""


@dataclass(frozen=True, slots=True)
class IntakeKey:
    """The natural key of a run, in slugs, and the moment the deploy began."""

    service: str
    environment: str
    pipeline: str
    run_id: str
    attempt: int
    at: datetime


@dataclass(frozen=True, slots=True)
class IntakeContext:
    """What the database knows about the things a deploy names. Ids are None for what does not exist."""

    service_id: int | None
    team_id: int | None
    environment_id: int | None
    pipeline_id: int | None
    pipeline_state: str
    requires: list[str]
    token_id: int | None
    registered_by_id: int | None
    covers_target: bool
    change_id: int | None
    may_be_frozen: bool
    caller_is_live: bool


def intake_context(key: IntakeKey, *, caller: Caller) -> IntakeContext:
    """Look everything up at once; this runs for every deploy that is logged.

    It also asks whether the caller's token still holds, because authentication may be a second old.
    """
    named = (key.service, key.environment, key.pipeline, key.run_id, key.attempt)
    return _context_of(fetch(CONTEXT, (*named, *_moment_and_caller(key, caller)))[0])


def as_remembered(context: IntakeContext, key: IntakeKey, *, caller: Caller) -> Premise:
    """That `context`, which may be old, is still all that a verdict on the new run `key` depends on."""
    service, environment, pipeline = context.service_id, context.environment_id, context.pipeline_id
    requires = orjson.dumps(context.requires).decode()
    parameters = (
        *(service, key.service, context.team_id, environment, key.environment),
        *(pipeline, key.pipeline, context.pipeline_state, requires, context.token_id, context.registered_by_id),
        *(context.covers_target, pipeline, service, pipeline, environment),
        *(pipeline, key.run_id, key.attempt, service, environment),
        *_moment_and_caller(key, caller),
    )
    return Premise(AS_REMEMBERED, parameters)


def _moment_and_caller(key: IntakeKey, caller: Caller) -> tuple[object, ...]:
    return key.at - LONGEST_RUN, key.at, caller.token_id, caller.user_id, caller.token_id


def _context_of(facts: Row) -> IntakeContext:
    service, team, environment, pipeline, state, requires, token, registrar, covers, change, frozen, live = facts
    if isinstance(requires, str):
        requires = orjson.loads(requires)
    return IntakeContext(
        service_id=service,
        team_id=team,
        environment_id=environment,
        pipeline_id=pipeline,
        pipeline_state=state or "",
        requires=requires or [],
        token_id=token,
        registered_by_id=registrar,
        covers_target=bool(covers),
        change_id=change,
        may_be_frozen=bool(frozen),
        caller_is_live=bool(live),
    )


def lock_logged(change_id: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """The columns of a change and of its run; nobody else changes them until the caller's transaction ends."""
    lock = " FOR UPDATE OF c" if connection.vendor == "postgresql" else ""
    row, width = fetch(LOGGED + lock, [change_id])[0], len(Change._meta.concrete_fields)
    return read_columns(Change, row[:width]), read_columns(Run, row[width:])


def pipeline_owners(registered_by: int | None, team_id: int) -> list[tuple[int, str]]:
    """(user id, e-mail) of who must supply missing proof: who registered the pipeline, else the leads of the team."""
    people = User.objects.filter(is_active=True)
    leads = people.filter(memberships__team=team_id, memberships__is_lead=True)
    chosen = people.filter(pk=registered_by or 0) or leads or people.filter(memberships__team=team_id)
    return sorted((person.pk, person.email) for person in chosen)


def people_of_pipeline(pipeline: Pipeline) -> list[tuple[int, str]]:
    """(user id, e-mail) of who registered a pipeline, and of the leads of the teams that own its services."""
    leads = Q(memberships__team__services__in=pipeline.services.all(), memberships__is_lead=True)
    people = User.objects.filter(Q(pk=pipeline.registered_by_id or 0) | leads, is_active=True).distinct()
    return sorted((person.pk, person.email) for person in people)


def usual_longest(pipeline_id: int) -> timedelta:
    """The 95th percentile of how long the pipeline's last 200 finished runs took; zero when there are none."""
    ended = Change.objects.filter(pipeline_id=pipeline_id, started_at__isnull=False, finished_at__isnull=False)
    times = ended.order_by("-at", "-id").values_list("started_at", "finished_at")[:200]
    durations = sorted(finished - started for started, finished in times if started and finished)
    return durations[int(len(durations) * 0.95)] if durations else timedelta()


def due_for_settling(*, now: datetime, limit: int = 500) -> list[int]:
    """Ids of the changes whose awaited word or proof did not come in time, longest overdue first."""
    due = Run.objects.filter(proof_due_at__lte=now).order_by("proof_due_at")
    return list(due.values_list("change_id", flat=True)[:limit])


# --- The pages of pipelines ------------------------------------------------------------------------------------------

STRIP = """SELECT p.id, (SELECT string_agg(newest.verdict, ' ') FROM (SELECT c.verdict FROM changes_change c
    WHERE c.pipeline_id BETWEEN p.id AND p.id ORDER BY c.pipeline_id, c.at DESC, c.id DESC LIMIT 20) newest)
    FROM changes_pipeline p"""
"""BETWEEN, where an equality would do, leaves only the pipeline's own index in order: the newest-first index of all
changes would be walked to its end for a pipeline that has not deployed for long."""


def board() -> list[Pipeline]:
    """Every pipeline with its services, environments and people."""
    rows = Pipeline.objects.select_related("registered_by", "confirmed_by")
    return list(rows.prefetch_related("services", "environments"))


def last_verdicts() -> dict[int, list[str]]:
    """The last 20 verdicts of each pipeline by its id, oldest first, in one statement."""
    sql = STRIP if connection.vendor == "postgresql" else STRIP.replace("string_agg", "group_concat")
    return {pk: (words or "").split()[::-1] for pk, words in fetch(sql)}


def unproven_since(at: datetime) -> dict[int, int]:
    """How many deploys of each pipeline since `at` are unproven, by its id; those without are left out."""
    rows = Change.objects.filter(verdict=Verdict.UNPROVEN, at__gte=at, pipeline__isnull=False).order_by()
    return dict(rows.values_list("pipeline_id").annotate(count=Count("pk")).values_list("pipeline_id", "count"))


def pipeline_in_full(slug: str) -> Pipeline | None:
    """A pipeline with everything that its page names."""
    rows = Pipeline.objects.select_related("registered_by", "confirmed_by", "token")
    return rows.prefetch_related("services", "environments").filter(slug=slug).first()


def services_without(user_id: int, slugs: Iterable[str]) -> list[str]:
    """Which of these services belong to teams that the person is not in, by slug."""
    others = Service.objects.filter(slug__in=list(slugs)).exclude(team__memberships__user=user_id)
    return list(others.order_by("slug").values_list("slug", flat=True))


def possible_confirmers(pipeline: Pipeline, *, limit: int = 5) -> Sequence[User]:
    """Who may confirm a proposed pipeline: people of all owning teams first, then administrators, not its proposer."""
    teams = {service.team_id for service in pipeline.services.all()}
    hands = Count("memberships", filter=Q(memberships__team__in=teams))
    people = User.objects.filter(is_active=True).exclude(pk=pipeline.registered_by_id or 0).annotate(hands=hands)
    able = people.filter(Q(hands=len(teams)) | Q(is_admin=True)).order_by("is_admin", "name")
    # One more, because one of them may be a further account of the proposer.
    return [one for one in able[: limit + 1] if not is_same_person(pipeline.registered_by, one)][:limit]


def is_same_person(one: User | None, other: User) -> bool:
    """Whether these are one account, or two of the same mailbox, so that neither is a second person for the other."""
    return one is not None and mailbox(one.email) == mailbox(other.email)


def deployed_targets(pipeline: Pipeline) -> tuple[set[int], set[int]]:
    """The ids of the services and of the environments that its last 200 deploys went to."""
    rows = Change.objects.filter(pipeline=pipeline).order_by("-at", "-id")
    pairs = list(rows.values_list("service_id", "environment_id")[:200])
    return {service for service, _ in pairs}, {environment for _, environment in pairs}


def slugs_of(services: Iterable[int], environments: Iterable[int]) -> dict[str, list[str]]:
    """The slugs behind these ids, as `services` and `environments`."""
    return {
        "services": list(Service.objects.filter(pk__in=services).values_list("slug", flat=True)),
        "environments": list(Environment.objects.filter(pk__in=environments).values_list("slug", flat=True)),
    }


def arrivals(refs: Iterable[str], *, limit: int) -> list[Entry]:
    """What was recorded about these changes, the latest first."""
    return list(Entry.objects.filter(subject__in=list(refs)).order_by("-id")[:limit])
