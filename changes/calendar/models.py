"""The secret links by which calendars of other programs read ours."""

from django.db import models
from django.db.models.functions import Now

from accounts.models import User


class CalendarLink(models.Model):
    """An address that shows what its owner may see, without signing in. Only the SHA-256 of its secret is kept."""

    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="calendar_links")
    digest = models.CharField(max_length=64, unique=True)
    query = models.CharField(max_length=500, blank=True, default="")
    created_at = models.DateTimeField(db_default=Now())
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"calendar link {self.pk}"
