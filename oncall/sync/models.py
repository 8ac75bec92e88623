"""Plans that bring Opsgenie and Decklog together, the journal of their application, and what was last the same."""

import uuid

from django.db import models
from django.db.models.functions import Now

from accounts.models import User


class Plan(models.Model):
    """What would be done, as of a state of Opsgenie that `remote_hash` names; then what was done.

    While it is worked out there is no hash; one that could not be worked out failed without one. With `invites` it may
    make people in Opsgenie who are only here.
    `conflicts` are [object, schedule, name, reason]; `unmatched` are e-mails that only one side knows;
    `confirmation` is what somebody typed to remove much. While it is applied, `beat_at` shows that somebody lives.
    """

    class State(models.TextChoices):
        """How it stands."""

        PLANNING = "planning", "Is planned"
        PLANNED = "planned", "Planned"
        APPLYING = "applying", "Is applied"
        APPLIED = "applied", "Applied"
        STALE = "stale", "Out of date"
        FAILED = "failed", "Failed"
        INTERRUPTED = "interrupted", "Interrupted"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    direction = models.CharField(max_length=8)
    state = models.CharField(max_length=12, choices=State, default=State.PLANNED)
    invites = models.BooleanField(default=False)
    remote_hash = models.CharField(max_length=64, blank=True, default="")
    conflicts = models.JSONField(default=list)
    unmatched = models.JSONField(default=list)
    hours_changed = models.PositiveIntegerField(default=0)
    known_objects = models.PositiveIntegerField(default=0)
    because = models.TextField(blank=True, default="")
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    beat_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return f"plan {self.pk}"

    @property
    def ref(self) -> str:
        """The subject under which the ledger keeps it."""
        return f"OPSPLAN-{self.pk.hex}"


class Operation(models.Model):
    """One step of a plan: what `object` is on its side before and after, None where it is not there."""

    class State(models.TextChoices):
        """How far it is."""

        PENDING = "pending", "Waits"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"

    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="operations")
    position = models.PositiveIntegerField()
    side = models.CharField(max_length=6)
    object = models.CharField(max_length=10)
    schedule = models.CharField(max_length=100)
    name = models.CharField(max_length=140, blank=True, default="")
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    state = models.CharField(max_length=8, choices=State, default=State.PENDING)
    because = models.TextField(blank=True, default="")

    class Meta:
        constraints = (models.UniqueConstraint(fields=["plan", "position"], name="one_operation_per_place"),)
        ordering = ("position",)

    def __str__(self) -> str:
        return " ".join(word for word in (self.kind, self.object, self.schedule, self.name) if word)

    @property
    def kind(self) -> str:
        """add, change or remove."""
        return "add" if self.before is None else "remove" if self.after is None else "change"


class Agreed(models.Model):
    """How a schedule was when both sides were last the same, and what was found to have drifted since."""

    schedule = models.CharField(max_length=100, unique=True)
    form = models.JSONField()
    agreed_at = models.DateTimeField()
    drift = models.JSONField(default=list)
    looked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "agreed"

    def __str__(self) -> str:
        return self.schedule


class Look(models.Model):
    """What Opsgenie last said to the key with this `mark`, so that no page has to ask it.

    `because` says why it did not let us in, or did not answer, at `looked_at`; what it holds, `schedules` and `people`
    in number and `unmatched` people, is as of `answered_at`. Somebody wants a fresh answer since `asked_at`.
    """

    mark = models.CharField(max_length=16, unique=True)
    asked_at = models.DateTimeField(null=True, blank=True)
    looked_at = models.DateTimeField(null=True, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    because = models.TextField(blank=True, default="")
    schedules = models.PositiveIntegerField(default=0)
    people = models.PositiveIntegerField(default=0)
    unmatched = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"look {self.mark}"
