"""What people say about a change, and who allowed and reviewed it."""

from django.db import models

from accounts.models import User
from catalog.models import Service
from changes.preapproved.models import Template


class Ticket(models.Model):
    """What a person filed about a change; what every change has is in the change itself.

    `services` are all services it touches, the change's own among them. `digest` is the hash of what is approved
    (changes.tickets.content); `written_by` holds the ids of everybody who wrote a part of it. `commits` are of the form
    {"sha", "author"}. `incident` is a ref as text. `reminded` counts the reminders of a review that is due.
    """

    change = models.OneToOneField("changes.Change", on_delete=models.PROTECT, primary_key=True, related_name="ticket")
    services = models.ManyToManyField(Service, related_name="tickets")
    template = models.ForeignKey(Template, on_delete=models.PROTECT, null=True, blank=True, related_name="tickets")
    implementer = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    description = models.TextField(blank=True, default="")
    reason = models.TextField(blank=True, default="")
    risk_answers = models.JSONField(default=dict)
    test_evidence = models.TextField(blank=True, default="")
    rollback_plan = models.TextField(blank=True, default="")
    rollback_minutes = models.PositiveIntegerField(null=True, blank=True)
    verification_plan = models.TextField(blank=True, default="")
    commits = models.JSONField(default=list)
    incident = models.CharField(max_length=40, blank=True, default="")
    digest = models.CharField(max_length=64)
    written_by = models.JSONField(default=list)
    is_break_glass = models.BooleanField(default=False)
    submitted_at = models.DateTimeField(null=True, blank=True)
    approved_at = models.DateTimeField(null=True, blank=True)
    reminded = models.PositiveSmallIntegerField(default=0)

    class Meta:
        indexes = (models.Index(fields=["implementer"], name="ticket_by_implementer"),)

    def __str__(self) -> str:
        return f"ticket of {self.change_id}"


class Approval(models.Model):
    """That one person approved or rejected a change as it was when its digest was `digest`.

    `content` is what it said then, so that a later edit can be shown as a difference. `requester` and `implementer`
    repeat the change's, for the database to hold four eyes as well. An edit voids it; nothing deletes it.
    """

    class Answer(models.TextChoices):
        """What they said."""

        APPROVED = "approved", "Approved"
        REJECTED = "rejected", "Rejected"

    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, related_name="approvals")
    approver = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    requester = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    implementer = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    answer = models.CharField(max_length=12, choices=Answer)
    actor = models.CharField(max_length=40)
    roles = models.JSONField(default=list)
    digest = models.CharField(max_length=64)
    content = models.JSONField(default=dict)
    note = models.TextField(blank=True, default="")
    at = models.DateTimeField()
    voided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=~models.Q(approver=models.F("requester")), name="requester_never_approves"
            ),
            models.CheckConstraint(
                condition=~models.Q(approver=models.F("implementer")), name="implementer_never_approves"
            ),
            models.UniqueConstraint(
                fields=["ticket", "approver"], condition=models.Q(voided_at__isnull=True), name="one_approval_each"
            ),
        )
        ordering = ("at", "id")

    def __str__(self) -> str:
        return f"{self.approver_id} {self.answer} {self.ticket_id}"


class Review(models.Model):
    """What somebody else found when they last looked back at a change, whoever brought it; the ledger has every review.

    `answers` are those to the questions of changes.tickets.policy.REVIEW_QUESTIONS, each true or false.
    """

    change = models.OneToOneField("changes.Change", on_delete=models.PROTECT, primary_key=True, related_name="review")
    reviewer = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    requester = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    implementer = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    actor = models.CharField(max_length=40)
    answers = models.JSONField(default=dict)
    note = models.TextField(blank=True, default="")
    at = models.DateTimeField()

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=models.Q(requester__isnull=True) | ~models.Q(reviewer=models.F("requester")),
                name="requester_never_reviews",
            ),
            models.CheckConstraint(
                condition=models.Q(implementer__isnull=True) | ~models.Q(reviewer=models.F("implementer")),
                name="implementer_never_reviews",
            ),
        )

    def __str__(self) -> str:
        return f"review of {self.change_id}"
