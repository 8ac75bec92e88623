"""Tickets, approvals, reviews, templates, freezes that recur, holds, decisions of the gate, calendar links, packs."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

TRIGGERS = [
    """CREATE TRIGGER IF NOT EXISTS changes_search_insert AFTER INSERT ON changes_change BEGIN
        INSERT INTO changes_search(rowid, search_text) VALUES (new.id, new.search_text); END""",
    """CREATE TRIGGER IF NOT EXISTS changes_search_update AFTER UPDATE OF search_text ON changes_change BEGIN
        INSERT INTO changes_search(changes_search, rowid, search_text) VALUES ('delete', old.id, old.search_text);
        INSERT INTO changes_search(rowid, search_text) VALUES (new.id, new.search_text); END""",
    """CREATE TRIGGER IF NOT EXISTS changes_search_delete AFTER DELETE ON changes_change BEGIN
        INSERT INTO changes_search(changes_search, rowid, search_text) VALUES ('delete', old.id, old.search_text);
        END""",
]


def restore_triggers(apps: StateApps, schema: BaseDatabaseSchemaEditor) -> None:
    """SQLite builds a table anew to change it, and its triggers, which keep the search index, go with the old one."""
    if schema.connection.vendor == "sqlite":
        for statement in TRIGGERS:
            schema.execute(statement, params=None)


def note_last_ends(apps: StateApps, schema: BaseDatabaseSchemaEditor) -> None:
    """No freeze recurred so far, so its end is its last."""
    apps.get_model("changes", "Freeze").objects.update(last_end=models.F("end"))


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0001_initial"),
        ("changes", "0005_derive_commits_and_evidence"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Approval",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "answer",
                    models.CharField(choices=[("approved", "Approved"), ("rejected", "Rejected")], max_length=12),
                ),
                ("actor", models.CharField(max_length=40)),
                ("roles", models.JSONField(default=list)),
                ("digest", models.CharField(max_length=64)),
                ("content", models.JSONField(default=dict)),
                ("note", models.TextField(blank=True, default="")),
                ("at", models.DateTimeField()),
                ("voided_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ("at", "id"),
            },
        ),
        migrations.CreateModel(
            name="CalendarLink",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("digest", models.CharField(max_length=64, unique=True)),
                ("query", models.CharField(blank=True, default="", max_length=500)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("last_used_at", models.DateTimeField(blank=True, null=True)),
                ("revoked_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name="EvidencePack",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("since", models.DateTimeField()),
                ("until", models.DateTimeField()),
                ("services", models.JSONField(default=list)),
                ("sample", models.PositiveIntegerField(default=25)),
                ("seed", models.CharField(max_length=64)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "Waiting"),
                            ("building", "Being made"),
                            ("ready", "Ready"),
                            ("failed", "Failed"),
                        ],
                        default="queued",
                        max_length=12,
                    ),
                ),
                ("done", models.PositiveIntegerField(default=0)),
                ("total", models.PositiveIntegerField(default=0)),
                ("sha256", models.CharField(blank=True, default="", max_length=64)),
                ("error", models.CharField(blank=True, default="", max_length=300)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name="FreezeOverride",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("reason", models.TextField()),
                ("confirmed_at", models.DateTimeField(blank=True, null=True)),
                ("expires_at", models.DateTimeField()),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        migrations.CreateModel(
            name="GateDecision",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sha", models.CharField(max_length=64)),
                ("artifact_digest", models.CharField(blank=True, default="", max_length=140)),
                (
                    "decision",
                    models.CharField(
                        choices=[("allow", "Allow"), ("deny", "Deny"), ("hold", "Hold"), ("review", "Review")],
                        max_length=8,
                    ),
                ),
                ("rule", models.CharField(max_length=80)),
                ("reasons", models.JSONField(default=list)),
                ("policy_version", models.PositiveIntegerField()),
                ("actor", models.CharField(max_length=40)),
                ("at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Hold",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("source", models.CharField(max_length=40)),
                ("reason", models.CharField(max_length=300)),
                ("opened_at", models.DateTimeField()),
                ("released_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name="PackPiece",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                ("content", models.BinaryField()),
            ],
        ),
        migrations.CreateModel(
            name="Review",
            fields=[
                (
                    "change",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="review",
                        serialize=False,
                        to="changes.change",
                    ),
                ),
                ("actor", models.CharField(max_length=40)),
                ("answers", models.JSONField(default=dict)),
                ("note", models.TextField(blank=True, default="")),
                ("at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Template",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("slug", models.SlugField(max_length=64, unique=True)),
                ("name", models.CharField(max_length=120)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("proposed", "Waiting for approval"),
                            ("approved", "Approved"),
                            ("demoted", "Demoted after a failure"),
                            ("retired", "Retired"),
                        ],
                        default="proposed",
                        max_length=12,
                    ),
                ),
                ("title", models.CharField(max_length=300)),
                ("description", models.TextField(blank=True, default="")),
                ("reason", models.TextField(blank=True, default="")),
                ("customer_impacting", models.BooleanField(default=False)),
                ("public_note", models.TextField(blank=True, default="")),
                ("risk_answers", models.JSONField(default=dict)),
                ("test_evidence", models.TextField(blank=True, default="")),
                ("rollback_plan", models.TextField(blank=True, default="")),
                ("rollback_minutes", models.PositiveIntegerField(blank=True, null=True)),
                ("verification_plan", models.TextField(blank=True, default="")),
                ("digest", models.CharField(max_length=64)),
                ("approved_until", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("updated_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "ordering": ("name",),
            },
        ),
        migrations.CreateModel(
            name="TemplateApproval",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("digest", models.CharField(max_length=64)),
                ("note", models.TextField(blank=True, default="")),
                ("at", models.DateTimeField()),
                ("voided_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Ticket",
            fields=[
                (
                    "change",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="ticket",
                        serialize=False,
                        to="changes.change",
                    ),
                ),
                ("description", models.TextField(blank=True, default="")),
                ("reason", models.TextField(blank=True, default="")),
                ("risk_answers", models.JSONField(default=dict)),
                ("test_evidence", models.TextField(blank=True, default="")),
                ("rollback_plan", models.TextField(blank=True, default="")),
                ("rollback_minutes", models.PositiveIntegerField(blank=True, null=True)),
                ("verification_plan", models.TextField(blank=True, default="")),
                ("commits", models.JSONField(default=list)),
                ("incident", models.CharField(blank=True, default="", max_length=40)),
                ("digest", models.CharField(max_length=64)),
                ("written_by", models.JSONField(default=list)),
                ("is_break_glass", models.BooleanField(default=False)),
                ("submitted_at", models.DateTimeField(blank=True, null=True)),
                ("approved_at", models.DateTimeField(blank=True, null=True)),
                ("reminded", models.PositiveSmallIntegerField(default=0)),
            ],
        ),
        migrations.AddField(
            model_name="change",
            name="review_due_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="change",
            name="risk",
            field=models.CharField(
                blank=True,
                choices=[("low", "Low"), ("medium", "Medium"), ("high", "High")],
                db_default="",
                default="",
                max_length=8,
            ),
        ),
        migrations.AddField(
            model_name="change",
            name="window_end",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="change",
            name="window_start",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="freeze",
            name="created_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="freeze",
            name="ended_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="freeze",
            name="last_end",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="freeze",
            name="rrule",
            field=models.CharField(blank=True, db_default="", default="", max_length=300),
        ),
        migrations.AddField(
            model_name="freeze",
            name="time_zone",
            field=models.CharField(blank=True, db_default="", default="", max_length=64),
        ),
        migrations.AddField(
            model_name="freeze",
            name="updated_at",
            field=models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
        ),
        migrations.AddIndex(
            model_name="change",
            index=models.Index(
                condition=models.Q(("window_start__isnull", False)), fields=["window_start"], name="change_by_window"
            ),
        ),
        migrations.AddIndex(
            model_name="change",
            index=models.Index(
                condition=models.Q(("risk", ""), _negated=True), fields=["risk", "-at", "-id"], name="change_by_risk"
            ),
        ),
        migrations.AddIndex(
            model_name="change",
            index=models.Index(
                condition=models.Q(("requester__isnull", False)),
                fields=["requester", "-at", "-id"],
                name="change_by_requester",
            ),
        ),
        migrations.AddIndex(
            model_name="change",
            index=models.Index(
                condition=models.Q(("review_due_at__isnull", False)), fields=["review_due_at"], name="change_review_due"
            ),
        ),
        migrations.AddConstraint(
            model_name="change",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("window_start__isnull", True), ("window_end__gt", models.F("window_start")), _connector="OR"
                ),
                name="window_ends_after_start",
            ),
        ),
        migrations.AddField(
            model_name="approval",
            name="approver",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="approval",
            name="implementer",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="approval",
            name="requester",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="calendarlink",
            name="owner",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="calendar_links", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="evidencepack",
            name="requested_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="freezeoverride",
            name="confirmed_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="freezeoverride",
            name="freeze",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="overrides", to="changes.freeze"
            ),
        ),
        migrations.AddField(
            model_name="freezeoverride",
            name="requested_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="freezeoverride",
            name="services",
            field=models.ManyToManyField(blank=True, to="catalog.service"),
        ),
        migrations.AddField(
            model_name="gatedecision",
            name="change",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="changes.change",
            ),
        ),
        migrations.AddField(
            model_name="gatedecision",
            name="environment",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="catalog.environment"
            ),
        ),
        migrations.AddField(
            model_name="gatedecision",
            name="pipeline",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="gate_decisions", to="changes.pipeline"
            ),
        ),
        migrations.AddField(
            model_name="gatedecision",
            name="service",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="gate_decisions", to="catalog.service"
            ),
        ),
        migrations.AddField(
            model_name="hold",
            name="service",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="holds", to="catalog.service"
            ),
        ),
        migrations.AddField(
            model_name="packpiece",
            name="pack",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="pieces", to="changes.evidencepack"
            ),
        ),
        migrations.AddField(
            model_name="review",
            name="implementer",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="review",
            name="requester",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="review",
            name="reviewer",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="template",
            name="author",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="template",
            name="environment",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="catalog.environment"
            ),
        ),
        migrations.AddField(
            model_name="template",
            name="services",
            field=models.ManyToManyField(blank=True, related_name="templates", to="catalog.service"),
        ),
        migrations.AddField(
            model_name="templateapproval",
            name="approver",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="templateapproval",
            name="author",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="templateapproval",
            name="template",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="approvals", to="changes.template"
            ),
        ),
        migrations.AddField(
            model_name="ticket",
            name="implementer",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="ticket",
            name="services",
            field=models.ManyToManyField(related_name="tickets", to="catalog.service"),
        ),
        migrations.AddField(
            model_name="ticket",
            name="template",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="tickets",
                to="changes.template",
            ),
        ),
        migrations.AddField(
            model_name="approval",
            name="ticket",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="approvals", to="changes.ticket"
            ),
        ),
        migrations.AddConstraint(
            model_name="freezeoverride",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("confirmed_by__isnull", True),
                    models.Q(("confirmed_by", models.F("requested_by")), _negated=True),
                    _connector="OR",
                ),
                name="override_confirmed_by_another",
            ),
        ),
        migrations.AddIndex(
            model_name="gatedecision",
            index=models.Index(fields=["pipeline", "-id"], name="gate_by_pipeline"),
        ),
        migrations.AddConstraint(
            model_name="hold",
            constraint=models.UniqueConstraint(
                condition=models.Q(("released_at__isnull", True)),
                fields=("service", "source"),
                name="one_open_hold_per_source",
            ),
        ),
        migrations.AddConstraint(
            model_name="packpiece",
            constraint=models.UniqueConstraint(fields=("pack", "number"), name="pack_piece_once"),
        ),
        migrations.AddConstraint(
            model_name="review",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("requester__isnull", True),
                    models.Q(("reviewer", models.F("requester")), _negated=True),
                    _connector="OR",
                ),
                name="requester_never_reviews",
            ),
        ),
        migrations.AddConstraint(
            model_name="review",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("implementer__isnull", True),
                    models.Q(("reviewer", models.F("implementer")), _negated=True),
                    _connector="OR",
                ),
                name="implementer_never_reviews",
            ),
        ),
        migrations.AddConstraint(
            model_name="templateapproval",
            constraint=models.CheckConstraint(
                condition=models.Q(("approver", models.F("author")), _negated=True), name="template_approved_by_another"
            ),
        ),
        migrations.AddConstraint(
            model_name="templateapproval",
            constraint=models.UniqueConstraint(
                condition=models.Q(("voided_at__isnull", True)),
                fields=("template", "approver"),
                name="one_template_approval_each",
            ),
        ),
        migrations.AddIndex(
            model_name="ticket",
            index=models.Index(fields=["implementer"], name="ticket_by_implementer"),
        ),
        migrations.AddConstraint(
            model_name="approval",
            constraint=models.CheckConstraint(
                condition=models.Q(("approver", models.F("requester")), _negated=True), name="requester_never_approves"
            ),
        ),
        migrations.AddConstraint(
            model_name="approval",
            constraint=models.CheckConstraint(
                condition=models.Q(("approver", models.F("implementer")), _negated=True),
                name="implementer_never_approves",
            ),
        ),
        migrations.AddConstraint(
            model_name="approval",
            constraint=models.UniqueConstraint(
                condition=models.Q(("voided_at__isnull", True)), fields=("ticket", "approver"), name="one_approval_each"
            ),
        ),
        migrations.RunPython(restore_triggers, migrations.RunPython.noop),
        migrations.RunPython(note_last_ends, migrations.RunPython.noop),
    ]
