"""What is still to be done in Opsgenie."""

from django.db import models
from django.db.models import Q


class Errand(models.Model):
    """One thing to do about one of our alerts, kept until it is done, whatever dies in between.

    `look` reads an alert that is said to be answered, since nobody signs what a webhook says; `close` closes one whose
    page is over. `key` says what it is, so that the same twice is one. It is due at `due_at`, which is null once it is
    done; `outcome` says in a sentence how it ended, or why it did not work yet.
    """

    class Kind(models.TextChoices):
        """What to do."""

        LOOK = "look", "Look whether it was answered"
        CLOSE = "close", "Close it"

    key = models.CharField(max_length=64, unique=True)
    kind = models.CharField(max_length=5, choices=Kind)
    alias = models.CharField(max_length=200)
    made_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    outcome = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        indexes = (models.Index(fields=["due_at"], name="errand_due", condition=Q(due_at__isnull=False)),)

    def __str__(self) -> str:
        return f"{self.kind} {self.alias}"
