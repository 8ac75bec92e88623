"""Incidents, what they hurt, and what belongs to them. Their timeline is in the ledger, under their ref."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from accounts.models import User
from catalog.models import Service
from changes.models import Change
from incidents.rca.models import CorrectiveAction, Rca, RcaWhy, Why, WhyEdge
from incidents.states import OPEN, DetectionSource, Level, Scope, Severity, State

__all__ = [
    "Alert",
    "CorrectiveAction",
    "Impact",
    "Incident",
    "IncidentChange",
    "Invite",
    "PublicUpdate",
    "Rca",
    "RcaWhy",
    "Why",
    "WhyEdge",
]

REF_PREFIX = "INC-"
TIMES = (
    "impact_started_at",
    "detected_at",
    "declared_at",
    "acknowledged_at",
    "first_public_post_at",
    "mitigated_at",
    "resolved_at",
    "closed_at",
)
"""The moments of an incident, in the order in which they usually come."""


class Incident(models.Model):
    """Something that hurts, or that somebody fears does.

    Every time is null while it is unknown. `sources` says for each known one where it is from:
    {"detected_at": {"source": "alert", "actor": "system", "evidence": "https://…"}}. The times are those of the first
    round; `reopenings` has one object for each later one: {"reopened_at", "reason", "impact_started_at",
    "mitigated_at", "resolved_at", "closed_at"}, as texts or null. `impact` and `scope` are what the
    severity was read off, empty when it was said outright. `customer_impacting` is null until somebody has said.
    `on_call` is who had the watch when it was declared: [{"schedule", "people": [name, …]}]. `alias` names it
    where a restricted one must not be named. `search_text` is title, summary and services in plain words.
    """

    title = models.CharField(max_length=200)
    summary = models.TextField(blank=True, default="")
    severity = models.CharField(max_length=4, choices=Severity)
    impact = models.CharField(max_length=12, choices=Level, blank=True, default="")
    scope = models.CharField(max_length=12, choices=Scope, blank=True, default="")
    state = models.CharField(max_length=16, choices=State, default=State.TRIAGE)
    customer_impacting = models.BooleanField(null=True, blank=True)
    restricted = models.BooleanField(default=False)
    merged_into = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="absorbed")
    services = models.ManyToManyField(Service, related_name="incidents")

    impact_started_at = models.DateTimeField(null=True, blank=True)
    detected_at = models.DateTimeField(null=True, blank=True)
    declared_at = models.DateTimeField()
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    first_public_post_at = models.DateTimeField(null=True, blank=True)
    mitigated_at = models.DateTimeField(null=True, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    sources = models.JSONField(default=dict)
    reopenings = models.JSONField(default=list)
    detection_source = models.CharField(max_length=12, choices=DetectionSource, blank=True, default="")

    commander = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    comms = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    scribe = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    declared_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    on_call = models.JSONField(default=list)
    alias = models.CharField(max_length=16)
    search_text = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(state=State.MERGED, merged_into__isnull=False)
                | ~Q(state=State.MERGED) & Q(merged_into__isnull=True),
                name="merged_incident_names_its_parent",
            ),
            models.CheckConstraint(condition=~Q(merged_into=F("pk")), name="incident_never_merged_into_itself"),
            models.CheckConstraint(
                condition=Q(mitigated_at__isnull=True)
                | Q(impact_started_at__isnull=True)
                | Q(mitigated_at__gte=F("impact_started_at")),
                name="mitigated_after_impact_started",
            ),
            models.CheckConstraint(
                condition=Q(resolved_at__isnull=True)
                | Q(mitigated_at__isnull=True)
                | Q(resolved_at__gte=F("mitigated_at")),
                name="resolved_after_mitigated",
            ),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True) | Q(resolved_at__isnull=True) | Q(closed_at__gte=F("resolved_at")),
                name="closed_after_resolved",
            ),
        )
        indexes = (
            models.Index(fields=["-declared_at", "-id"], name="incident_newest"),
            models.Index(
                fields=["declared_at"],
                name="incident_open",
                condition=Q(state__in=["triage", "investigating", "identified", "mitigated"]),
            ),
        )

    def __str__(self) -> str:
        return f"{self.ref} {self.title}"

    @property
    def ref(self) -> str:
        """The name people use: `INC-3`."""
        return f"{REF_PREFIX}{self.pk}"

    @property
    def hold_source(self) -> str:
        """Under which name it holds services and pages people; one that is restricted is not named."""
        return f"restricted {self.alias}" if self.restricted else self.ref

    @property
    def is_open(self) -> bool:
        """Whether somebody is at work on it."""
        return self.state in OPEN


class Invite(models.Model):
    """That somebody may see a restricted incident."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="invites")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    invited_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["incident", "user"], name="invited_once"),)

    def __str__(self) -> str:
        return f"{self.user_id} invited to {self.incident_id}"


