"""Templates: changes that are done often, approved once."""

from django.db import models
from django.db.models.functions import Now

from accounts.models import User
from catalog.models import Environment, Service


class Template(models.Model):
    """A change that is done often. While it is approved, a change made from it needs only a window and an implementer.

    Two people other than its author approve it, for 180 days. A failed change made from it demotes it. `digest` is what
    was approved: it changes with every part that an approver read.
    """

    class State(models.TextChoices):
        """How far it is trusted."""

        PROPOSED = "proposed", "Waiting for approval"
        APPROVED = "approved", "Approved"
        DEMOTED = "demoted", "Demoted after a failure"
        RETIRED = "retired", "Retired"

    slug = models.SlugField(max_length=64, unique=True)
    name = models.CharField(max_length=120)
    state = models.CharField(max_length=12, choices=State, default=State.PROPOSED)
    services = models.ManyToManyField(Service, related_name="templates", blank=True)
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="+")
    title = models.CharField(max_length=300)
    description = models.TextField(blank=True, default="")
    reason = models.TextField(blank=True, default="")
    customer_impacting = models.BooleanField(default=False)
    public_note = models.TextField(blank=True, default="")
    risk_answers = models.JSONField(default=dict)
    test_evidence = models.TextField(blank=True, default="")
    rollback_plan = models.TextField(blank=True, default="")
    rollback_minutes = models.PositiveIntegerField(null=True, blank=True)
    verification_plan = models.TextField(blank=True, default="")
    author = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    digest = models.CharField(max_length=64)
    approved_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.slug

    @property
    def ref(self) -> str:
        """The subject under which the ledger keeps it."""
        return f"TEMPLATE-{self.pk}"


class TemplateApproval(models.Model):
    """That one person approved a template as it was when its digest was `digest`."""

    template = models.ForeignKey(Template, on_delete=models.PROTECT, related_name="approvals")
    approver = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    author = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    digest = models.CharField(max_length=64)
    note = models.TextField(blank=True, default="")
    at = models.DateTimeField()
    voided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=~models.Q(approver=models.F("author")), name="template_approved_by_another"
            ),
            models.UniqueConstraint(
                fields=["template", "approver"],
                condition=models.Q(voided_at__isnull=True),
                name="one_template_approval_each",
            ),
        )

    def __str__(self) -> str:
        return f"{self.approver_id} approved {self.template_id}"
