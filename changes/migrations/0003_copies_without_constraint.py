"""The run's copies of the change's keys are not checked a second time: it cost a third of every insert."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0001_initial"),
        ("changes", "0002_search"),
    ]

    operations = [
        migrations.AlterField(
            model_name="run",
            name="environment",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="runs",
                to="catalog.environment",
            ),
        ),
        migrations.AlterField(
            model_name="run",
            name="pipeline",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="runs",
                to="changes.pipeline",
            ),
        ),
        migrations.AlterField(
            model_name="run",
            name="service",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="runs",
                to="catalog.service",
            ),
        ),
    ]