class Impact(models.Model):
    """That a service was hurt over [start, end); `end` is null while it still is."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="impacts")
    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="impacts")
    level = models.CharField(max_length=12, choices=Level)
    start = models.DateTimeField()
    end = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(end__isnull=True) | Q(end__gt=F("start")), name="impact_ends_later"),
        )
        indexes = (models.Index(fields=["service", "start"], name="impact_by_service"),)
        ordering = ("start", "pk")

    def __str__(self) -> str:
        return f"{self.service_id} {self.level} in {self.incident_id}"


class IncidentChange(models.Model):
    """What somebody says a change has to do with an incident. There is one word for each pair; the ledger has all.

    `place` is where it stood among the suspects when somebody said that it caused it; null when it was none.
    """

    class Role(models.TextChoices):
        """What it did."""

        SUSPECT = "suspect", "Suspected"
        CAUSED = "caused", "Caused it"
        CONTRIBUTED = "contributed", "Contributed"
        FIXED = "fixed", "Fixed it"
        CLEARED = "cleared", "Cleared"

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="change_links")
    change = models.ForeignKey(Change, on_delete=models.PROTECT, related_name="incident_links")
    role = models.CharField(max_length=12, choices=Role)
    note = models.CharField(max_length=300, blank=True, default="")
    place = models.PositiveIntegerField(null=True, blank=True)
    said_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["incident", "change"], name="one_role_per_change"),)

    def __str__(self) -> str:
        return f"{self.change_id} {self.role} {self.incident_id}"


class Alert(models.Model):
    """What monitoring said, one for each key until it is resolved; what comes again under a key is counted.

    `incident` is null when there was nothing to declare: an end without a beginning.
    """

    source = models.CharField(max_length=64)
    dedup_key = models.CharField(max_length=200)
    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, null=True, blank=True, related_name="alerts")
    service = models.ForeignKey(Service, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    title = models.CharField(max_length=200)
    url = models.CharField(max_length=2000, blank=True, default="")
    details = models.JSONField(default=dict)
    count = models.PositiveIntegerField(default=1)
    detected_at = models.DateTimeField(null=True, blank=True)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["source", "dedup_key"], condition=Q(resolved_at__isnull=True), name="one_open_alert_per_key"
            ),
        )
        indexes = (models.Index(fields=["source", "dedup_key", "-last_at"], name="alert_by_key"),)

    def __str__(self) -> str:
        return f"{self.source} {self.dedup_key}"


class PublicUpdate(models.Model):
    """What customers are told about an incident. Only one that is `public` and published may ever be seen outside.

    `next_by` is until when the next one is promised.
    """

    class State(models.TextChoices):
        """Whether customers can read it."""

        DRAFT = "draft", "Draft"
        PUBLISHED = "published", "Published"

    class Status(models.TextChoices):
        """What it says about the incident."""

        INVESTIGATING = "investigating", "Investigating"
        IDENTIFIED = "identified", "Identified"
        MITIGATED = "mitigated", "Mitigated"
        RESOLVED = "resolved", "Resolved"

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="updates")
    message = models.TextField()
    status = models.CharField(max_length=16, choices=Status)
    public = models.BooleanField(default=True)
    state = models.CharField(max_length=12, choices=State, default=State.DRAFT)
    next_by = models.DateTimeField(null=True, blank=True)
    author = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField(db_default=Now())
    published_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(state="published", published_at__isnull=False)
                | Q(state="draft", published_at__isnull=True),
                name="published_update_has_its_time",
            ),
        )
        ordering = ("created_at", "pk")

    def __str__(self) -> str:
        return f"update {self.pk} of {self.incident_id}"
