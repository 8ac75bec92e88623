"""Who has the watch: schedules, their rotations and exceptions, and whom a page reaches in turn."""

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from accounts.models import Team, User
from catalog.models import Service
from oncall.alerting.models import Errand
from oncall.paging.models import Page, PageStep
from oncall.sync.models import Agreed, Look, Operation, Plan

__all__ = [
    "SCHEDULE_NAME",
    "Agreed",
    "Errand",
    "EscalationPolicy",
    "EscalationStep",
    "HandoverNote",
    "Look",
    "Operation",
    "Override",
    "Page",
    "PageStep",
    "Participant",
    "Plan",
    "RotaLink",
    "Rotation",
    "Schedule",
    "SwapRequest",
]

SCHEDULE_NAME = r"^[A-Za-z0-9 ._-]{1,100}\Z"
"""The names that Opsgenie takes, so that every schedule can be kept in step with it."""


class Schedule(models.Model):
    """A watch that a team keeps. Whoever any of its rotations names at a time has it then.

    `truth` says where it is changed: `local` here, `remote` in Opsgenie (read-only here), `overrides-both` here, with
    overrides from both. `remote_id` is Opsgenie's id, empty while it is unknown there.
    """

    class Truth(models.TextChoices):
        """Where it is changed."""

        LOCAL = "local", "Here"
        REMOTE = "remote", "In Opsgenie"
        OVERRIDES_BOTH = "overrides-both", "Here, overrides in both"

    slug = models.SlugField(max_length=64, unique=True)
    name = models.CharField(max_length=100, unique=True, validators=[RegexValidator(SCHEDULE_NAME)])
    description = models.CharField(max_length=300, blank=True, default="")
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="schedules")
    time_zone = models.CharField(max_length=64)
    truth = models.CharField(max_length=16, choices=Truth, default=Truth.LOCAL)
    is_enabled = models.BooleanField(default=True)
    remote_id = models.CharField(max_length=64, blank=True, default="")
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ("slug",)

    def __str__(self) -> str:
        return self.name

    @property
    def ref(self) -> str:
        """The subject under which the ledger keeps it."""
        return f"SCHEDULE-{self.pk}"


class Rotation(models.Model):
    """People who take turns: shift number k of `length` hours, days or weeks from `start` is participant k modulo n.

    Wall clocks are those of the schedule's zone. It runs over [start, end), without end when `end` is None.
    `restrictions` is a set without order: `{"start": "22:00", "end": "06:00"}`, or with `start_day` and `end_day`
    (`monday` …) in each. A rotation that was taken away has `removed_at` and never counts; one that ended keeps
    counting for the past.
    """

    class Type(models.TextChoices):
        """The unit of its shifts."""

        HOURLY = "hourly", "Hours"
        DAILY = "daily", "Days"
        WEEKLY = "weekly", "Weeks"

    schedule = models.ForeignKey(Schedule, on_delete=models.CASCADE, related_name="rotations")
    name = models.CharField(max_length=100)
    type = models.CharField(max_length=8, choices=Type)
    length = models.PositiveSmallIntegerField(default=1)
    start = models.DateTimeField()
    end = models.DateTimeField(null=True, blank=True)
    restrictions = models.JSONField(default=list, blank=True)
    position = models.PositiveSmallIntegerField(default=0)
    remote_id = models.CharField(max_length=64, blank=True, default="")
    removed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(end__isnull=True) | Q(end__gt=F("start")), name="rotation_ends_later"),
            models.CheckConstraint(condition=Q(length__gte=1), name="rotation_has_a_length"),
        )
        ordering = ("position", "start", "pk")

    def __str__(self) -> str:
        return self.name


class Participant(models.Model):
    """One turn of a rotation: a person, everybody of a team, or nobody on purpose. The same may come several times."""

    class Kind(models.TextChoices):
        """Who it is."""

        USER = "user", "A person"
        TEAM = "team", "A team"
        NONE = "none", "Nobody"

    rotation = models.ForeignKey(Rotation, on_delete=models.CASCADE, related_name="participants")
    position = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=4, choices=Kind)
    user = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    team = models.ForeignKey(Team, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["rotation", "position"], name="one_turn_per_position"),
            models.CheckConstraint(
                condition=Q(kind="user", user__isnull=False, team__isnull=True)
                | Q(kind="team", user__isnull=True, team__isnull=False)
                | Q(kind="none", user__isnull=True, team__isnull=True),
                name="participant_is_what_its_kind_says",
            ),
        )
        ordering = ("position",)

    def __str__(self) -> str:
        return str(self.user or self.team or "nobody")


