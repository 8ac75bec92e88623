"""Evidence packs, which take a while to make."""

from django.db import models
from django.db.models.functions import Now

from accounts.models import User


class EvidencePack(models.Model):
    """A zip for an auditor about the changes of [since, until) to some services (slugs; none means all).

    `sample` is how many changes get a page of their own, chosen by `seed`. `done` of `total` changes are written; the
    zip is in the rows of its `pieces` once it is ready. It was begun `attempt` times since somebody asked for it; until
    `leased_until` one worker has it for itself.
    """

    class State(models.TextChoices):
        """How far it is."""

        QUEUED = "queued", "Waiting"
        BUILDING = "building", "Being made"
        READY = "ready", "Ready"
        FAILED = "failed", "Failed"

    requested_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    since = models.DateTimeField()
    until = models.DateTimeField()
    services = models.JSONField(default=list)
    sample = models.PositiveIntegerField(default=25)
    seed = models.CharField(max_length=64)
    state = models.CharField(max_length=12, choices=State, default=State.QUEUED)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True, default="")
    error = models.CharField(max_length=300, blank=True, default="")
    attempt = models.PositiveSmallIntegerField(default=0, db_default=0)
    leased_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"evidence pack {self.pk}"

    @property
    def ref(self) -> str:
        """The subject under which the ledger keeps it."""
        return f"PACK-{self.pk}"


class PackPiece(models.Model):
    """A part of a pack's zip, in order; the database holds it, so that any web process can hand it out."""

    pack = models.ForeignKey(EvidencePack, on_delete=models.CASCADE, related_name="pieces")
    number = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["pack", "number"], name="pack_piece_once"),)

    def __str__(self) -> str:
        return f"piece {self.number} of pack {self.pack_id}"
