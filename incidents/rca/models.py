"""A root cause analysis, its whys, and what is promised against them."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from accounts.models import User
from incidents.rca.states import ActionState, Category, Claim, Effect, Path, State

RCA_PREFIX, ACTION_PREFIX = "RCA-", "ACT-"


class Rca(models.Model):
    """What is learnt from one incident.

    `went_well` and `lucky` are free texts. Waived means that somebody who may decided that none is needed, and why.
    """

    incident = models.OneToOneField("incidents.Incident", on_delete=models.CASCADE, related_name="rca")
    state = models.CharField(max_length=12, choices=State, default=State.DRAFT)
    summary = models.TextField(blank=True, default="")
    went_well = models.TextField(blank=True, default="")
    lucky = models.TextField(blank=True, default="")
    author = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    due_at = models.DateTimeField()
    submitted_at = models.DateTimeField(null=True, blank=True)
    reviewed_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    published_at = models.DateTimeField(null=True, blank=True)
    waived_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    waived_because = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = "root cause analysis"
        constraints = (
            models.CheckConstraint(
                condition=Q(reviewed_by__isnull=True) | ~Q(reviewed_by=F("author")), name="author_never_reviews"
            ),
            models.CheckConstraint(
                condition=~Q(state=State.WAIVED) | Q(waived_by__isnull=False), name="waived_by_somebody"
            ),
        )
        indexes = (
            models.Index(fields=["due_at"], name="rca_owed", condition=Q(state__in=["draft", "in_review", "reviewed"])),
        )

    def __str__(self) -> str:
        return self.ref

    @property
    def ref(self) -> str:
        """The name people use: `RCA-3`."""
        return f"{RCA_PREFIX}{self.pk}"


class Why(models.Model):
    """A question and the claim that answers it. The same one may stand in several analyses: then a cause came back.

    `evidence` are objects {"kind": "link|change|timeline|note", "value", "label"}. One that leads no further has a
    `category` and says in `stop_reason` why nobody asks on.
    """

    rcas = models.ManyToManyField(Rca, through="RcaWhy", related_name="whys")
    question = models.CharField(max_length=300)
    claim = models.CharField(max_length=500, blank=True, default="")
    path = models.CharField(max_length=12, choices=Path)
    state = models.CharField(max_length=12, choices=Claim, default=Claim.HYPOTHESIS)
    category = models.CharField(max_length=12, choices=Category, blank=True, default="")
    stop_reason = models.CharField(max_length=500, blank=True, default="")
    evidence = models.JSONField(default=list)
    author = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=~Q(state=Claim.SUPPORTED) | ~Q(evidence=[]), name="supported_has_evidence"
            ),
        )

    def __str__(self) -> str:
        return self.claim or self.question


class RcaWhy(models.Model):
    """That a why stands in an analysis, at `position` among its siblings; and that somebody accepts its risk there."""

    rca = models.ForeignKey(Rca, on_delete=models.CASCADE, related_name="places")
    why = models.ForeignKey(Why, on_delete=models.CASCADE, related_name="places")
    position = models.PositiveIntegerField(default=0)
    accepted_risk = models.CharField(max_length=500, blank=True, default="")
    accepted_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        constraints = (models.UniqueConstraint(fields=["rca", "why"], name="why_once_in_an_rca"),)

    def __str__(self) -> str:
        return f"{self.why_id} in {self.rca_id}"


class WhyEdge(models.Model):
    """That in an analysis one why asks on from another. Together they never make a circle."""

    rca = models.ForeignKey(Rca, on_delete=models.CASCADE, related_name="edges")
    parent = models.ForeignKey(Why, on_delete=models.CASCADE, related_name="+")
    child = models.ForeignKey(Why, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["rca", "parent", "child"], name="edge_once_in_an_rca"),
            models.CheckConstraint(condition=~Q(parent=F("child")), name="why_never_its_own_parent"),
        )

    def __str__(self) -> str:
        return f"{self.parent_id}→{self.child_id}"


class CorrectiveAction(models.Model):
    """A promise against a cause: somebody does it, and somebody else proves that it works.

    `due` is a day. `tracker_key` names it in another program. `reopened` counts how often its cause hurt again.
    """

    rca = models.ForeignKey(Rca, on_delete=models.PROTECT, related_name="actions")
    why = models.ForeignKey(Why, on_delete=models.SET_NULL, null=True, blank=True, related_name="actions")
    title = models.CharField(max_length=200)
    type = models.CharField(max_length=12, choices=Category)
    effect = models.CharField(max_length=12, choices=Effect)
    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="corrective_actions")
    due = models.DateField()
    state = models.CharField(max_length=12, choices=ActionState, default=ActionState.OPEN)
    note = models.TextField(blank=True, default="")
    evidence = models.TextField(blank=True, default="")
    method = models.TextField(blank=True, default="")
    verified_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    done_at = models.DateTimeField(null=True, blank=True)
    verified_at = models.DateTimeField(null=True, blank=True)
    reason = models.TextField(blank=True, default="")
    approver = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    tracker_key = models.CharField(max_length=60, blank=True, default="")
    reopened = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = "corrective action"
        constraints = (
            models.CheckConstraint(
                condition=Q(verified_by__isnull=True) | ~Q(verified_by=F("owner")), name="owner_never_verifies"
            ),
        )
        indexes = (
            models.Index(fields=["state", "due"], name="action_by_due"),
            models.Index(
                fields=["owner", "due"],
                name="action_owed",
                condition=Q(state__in=["open", "in_progress", "ineffective"]),
            ),
        )

    def __str__(self) -> str:
        return self.title

    @property
    def ref(self) -> str:
        """The name people use: `ACT-9`."""
        return f"{ACTION_PREFIX}{self.pk}"
