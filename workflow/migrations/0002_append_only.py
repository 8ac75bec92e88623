"""The ledger refuses UPDATE and DELETE, and the sign-in limits get their table."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

POSTGRES = """
CREATE FUNCTION workflow_entry_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$;
CREATE TRIGGER workflow_entry_append_only BEFORE UPDATE OR DELETE ON workflow_entry
    FOR EACH STATEMENT EXECUTE FUNCTION workflow_entry_is_append_only();
"""
SQLITE = [
    f"""CREATE TRIGGER workflow_entry_no_{verb} BEFORE {verb} ON workflow_entry
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"""
    for verb in ("UPDATE", "DELETE")
]
CACHE_TABLE = """
CREATE TABLE decklog_cache (cache_key varchar(255) PRIMARY KEY, value text NOT NULL, expires {moment} NOT NULL)
"""


def forwards(apps: StateApps, schema: BaseDatabaseSchemaEditor) -> None:
    """Create the triggers and the cache table in the dialect at hand."""
    is_postgres = schema.connection.vendor == "postgresql"
    for statement in [POSTGRES] if is_postgres else SQLITE:
        schema.execute(statement, params=None)
    schema.execute(CACHE_TABLE.format(moment="timestamptz" if is_postgres else "datetime"), params=None)
    schema.execute("CREATE INDEX decklog_cache_expires ON decklog_cache (expires)", params=None)


class Migration(migrations.Migration):
    """After the tables exist."""

    dependencies = [("workflow", "0001_initial")]
    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