class Override(models.Model):
    """That somebody has the watch over [start, end) instead of whom these rotations name; none means all of them.

    `alias` is `ours-` and a UUID, or Opsgenie's own, and is the key under which both sides know it.
    """

    schedule = models.ForeignKey(Schedule, on_delete=models.CASCADE, related_name="overrides")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    start = models.DateTimeField()
    end = models.DateTimeField()
    rotations = models.ManyToManyField(Rotation, blank=True, related_name="overrides")
    alias = models.CharField(max_length=100)
    reason = models.CharField(max_length=300, blank=True, default="")
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    cancelled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(end__gt=F("start")), name="watch_override_ends_later"),
            models.UniqueConstraint(fields=["schedule", "alias"], name="one_override_per_alias"),
        )
        indexes = (models.Index(fields=["schedule", "end"], name="watch_override_by_end"),)
        ordering = ("start", "pk")

    def __str__(self) -> str:
        return f"{self.user} instead, in {self.schedule_id}"


class EscalationPolicy(models.Model):
    """Whom a page about these services reaches in turn until somebody acknowledges; it begins anew `repeat` times."""

    slug = models.SlugField(max_length=64, unique=True)
    name = models.CharField(max_length=100)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="escalations")
    services = models.ManyToManyField(Service, blank=True, related_name="escalations")
    repeat = models.PositiveSmallIntegerField(default=0)
    is_enabled = models.BooleanField(default=True)
    remote_id = models.CharField(max_length=64, blank=True, default="")
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ("slug",)
        verbose_name_plural = "escalation policies"

    def __str__(self) -> str:
        return self.slug

    @property
    def ref(self) -> str:
        """The subject under which the ledger keeps it."""
        return f"ESCALATION-{self.pk}"


class EscalationStep(models.Model):
    """One target of a policy, exactly one of the three, and how many minutes it has before the next step begins."""

    policy = models.ForeignKey(EscalationPolicy, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField()
    schedule = models.ForeignKey(Schedule, on_delete=models.PROTECT, null=True, blank=True, related_name="steps")
    user = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    team = models.ForeignKey(Team, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    wait_minutes = models.PositiveSmallIntegerField(default=5)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["policy", "position"], name="one_step_per_position"),
            models.CheckConstraint(
                condition=Q(schedule__isnull=False, user__isnull=True, team__isnull=True)
                | Q(schedule__isnull=True, user__isnull=False, team__isnull=True)
                | Q(schedule__isnull=True, user__isnull=True, team__isnull=False),
                name="step_has_one_target",
            ),
        )
        ordering = ("position",)

    def __str__(self) -> str:
        return f"{self.policy_id}.{self.position}"


class SwapRequest(models.Model):
    """That somebody asks another person to take their watch over [start, end); it counts once that person agrees.

    The `override` is what the agreement made.
    """

    class State(models.TextChoices):
        """How it stands."""

        OPEN = "open", "Waits"
        ACCEPTED = "accepted", "Agreed"
        DECLINED = "declined", "Declined"
        WITHDRAWN = "withdrawn", "Withdrawn"

    schedule = models.ForeignKey(Schedule, on_delete=models.CASCADE, related_name="swaps")
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    asked = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    start = models.DateTimeField()
    end = models.DateTimeField()
    rotations = models.ManyToManyField(Rotation, blank=True, related_name="+")
    reason = models.CharField(max_length=300, blank=True, default="")
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    override = models.OneToOneField(Override, on_delete=models.SET_NULL, null=True, blank=True, related_name="swap")
    created_at = models.DateTimeField(db_default=Now())
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(end__gt=F("start")), name="swap_ends_later"),
            models.CheckConstraint(condition=~Q(asked_by=F("asked")), name="swap_is_between_two"),
        )
        verbose_name = "request"

    def __str__(self) -> str:
        return f"swap {self.pk}"


class HandoverNote(models.Model):
    """What whoever had the watch leaves to whoever takes it over."""

    schedule = models.ForeignKey(Schedule, on_delete=models.CASCADE, related_name="handovers")
    author = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    text = models.TextField()
    written_at = models.DateTimeField()

    class Meta:
        indexes = (models.Index(fields=["schedule", "-written_at"], name="handover_by_time"),)

    def __str__(self) -> str:
        return f"handover {self.pk}"


class RotaLink(models.Model):
    """A secret address at which a calendar program reads a schedule, or without one all that its owner has to watch.

    Only the SHA-256 of its secret is kept.
    """

    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="rota_links")
    schedule = models.ForeignKey(Schedule, on_delete=models.CASCADE, null=True, blank=True, related_name="links")
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(db_default=Now())
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"rota link {self.pk}"
