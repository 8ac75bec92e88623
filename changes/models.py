"""A change to production, whoever made it, and the freezes that forbid some."""

from django.db import models
from django.db.models.functions import Now

from accounts.models import Team, User
from catalog.models import Environment, Service
from changes.pipelines.models import Pipeline, Run
from changes.states import Authorization, Origin, Outcome, State, Type, Verdict

__all__ = ["Change", "Freeze", "Pipeline", "Run"]

REF_PREFIX = "CHG-"


class Change(models.Model):
    """One change. What a pipeline told about a deploy is in its `run`.

    `at` is the moment the change is listed under: when it started, else when its window opens, else when it was filed.
    `flags` are words separated by spaces. `search_text` is what full-text search sees, already split into plain words.
    """

    type = models.CharField(max_length=12, choices=Type, default=Type.STANDARD)
    origin = models.CharField(max_length=12, choices=Origin)
    authorization = models.CharField(max_length=12, choices=Authorization)
    state = models.CharField(max_length=12, choices=State)
    outcome = models.CharField(max_length=24, choices=Outcome, blank=True, default="")
    verdict = models.CharField(max_length=12, choices=Verdict, blank=True, default="")
    verdict_rule = models.CharField(max_length=80, blank=True, default="")
    policy_version = models.PositiveIntegerField(default=0)
    title = models.CharField(max_length=300)
    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="changes", db_index=False)
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="changes", db_index=False)
    pipeline = models.ForeignKey(
        Pipeline, on_delete=models.PROTECT, related_name="changes", null=True, blank=True, db_index=False
    )
    requester = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="changes", null=True, blank=True, db_index=False
    )
    customer_impacting = models.BooleanField(default=False)
    public_note = models.TextField(blank=True, default="")
    version = models.CharField(max_length=100, blank=True, default="")
    sha = models.CharField(max_length=64, blank=True, default="")
    flags = models.CharField(max_length=120, blank=True, default="")
    at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    search_text = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = (
            models.Index(fields=["-at", "-id"], name="change_newest"),
            models.Index(fields=["service", "-at", "-id"], name="change_by_service"),
            models.Index(
                fields=["pipeline", "-at", "-id"], name="change_by_pipeline", condition=models.Q(pipeline__isnull=False)
            ),
            models.Index(
                fields=["verdict", "-at", "-id"],
                name="change_needs_proof",
                condition=models.Q(verdict__in=["pending", "unproven"]),
            ),
            models.Index(
                fields=["state", "-at", "-id"],
                name="change_open",
                condition=models.Q(state__in=["draft", "submitted", "approved", "in_progress"]),
            ),
            models.Index(fields=["sha"], name="change_by_sha", condition=~models.Q(sha="")),
        )

    def __str__(self) -> str:
        return f"{self.ref} {self.title}"

    @property
    def ref(self) -> str:
        """The name people use: `CHG-12`."""
        return f"{REF_PREFIX}{self.pk}"


class Freeze(models.Model):
    """A time in which changes are not wanted. Hard forbids, soft warns; empty lists mean everything.

    The interval is half-open: [start, end).
    """

    name = models.CharField(max_length=120)
    reason = models.TextField(blank=True, default="")
    is_hard = models.BooleanField(default=True)
    start = models.DateTimeField()
    end = models.DateTimeField()
    environments = models.ManyToManyField(Environment, blank=True)
    services = models.ManyToManyField(Service, blank=True)
    teams = models.ManyToManyField(Team, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = (
            models.CheckConstraint(condition=models.Q(end__gt=models.F("start")), name="freeze_ends_after_start"),
        )
        indexes = (models.Index(fields=["end"], name="freeze_by_end"),)

    def __str__(self) -> str:
        return self.name
