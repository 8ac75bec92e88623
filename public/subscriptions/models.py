"""Who outside wants to be told, and what was sent to all of them."""

from django.db import models
from django.db.models.functions import Lower, Now

from catalog.models import Service


class Subscriber(models.Model):
    """An address that wants mails. Nothing but the question itself is sent before `confirmed_at`.

    Without `components` it wants to hear of all of them. `nonce` is part of every link in its mails.
    """

    email = models.EmailField(max_length=254)
    components = models.ManyToManyField(Service, blank=True, related_name="+")
    wants_status = models.BooleanField(default=True)
    wants_changes = models.BooleanField(default=False)
    nonce = models.CharField(max_length=32)
    asked_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = (models.UniqueConstraint(Lower("email"), name="one_subscription_per_address"),)

    def __str__(self) -> str:
        return f"subscriber {self.pk}"


class Dispatch(models.Model):
    """That one event is sent to all who want it: how far that is, so that a crash sends it to nobody twice.

    `key` names the event, as in `update:12`. `after` is the id of the last subscriber who was served.
    """

    key = models.CharField(max_length=80, unique=True)
    after = models.BigIntegerField(default=0)
    began_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = (models.Index(fields=["began_at"], name="dispatch_undone", condition=models.Q(done_at__isnull=True)),)

    def __str__(self) -> str:
        return self.key
