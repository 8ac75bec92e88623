"""Fills Decklog's database and prints, as JSON, by what it can be asked. Runs in Decklog's environment."""

import argparse
import json
import os
from datetime import UTC, datetime

import django
import psycopg

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.conf import settings  # noqa: E402 - the models need the settings that the lines above have loaded
from django.core.management import call_command  # noqa: E402
from django.db import models  # noqa: E402

from accounts.actions import TokenTerms, create_token  # noqa: E402
from accounts.models import Membership, Team, User  # noqa: E402
from bench import bulk, distribution  # noqa: E402
from bench.distribution import ENVIRONMENTS, RARE_WORD, SERVICES, Span  # noqa: E402
from bench.session import sign_in  # noqa: E402
from catalog.models import Environment, Service  # noqa: E402
from changes.models import Change, Pipeline, Run  # noqa: E402
from workflow.models import Entry  # noqa: E402

TABLES = [model._meta.db_table for model in (Change, Run, Entry)]
SLUG = "'service-' || lpad(service::text, 2, '0')"
# The rare word ends the description; Decklog searches titles, so there it ends the title.
TITLE = f"'Deploy ' || {SLUG} || ' ' || version || CASE WHEN text LIKE '%{RARE_WORD}' THEN ' {RARE_WORD}' ELSE '' END"
SEARCHED = f"{TITLE} || ' ' || {SLUG} || ' ' || {SLUG} || '-deploy run-' || i || ' ' || version || ' ' || sha"
CHECKS = """jsonb_build_array(
    jsonb_build_object('check', 'tests', 'required', true, 'passed', true, 'detail', '412 passed at ' || left(sha, 7)),
    jsonb_build_object('check', 'smoke_test', 'required', true, 'passed', true, 'detail', 'passed'),
    jsonb_build_object('check', 'rollback', 'required', true, 'passed', true, 'detail', 'helm rollback to 2.13.9'))"""
EVIDENCE = """jsonb_build_object('tests', jsonb_build_object('passed', 412, 'failed', 0, 'sha', sha),
    'smoke_test', jsonb_build_object('status', 'passed'), 'rollback', jsonb_build_object('ready', true))"""
EVENT = f"""jsonb_build_object('status', status, 'sha', sha, 'started_at', at, 'evidence', {EVIDENCE},
    'received_at', at + interval '4 minutes', 'by', 'token:1')"""
CHANGE = {
    "id": "i",
    "type": "'standard'",
    "origin": "'pipeline'",
    "authorization": "'auto_exempt'",
    "state": "'closed'",
    "outcome": "CASE status WHEN 'cancelled' THEN 'not_done' ELSE status END",
    "verdict": "'exempt'",
    "verdict_rule": "'pipeline_deploy_exempt'",
    "policy_version": "1",
    "title": TITLE,
    "service_id": "service + 1",
    "environment_id": "environment + 1",
    "pipeline_id": "service + 1",
    "public_note": "text",
    "version": "version",
    "sha": "sha",
    "at": "at",
    "started_at": "at",
    "finished_at": "at + interval '4 minutes'",
    "search_text": f"trim(regexp_replace(lower({SEARCHED}), '[^a-z0-9]+', ' ', 'g'))",
    "created_at": "at",
    "updated_at": "at",
}
RUN = {
    "change_id": "i",
    "pipeline_id": "service + 1",
    "run_id": "'run-' || i",
    "service_id": "service + 1",
    "environment_id": "environment + 1",
    "status": "status",
    "run_url": "'https://ci.example.com/runs/' || i",
    "events": f"jsonb_build_array({EVENT})",
    "checks": CHECKS,
    "received_at": "at + interval '4 minutes'",
}
ENTRY = {
    "subject": "'CHG-' || i",
    "verb": "'logged'",
    "actor": "'token:1'",
    "occurred_at": "at",
    "recorded_at": "at + interval '4 minutes'",
    "data": "jsonb_build_object('status', status, 'verdict', 'exempt', 'version', version)",
    "rule": "'pipeline_deploy_exempt'",
}


def main() -> None:
    """Make the tables, an organisation and `--rows` deploys, or add `--fresh` deploys to a filled database."""
    words = argparse.ArgumentParser()
    words.add_argument("--rows", type=int, default=0)
    words.add_argument("--fresh", type=int, default=0)
    chosen = words.parse_args()
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        if chosen.fresh:
            bulk.hold_back_vacuum(connection, TABLES)
            _insert(connection, distribution.fresh(chosen.fresh))
            return
        call_command("migrate", verbosity=0)
        person, token = _organisation()
        with bulk.without_indexes(connection, TABLES):
            _insert(connection, distribution.history(chosen.rows))
        connection.execute("SELECT setval(pg_get_serial_sequence('changes_change', 'id'), %s)", (chosen.rows + 1,))
        bulk.settle(connection, TABLES)
        print(json.dumps({"token": token, "session": sign_in(person, backend=settings.AUTHENTICATION_BACKENDS[0])}))


def _insert(connection: bulk.Connection, span: Span) -> None:
    with bulk.deeds(connection, span):
        for model, columns in ((Change, CHANGE), (Run, RUN), (Entry, ENTRY)):
            whole = _defaults(model) | columns
            names = ", ".join(f'"{name}"' for name in whole)
            values = ", ".join(whole.values())
            connection.execute(f"INSERT INTO {model._meta.db_table} ({names}) SELECT {values} FROM deed ORDER BY i")


def _defaults(model: type[models.Model]) -> dict[str, str]:
    """The value of every column that has no default in the database, as the model would give it."""
    return {
        str(field.column): _literal(field.get_default())
        for field in model._meta.concrete_fields
        if not field.primary_key and field.db_default is models.NOT_PROVIDED
    }


def _literal(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool | int):
        return str(value)
    return "'" + (value if isinstance(value, str) else json.dumps(value)).replace("'", "''") + "'"


def _organisation() -> tuple[User, str]:
    """Six teams, fifty services, each with a trusted pipeline; the token is bound to all of them."""
    ann, bo = (User.objects.create(email=f"{name}@example.com", name=name.title()) for name in ("ann", "bo"))
    teams = [Team.objects.create(slug=f"team-{number}", name=f"Team {number}") for number in range(6)]
    for team in teams:
        Membership.objects.create(team=team, user=ann, is_lead=True)
        Membership.objects.create(team=team, user=bo)
    environments = [
        Environment.objects.create(pk=number, slug=slug, name=slug.title(), is_production=slug == "production")
        for number, slug in enumerate(ENVIRONMENTS, start=1)
    ]
    token, text = create_token(ann, TokenTerms("ci", ["deploy", "read"], requests_per_minute=0))
    for number, slug in enumerate(SERVICES, start=1):
        service = Service.objects.create(
            pk=number, slug=slug, name=slug.title(), team=teams[number % 6], tier=number % 4
        )
        pipeline = Pipeline.objects.create(
            pk=number,
            slug=f"{slug}-deploy",
            name=f"{slug} deploy",
            state=Pipeline.State.TRUSTED,
            token=token,
            requires=["tests", "smoke_test", "rollback"],
            registered_by=ann,
            confirmed_by=bo,
            confirmed_at=datetime.now(UTC),
        )
        pipeline.services.add(service)
        pipeline.environments.set(environments)
    return ann, text


if __name__ == "__main__":
    main()
