"""The ledger's rows and the stored replies of idempotent requests."""

from django.db import models
from django.db.models.functions import Now


class Entry(models.Model):
    """One thing that happened. Rows are only ever added: a database trigger refuses UPDATE and DELETE.

    `subject` is the ref of what it happened to (`CHG-12`); `actor` is an opaque id (`user:7`, `token:3`, `system`), so
    that a name can be erased without touching the ledger. `occurred_at` is when it happened out there, `recorded_at`
    when Decklog learnt of it. `rule` names the rule that decided, if one did.
    """

    subject = models.CharField(max_length=40)
    verb = models.CharField(max_length=40)
    actor = models.CharField(max_length=40)
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    data = models.JSONField(default=dict)
    rule = models.CharField(max_length=80, blank=True, default="")

    class Meta:
        indexes = (models.Index(fields=["subject", "id"], name="entry_by_subject"),)
        verbose_name_plural = "entries"

    def __str__(self) -> str:
        return f"{self.subject} {self.verb}"


class Seal(models.Model):
    """A Merkle root over the entries `first_id … last_id`, chained to the seal before it.

    `absent` holds the ranges of ids in it that did not exist when it was sealed (a transaction that was rolled back, or
    one still running). An entry that is committed into such a gap is covered by a later seal, which names it in
    `late_ids`. A seal that covers late entries only has a `last_id` below its `first_id`.
    """

    first_id = models.BigIntegerField()
    last_id = models.BigIntegerField()
    absent = models.JSONField(default=list)
    late_ids = models.JSONField(default=list)
    root = models.CharField(max_length=64)
    previous = models.CharField(max_length=64, unique=True)
    digest = models.CharField(max_length=64, unique=True)
    sealed_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"seal {self.pk} over {self.first_id}–{self.last_id}"


class StoredReply(models.Model):
    """The first answer to a request that carried an `Idempotency-Key`, kept for 24 hours per credential."""

    credential = models.CharField(max_length=40)
    key = models.CharField(max_length=200)
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(default=0)
    body = models.BinaryField(default=b"")
    content_type = models.CharField(max_length=60, default="application/json")
    created_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["credential", "key"], name="one_reply_per_key"),)
        indexes = (models.Index(fields=["created_at"], name="reply_by_age"),)
        verbose_name_plural = "stored replies"

    def __str__(self) -> str:
        return f"{self.credential} {self.key}"
