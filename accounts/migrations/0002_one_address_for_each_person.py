"""Forget the addresses that people gave themselves beside the one that an administrator gave them.

Up to here allauth's own page took any address unproven, and a link to set a password went there as well. Nobody needs
these rows: who somebody is stands in `User.email`.
"""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def forget(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Remove them all."""
    apps.get_model("account", "EmailAddress").objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("account", "0009_emailaddress_unique_primary_email"),
    ]

    operations = [migrations.RunPython(forget, migrations.RunPython.noop)]
