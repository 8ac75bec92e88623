"""A page, and what each of its steps did."""

import uuid

from django.db import models
from django.db.models import Q

from accounts.models import Team, User
from catalog.models import Service
from oncall.paging.states import State, StepState


class Page(models.Model):
    """That somebody must look now.

    `plan` is what was to happen when it began, whatever is edited since: {"name": "checkout", "repeat": 1, "steps":
    [{"type": "schedule", "id": 4, "name": "payments-primary", "wait": 5}]}, where `wait` is minutes. `step` counts the
    steps that were taken, over all rounds; the next one is taken at `next_run_at`, which is null once it ended.
    `key` is its name outside; `subject` is the ref of what it is about, `team` whose matter it is. One that is private
    is shown in no list.
    """

    key = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    title = models.CharField(max_length=200)
    message = models.TextField(blank=True, default="")
    subject = models.CharField(max_length=40, blank=True, default="")
    service = models.ForeignKey(Service, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    team = models.ForeignKey(Team, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    is_private = models.BooleanField(default=False)
    target_type = models.CharField(max_length=8)
    target = models.CharField(max_length=254)
    plan = models.JSONField()
    state = models.CharField(max_length=12, choices=State, default=State.PAGING)
    step = models.PositiveIntegerField(default=0)
    next_run_at = models.DateTimeField(null=True, blank=True)
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    acknowledged_via = models.CharField(max_length=12, blank=True, default="")

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(state=State.PAGING, next_run_at__isnull=False)
                | ~Q(state=State.PAGING) & Q(next_run_at__isnull=True),
                name="page_runs_while_it_pages",
            ),
        )
        indexes = (
            models.Index(fields=["next_run_at"], name="page_due", condition=Q(next_run_at__isnull=False)),
            models.Index(fields=["-created_at", "-id"], name="page_newest"),
            models.Index(fields=["subject"], name="page_by_subject", condition=~Q(subject="")),
        )

    def __str__(self) -> str:
        return self.title

    @property
    def topic(self) -> str:
        """What groups its messages, so that an answer calls off all of them."""
        return f"page:{self.key}"

    @property
    def ref(self) -> str:
        """The subject under which the ledger keeps what happens with it: what it is about, else itself."""
        return self.subject or f"PAGE-{self.pk}"


class PageStep(models.Model):
    """One step that was taken: whom it was meant for, and who got it. `people` are names with ids as they were then."""

    page = models.ForeignKey(Page, on_delete=models.CASCADE, related_name="steps")
    number = models.PositiveIntegerField()
    target = models.CharField(max_length=120)
    state = models.CharField(max_length=8, choices=StepState)
    people = models.JSONField(default=list)
    because = models.CharField(max_length=300, blank=True, default="")
    at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["page", "number"], name="each_step_once"),)
        ordering = ("number",)

    def __str__(self) -> str:
        return f"{self.page_id}.{self.number}"
