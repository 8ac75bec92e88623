"""PostgreSQL: search through a function that the planner knows to be dear, so it never tests row by row what is indexed.

After a bulk load the planner takes a rare word for a frequent one; calling the function for each row would then cost it
seconds, and with this price it leaves that alone.
"""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

POSTGRES = """
CREATE FUNCTION changes_words(search_text text) RETURNS tsvector LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 10000
    AS $$ BEGIN RETURN array_to_tsvector(string_to_array(search_text, ' ')); END $$;
CREATE INDEX change_words ON changes_change USING gin (changes_words(search_text))
    WITH (fastupdate = on, gin_pending_list_limit = 256);
DROP INDEX change_search;
"""


def forwards(apps: StateApps, schema: BaseDatabaseSchemaEditor) -> None:
    """Swap the index on PostgreSQL; SQLite keeps its FTS5 table."""
    if schema.connection.vendor == "postgresql":
        schema.execute(POSTGRES, params=None)


class Migration(migrations.Migration):
    """After the first search index."""

    dependencies = [("changes", "0003_copies_without_constraint")]
    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
