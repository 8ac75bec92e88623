"""A run's commits and evidence are read off its events, which hold them already."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("changes", "0004_search_by_function"),
    ]

    operations = [
        migrations.RemoveField(
            model_name="run",
            name="commits",
        ),
        migrations.RemoveField(
            model_name="run",
            name="evidence",
        ),
    ]
