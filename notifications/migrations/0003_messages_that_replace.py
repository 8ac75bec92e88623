"""A message may take the place of an older one: one message about a change that is updated, not repeated."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0002_relay_and_tallies"),
    ]

    operations = [
        migrations.AddField(
            model_name="message",
            name="replaces",
            field=models.CharField(blank=True, db_default="", default="", max_length=80),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(
                condition=~models.Q(("replaces", "")), fields=["replaces", "-id"], name="message_by_replaces"
            ),
        ),
    ]
