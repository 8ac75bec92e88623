"""Freezes, the leave to change something in one, and holds."""

from django.db import models
from django.db.models.functions import Now

from accounts.models import Team, User
from catalog.models import Environment, Service


class Freeze(models.Model):
    """A time in which changes are not wanted. Hard forbids, soft warns; empty lists mean everything.

    The interval is half-open: [start, end). With an `rrule` (RFC 5545) it is the first of many: each begins at the same
    wall-clock time in `time_zone` and lasts as long on the wall clock. `last_end` is when the last one is over, None
    for one that recurs without end; `ended_at` is set when somebody ended it early.
    """

    name = models.CharField(max_length=120)
    reason = models.TextField(blank=True, default="")
    is_hard = models.BooleanField(default=True)
    start = models.DateTimeField()
    end = models.DateTimeField()
    rrule = models.CharField(max_length=300, blank=True, default="", db_default="")
    time_zone = models.CharField(max_length=64, blank=True, default="", db_default="")
    last_end = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    environments = models.ManyToManyField(Environment, blank=True)
    services = models.ManyToManyField(Service, blank=True)
    teams = models.ManyToManyField(Team, blank=True)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = (
            models.CheckConstraint(condition=models.Q(end__gt=models.F("start")), name="freeze_ends_after_start"),
        )
        indexes = (models.Index(fields=["last_end"], name="freeze_by_last_end"),)

    def __str__(self) -> str:
        return self.name

    @property
    def ref(self) -> str:
        """The subject under which the ledger keeps it."""
        return f"FREEZE-{self.pk}"


class FreezeOverride(models.Model):
    """Leave to change some services in a hard freeze until `expires_at`; it counts once a second person confirmed it.

    No services means all that the freeze covers. From `revoked_at` on it counts no longer.
    """

    freeze = models.ForeignKey(Freeze, on_delete=models.PROTECT, related_name="overrides")
    reason = models.TextField()
    services = models.ManyToManyField(Service, blank=True)
    requested_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    confirmed_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    confirmed_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField()
    revoked_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    revoked_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=models.Q(confirmed_by__isnull=True) | ~models.Q(confirmed_by=models.F("requested_by")),
                name="override_confirmed_by_another",
            ),
        )

    def __str__(self) -> str:
        return f"override {self.pk} of {self.freeze_id}"


class Hold(models.Model):
    """That a service must not be deployed now, because of what `source` names: usually a Sev-1 or Sev-2 (`INC-3`).

    There is at most one open hold for a service and a source.
    """

    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="holds")
    source = models.CharField(max_length=40)
    reason = models.CharField(max_length=300)
    opened_at = models.DateTimeField()
    released_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["service", "source"],
                condition=models.Q(released_at__isnull=True),
                name="one_open_hold_per_source",
            ),
        )

    def __str__(self) -> str:
        return f"{self.source} holds {self.service_id}"
