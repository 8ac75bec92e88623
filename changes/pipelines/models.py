"""A pipeline that logs deploys, and each run of it."""

from typing import Any

from django.db import models
from django.db.models.functions import Now
from django.utils.functional import cached_property

from accounts.models import ApiToken, User
from catalog.models import Environment, Service
from changes.pipelines.order import RunState, fold


class Pipeline(models.Model):
    """An automation that deploys. Its deploys are exempt from review only while it is trusted.

    One person registers it with the checks it must pass, another confirms. A pipeline that nobody registered but that
    logged a deploy exists as `unregistered`, so that no deploy is ever turned away.
    """

    class State(models.TextChoices):
        """How far it is trusted."""

        UNREGISTERED = "unregistered", "Not registered"
        PROPOSED = "proposed", "Waiting for a second person"
        TRUSTED = "trusted", "Trusted"
        SUSPENDED = "suspended", "Suspended"

    slug = models.SlugField(max_length=64, unique=True)
    name = models.CharField(max_length=120, blank=True, default="")
    state = models.CharField(max_length=16, choices=State, default=State.UNREGISTERED)
    services = models.ManyToManyField(Service, related_name="pipelines", blank=True)
    environments = models.ManyToManyField(Environment, related_name="pipelines", blank=True)
    token = models.ForeignKey(ApiToken, on_delete=models.SET_NULL, null=True, blank=True, related_name="pipelines")
    requires = models.JSONField(default=list)
    registered_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    confirmed_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    confirmed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=models.Q(confirmed_by__isnull=True) | ~models.Q(confirmed_by=models.F("registered_by")),
                name="pipeline_confirmed_by_another",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="trusted") | models.Q(confirmed_by__isnull=False),
                name="trusted_pipeline_is_confirmed",
            ),
        )
        ordering = ("slug",)

    def __str__(self) -> str:
        return self.slug

    @property
    def ref(self) -> str:
        """The subject under which the ledger keeps it."""
        return f"PIPE-{self.pk}"


class Run(models.Model):
    """What a pipeline told about one deploy of one service: everything it sent, and what that amounts to.

    `events` holds each distinct message in the order of arrival; the rest is computed from them by
    `changes.pipelines.order.fold`, so the order of arrival makes no difference. Pipeline, service and environment
    repeat, for the natural key, what the change refers to; only the change's own keys are checked by the database.
    `checks` is the latest verdict in detail. `proof_due_at` is when missing proof stops being waited for.
    """

    change = models.OneToOneField("changes.Change", on_delete=models.PROTECT, primary_key=True, related_name="run")
    pipeline = models.ForeignKey(
        Pipeline, on_delete=models.PROTECT, related_name="runs", db_index=False, db_constraint=False
    )
    run_id = models.CharField(max_length=200)
    attempt = models.PositiveIntegerField(default=1)
    service = models.ForeignKey(
        Service, on_delete=models.PROTECT, related_name="runs", db_index=False, db_constraint=False
    )
    environment = models.ForeignKey(
        Environment, on_delete=models.PROTECT, related_name="runs", db_index=False, db_constraint=False
    )
    status = models.CharField(max_length=16)
    previous_sha = models.CharField(max_length=64, blank=True, default="")
    artifact_digest = models.CharField(max_length=140, blank=True, default="")
    run_url = models.CharField(max_length=2000, blank=True, default="")
    tickets = models.JSONField(default=list)
    events = models.JSONField(default=list)
    checks = models.JSONField(default=list)
    received_at = models.DateTimeField()
    proof_due_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["pipeline", "run_id", "attempt", "service", "environment"], name="run_natural_key"
            ),
        )
        indexes = (
            models.Index(fields=["proof_due_at"], name="run_proof_due", condition=models.Q(proof_due_at__isnull=False)),
        )

    def __str__(self) -> str:
        return f"{self.pipeline_id} run {self.run_id}"

    @cached_property
    def told(self) -> RunState:
        """What the events amount to."""
        return fold(self.events)

    @property
    def commits(self) -> list[dict[str, Any]]:
        """The commits that were sent last, in the words of the API."""
        return self.told.commits

    @property
    def evidence(self) -> dict[str, Any]:
        """The latest proof for each check, in the words of the API."""
        return self.told.evidence


class GateDecision(models.Model):
    """The answer to "may I deploy now?", valid until `expires_at` for one commit. Rows are only ever added.

    `reasons` are of the form {"code", "detail"}; `change` is the change that a person must approve first, if one must.
    """

    class Decision(models.TextChoices):
        """What the pipeline was told."""

        ALLOW = "allow", "Allow"
        DENY = "deny", "Deny"
        HOLD = "hold", "Hold"
        REVIEW = "review", "Review"

    pipeline = models.ForeignKey(Pipeline, on_delete=models.PROTECT, related_name="gate_decisions")
    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="gate_decisions")
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="+")
    sha = models.CharField(max_length=64)
    artifact_digest = models.CharField(max_length=140, blank=True, default="")
    decision = models.CharField(max_length=8, choices=Decision)
    rule = models.CharField(max_length=80)
    reasons = models.JSONField(default=list)
    policy_version = models.PositiveIntegerField()
    change = models.ForeignKey("changes.Change", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    actor = models.CharField(max_length=40)
    at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        indexes = (models.Index(fields=["pipeline", "-id"], name="gate_by_pipeline"),)

    def __str__(self) -> str:
        return f"{self.decision} {self.ref}"

    @property
    def ref(self) -> str:
        """The id that the pipeline was given: `GATE-12`."""
        return f"GATE-{self.pk}"
