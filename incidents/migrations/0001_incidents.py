"""Incidents, impacts, invitations, alerts, links to changes and public updates."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """The first of this room."""

    initial = True

    dependencies = [
        ("catalog", "0001_initial"),
        ("changes", "0007_leases_and_revocations"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Incident",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("title", models.CharField(max_length=200)),
                ("summary", models.TextField(blank=True, default="")),
                (
                    "severity",
                    models.CharField(
                        choices=[("sev1", "Sev 1"), ("sev2", "Sev 2"), ("sev3", "Sev 3"), ("sev4", "Sev 4")],
                        max_length=4,
                    ),
                ),
                (
                    "impact",
                    models.CharField(
                        blank=True,
                        choices=[("degraded", "Degraded"), ("partial", "Partly down"), ("down", "Down")],
                        default="",
                        max_length=12,
                    ),
                ),
                (
                    "scope",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("internal", "Only ourselves"),
                            ("few", "A few customers"),
                            ("many", "Many customers"),
                            ("all", "All customers"),
                        ],
                        default="",
                        max_length=12,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("triage", "Triage"),
                            ("investigating", "Investigating"),
                            ("identified", "Identified"),
                            ("mitigated", "Mitigated"),
                            ("resolved", "Resolved"),
                            ("closed", "Closed"),
                            ("cancelled", "Cancelled"),
                            ("merged", "Merged"),
                        ],
                        default="triage",
                        max_length=16,
                    ),
                ),
                ("customer_impacting", models.BooleanField(blank=True, null=True)),
                ("restricted", models.BooleanField(default=False)),
                ("impact_started_at", models.DateTimeField(blank=True, null=True)),
                ("detected_at", models.DateTimeField(blank=True, null=True)),
                ("declared_at", models.DateTimeField()),
                ("acknowledged_at", models.DateTimeField(blank=True, null=True)),
                ("first_public_post_at", models.DateTimeField(blank=True, null=True)),
                ("mitigated_at", models.DateTimeField(blank=True, null=True)),
                ("resolved_at", models.DateTimeField(blank=True, null=True)),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                ("sources", models.JSONField(default=dict)),
                ("reopenings", models.JSONField(default=list)),
                (
                    "detection_source",
                    models.CharField(
                        blank=True,
                        choices=[("alert", "An alert"), ("customer", "A customer"), ("person", "One of us")],
                        default="",
                        max_length=12,
                    ),
                ),
                ("on_call", models.JSONField(default=list)),
                ("alias", models.CharField(max_length=16)),
                ("search_text", models.TextField(blank=True, default="")),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("updated_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "commander",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "comms",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "declared_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "merged_into",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="absorbed",
                        to="incidents.incident",
                    ),
                ),
                (
                    "scribe",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("services", models.ManyToManyField(related_name="incidents", to="catalog.service")),
            ],
        ),
        migrations.CreateModel(
            name="Impact",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "level",
                    models.CharField(
                        choices=[("degraded", "Degraded"), ("partial", "Partly down"), ("down", "Down")], max_length=12
                    ),
                ),
                ("start", models.DateTimeField()),
                ("end", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "service",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="impacts", to="catalog.service"
                    ),
                ),
                (
                    "incident",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="impacts", to="incidents.incident"
                    ),
                ),
            ],
            options={
                "ordering": ("start", "pk"),
            },
        ),
        migrations.CreateModel(
            name="Alert",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("source", models.CharField(max_length=64)),
                ("dedup_key", models.CharField(max_length=200)),
                ("title", models.CharField(max_length=200)),
                ("url", models.CharField(blank=True, default="", max_length=2000)),
                ("details", models.JSONField(default=dict)),
                ("count", models.PositiveIntegerField(default=1)),
                ("detected_at", models.DateTimeField(blank=True, null=True)),
                ("first_at", models.DateTimeField()),
                ("last_at", models.DateTimeField()),
                ("resolved_at", models.DateTimeField(blank=True, null=True)),
                (
                    "service",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="catalog.service",
                    ),
                ),
                (
                    "incident",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="alerts",
                        to="incidents.incident",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="IncidentChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("suspect", "Suspected"),
                            ("caused", "Caused it"),
                            ("contributed", "Contributed"),
                            ("fixed", "Fixed it"),
                            ("cleared", "Cleared"),
                        ],
                        max_length=12,
                    ),
                ),
                ("note", models.CharField(blank=True, default="", max_length=300)),
                ("at", models.DateTimeField()),
                (
                    "change",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="incident_links", to="changes.change"
                    ),
                ),
                (
                    "incident",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="change_links",
                        to="incidents.incident",
                    ),
                ),
                (
                    "said_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Invite",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField()),
                (
                    "incident",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="invites", to="incidents.incident"
                    ),
                ),
                (
                    "invited_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="PublicUpdate",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("message", models.TextField()),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("investigating", "Investigating"),
                            ("identified", "Identified"),
                            ("mitigated", "Mitigated"),
                            ("resolved", "Resolved"),
                        ],
                        max_length=16,
                    ),
                ),
                ("public", models.BooleanField(default=True)),
                (
                    "state",
                    models.CharField(
                        choices=[("draft", "Draft"), ("published", "Published")], default="draft", max_length=12
                    ),
                ),
                ("next_by", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField()),
                ("updated_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("published_at", models.DateTimeField(blank=True, null=True)),
                (
                    "author",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "incident",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="updates", to="incidents.incident"
                    ),
                ),
            ],
            options={
                "ordering": ("created_at", "pk"),
            },
        ),
        migrations.AddIndex(
            model_name="incident",
            index=models.Index(fields=["-declared_at", "-id"], name="incident_newest"),
        ),
        migrations.AddIndex(
            model_name="incident",
            index=models.Index(
                condition=models.Q(("state__in", ["triage", "investigating", "identified", "mitigated"])),
                fields=["declared_at"],
                name="incident_open",
            ),
        ),
        migrations.AddConstraint(
            model_name="incident",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("merged_into__isnull", False), ("state", "merged")),
                    models.Q(models.Q(("state", "merged"), _negated=True), ("merged_into__isnull", True)),
                    _connector="OR",
                ),
                name="merged_incident_names_its_parent",
            ),
        ),
        migrations.AddConstraint(
            model_name="incident",
            constraint=models.CheckConstraint(
                condition=models.Q(("merged_into", models.F("pk")), _negated=True),
                name="incident_never_merged_into_itself",
            ),
        ),
        migrations.AddConstraint(
            model_name="incident",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("mitigated_at__isnull", True),
                    ("impact_started_at__isnull", True),
                    ("mitigated_at__gte", models.F("impact_started_at")),
                    _connector="OR",
                ),
                name="mitigated_after_impact_started",
            ),
        ),
        migrations.AddConstraint(
            model_name="incident",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("resolved_at__isnull", True),
                    ("mitigated_at__isnull", True),
                    ("resolved_at__gte", models.F("mitigated_at")),
                    _connector="OR",
                ),
                name="resolved_after_mitigated",
            ),
        ),
        migrations.AddConstraint(
            model_name="incident",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("closed_at__isnull", True),
                    ("resolved_at__isnull", True),
                    ("closed_at__gte", models.F("resolved_at")),
                    _connector="OR",
                ),
                name="closed_after_resolved",
            ),
        ),
        migrations.AddIndex(
            model_name="impact",
            index=models.Index(fields=["service", "start"], name="impact_by_service"),
        ),
        migrations.AddConstraint(
            model_name="impact",
            constraint=models.CheckConstraint(
                condition=models.Q(("end__isnull", True), ("end__gt", models.F("start")), _connector="OR"),
                name="impact_ends_later",
            ),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(fields=["source", "dedup_key", "-last_at"], name="alert_by_key"),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.UniqueConstraint(
                condition=models.Q(("resolved_at__isnull", True)),
                fields=("source", "dedup_key"),
                name="one_open_alert_per_key",
            ),
        ),
        migrations.AddConstraint(
            model_name="incidentchange",
            constraint=models.UniqueConstraint(fields=("incident", "change"), name="one_role_per_change"),
        ),
        migrations.AddConstraint(
            model_name="invite",
            constraint=models.UniqueConstraint(fields=("incident", "user"), name="invited_once"),
        ),
        migrations.AddConstraint(
            model_name="publicupdate",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("published_at__isnull", False), ("state", "published")),
                    models.Q(("published_at__isnull", True), ("state", "draft")),
                    _connector="OR",
                ),
                name="published_update_has_its_time",
            ),
        ),
    ]
