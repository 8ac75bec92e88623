"""A change to production, whoever made it; and, by one name, every model of this room."""

from django.db import models
from django.db.models.functions import Now

from accounts.models import User
from catalog.models import Environment, Service
from changes.audit.models import EvidencePack, PackPiece
from changes.calendar.models import CalendarLink
from changes.freezes.models import Freeze, FreezeOverride, Hold
from changes.pipelines.models import GateDecision, Pipeline, Run
from changes.preapproved.models import Template, TemplateApproval
from changes.states import Authorization, Origin, Outcome, Risk, State, Type, Verdict
from changes.tickets.models import Approval, Review, Ticket

__all__ = [
    "Approval",
    "CalendarLink",
    "Change",
    "EvidencePack",
    "Freeze",
    "FreezeOverride",
    "GateDecision",
    "Hold",
    "PackPiece",
    "Pipeline",
    "Review",
    "Run",
    "Template",
    "TemplateApproval",
    "Ticket",
]

REF_PREFIX = "CHG-"


class Change(models.Model):
    """One change. What a pipeline told about a deploy is in its `run`, what a person filed in its `ticket`.

    `service` is the first of those that a ticket names. `risk` and the window [window_start, window_end) are those of a
    ticket. `review_due_at` is set while somebody else must look back at it. `at` is the moment the change is listed
    under: when it started, else when it was filed. `flags` are words separated by spaces.
    `search_text` is what full-text search sees, already split into plain words.
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
    risk = models.CharField(max_length=8, choices=Risk, blank=True, default="", db_default="")
    window_start = models.DateTimeField(null=True, blank=True)
    window_end = models.DateTimeField(null=True, blank=True)
    review_due_at = models.DateTimeField(null=True, blank=True)
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
            models.Index(
                fields=["window_start"], name="change_by_window", condition=models.Q(window_start__isnull=False)
            ),
            models.Index(fields=["risk", "-at", "-id"], name="change_by_risk", condition=~models.Q(risk="")),
            models.Index(
                fields=["requester", "-at", "-id"],
                name="change_by_requester",
                condition=models.Q(requester__isnull=False),
            ),
            models.Index(
                fields=["review_due_at"], name="change_review_due", condition=models.Q(review_due_at__isnull=False)
            ),
        )
        constraints = (
            models.CheckConstraint(
                condition=models.Q(window_start__isnull=True) | models.Q(window_end__gt=models.F("window_start")),
                name="window_ends_after_start",
            ),
        )

    def __str__(self) -> str:
        return f"{self.ref} {self.title}"

    @property
    def ref(self) -> str:
        """The name people use: `CHG-12`."""
        return f"{REF_PREFIX}{self.pk}"
