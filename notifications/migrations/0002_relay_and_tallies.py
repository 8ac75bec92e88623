"""Counters, marks, and the indexes that the relay and the delivery log read."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Mark",
            fields=[
                ("name", models.CharField(max_length=20, primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Tally",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("channel", models.CharField(max_length=12)),
                (
                    "kind",
                    models.CharField(
                        choices=[("state", "Messages in a final state"), ("verdict", "Attempts")], max_length=8
                    ),
                ),
                ("word", models.CharField(max_length=12)),
                ("count", models.BigIntegerField()),
            ],
            options={
                "verbose_name_plural": "tallies",
            },
        ),
        migrations.AddField(
            model_name="message",
            name="is_unwanted",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(
                condition=models.Q(("state", "pending")), fields=["deadline_at"], name="message_expiring"
            ),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(fields=["channel", "-id"], name="message_by_channel"),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(condition=models.Q(("sent_at__isnull", False)), fields=["sent_at"], name="message_sent"),
        ),
    ]
