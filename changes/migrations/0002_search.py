"""Full-text search over `search_text`: a GIN index on PostgreSQL, an FTS5 table kept by triggers on SQLite."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

POSTGRES = """
CREATE INDEX change_search ON changes_change USING gin (array_to_tsvector(string_to_array(search_text, ' ')))
    WITH (fastupdate = on, gin_pending_list_limit = 256)
"""
SQLITE = [
    """CREATE VIRTUAL TABLE changes_search USING fts5(
        search_text, content='changes_change', content_rowid='id', tokenize='unicode61')""",
    """CREATE TRIGGER changes_search_insert AFTER INSERT ON changes_change BEGIN
        INSERT INTO changes_search(rowid, search_text) VALUES (new.id, new.search_text); END""",
    """CREATE TRIGGER changes_search_update AFTER UPDATE OF search_text ON changes_change BEGIN
        INSERT INTO changes_search(changes_search, rowid, search_text) VALUES ('delete', old.id, old.search_text);
        INSERT INTO changes_search(rowid, search_text) VALUES (new.id, new.search_text); END""",
    """CREATE TRIGGER changes_search_delete AFTER DELETE ON changes_change BEGIN
        INSERT INTO changes_search(changes_search, rowid, search_text) VALUES ('delete', old.id, old.search_text);
        END""",
]


def forwards(apps: StateApps, schema: BaseDatabaseSchemaEditor) -> None:
    """Build the index in the dialect at hand."""
    for statement in [POSTGRES] if schema.connection.vendor == "postgresql" else SQLITE:
        schema.execute(statement, params=None)


class Migration(migrations.Migration):
    """After the tables exist."""

    dependencies = [("changes", "0001_initial")]
    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
