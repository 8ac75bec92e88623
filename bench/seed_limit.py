"""Fills the limit's database and prints, as JSON, by what its table can be asked. Runs in the limit's environment."""

import argparse
import hashlib
import json
import os
import secrets
from pathlib import Path

import django
import psycopg

os.environ["DJANGO_SETTINGS_MODULE"] = "bench.limit.settings"
django.setup()

from django.contrib.auth.models import User  # noqa: E402 - models need the settings that the lines above have loaded
from django.core.management import call_command  # noqa: E402

from bench import bulk, distribution  # noqa: E402
from bench.distribution import ENVIRONMENTS, Span  # noqa: E402
from bench.session import sign_in  # noqa: E402

TABLES = ["deploy"]
ROWS = f"""
INSERT INTO deploy (service, environment, status, version, title, description, url, actor, started_at, extra)
SELECT 'service-' || lpad(service::text, 2, '0'), (ARRAY{ENVIRONMENTS})[environment + 1], status, version,
    'Deploy service-' || lpad(service::text, 2, '0') || ' ' || version, text, 'https://ci.example.com/runs/' || i,
    'ci', at, jsonb_build_object('sha', sha, 'tests', jsonb_build_object('passed', 412, 'failed', 0))
FROM deed ORDER BY i
"""


def main() -> None:
    """Make the tables and `--rows` rows, or add `--fresh` rows to a filled database."""
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
        connection.execute((Path(__file__).parent / "limit" / "schema.sql").read_text())
        token = secrets.token_urlsafe(32)
        digest = hashlib.sha256(token.encode()).hexdigest()
        connection.execute("INSERT INTO token VALUES (%s, 'ci')", (digest,))
        with bulk.without_indexes(connection, TABLES):
            _insert(connection, distribution.history(chosen.rows))
        bulk.settle(connection, TABLES)
        ann = User.objects.create(username="ann")
        session = sign_in(ann, backend="django.contrib.auth.backends.ModelBackend")
        print(json.dumps({"token": token, "session": session}))


def _insert(connection: bulk.Connection, span: Span) -> None:
    with bulk.deeds(connection, span):
        connection.execute(ROWS)


if __name__ == "__main__":
    main()
