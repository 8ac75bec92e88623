"""What changes happen to."""

from django.db import models
from django.db.models.functions import Now

from accounts.models import Team


class Environment(models.Model):
    """Where services run. `is_production` is what customers feel."""

    slug = models.SlugField(max_length=64, unique=True)
    name = models.CharField(max_length=120)
    is_production = models.BooleanField(default=False)

    class Meta:
        ordering = ("-is_production", "slug")

    def __str__(self) -> str:
        return self.slug

    @property
    def ref(self) -> str:
        """The subject under which the ledger keeps it."""
        return f"ENV-{self.pk}"


class Service(models.Model):
    """Something that is deployed and owned. Tier 0 is what everything else falls with; tier 3 hurts nobody at night."""

    class Tier(models.IntegerChoices):
        """How much depends on it."""

        CRITICAL = 0, "Tier 0"
        IMPORTANT = 1, "Tier 1"
        ORDINARY = 2, "Tier 2"
        INTERNAL = 3, "Tier 3"

    slug = models.SlugField(max_length=64, unique=True)
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True, default="")
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="services")
    tier = models.PositiveSmallIntegerField(choices=Tier, default=Tier.ORDINARY)
    is_public = models.BooleanField(default=False)
    depends_on = models.ManyToManyField("self", symmetrical=False, related_name="dependents", blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = (models.CheckConstraint(condition=models.Q(tier__lte=3), name="tier_is_0_to_3"),)
        ordering = ("slug",)

    def __str__(self) -> str:
        return self.slug

    @property
    def ref(self) -> str:
        """The subject under which the ledger keeps it."""
        return f"SERVICE-{self.pk}"
