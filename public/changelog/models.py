"""What the public change log says about a change."""

from django.db import models
from django.db.models.functions import Now

from changes.models import Change
from public.changelog.states import Kind, State


class Note(models.Model):
    """What customers are told about one change.

    `title` is one line, `text` may be empty and holds paragraphs of plain text. Until `embargo_until` nobody outside
    sees it. `published_at` is when it went out for the first time; `edited_at` when its words changed after that. It is
    listed under `listed_at`: when the change ended, or when its embargo did.
    """

    change = models.OneToOneField(Change, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=8, choices=Kind, default=Kind.BETTER)
    title = models.CharField(max_length=120)
    text = models.TextField(blank=True, default="")
    state = models.CharField(max_length=12, choices=State, default=State.DRAFT)
    embargo_until = models.DateTimeField(null=True, blank=True)
    published_at = models.DateTimeField(null=True, blank=True)
    listed_at = models.DateTimeField(null=True, blank=True)
    edited_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = (
            models.Index(fields=["-listed_at", "-id"], name="note_newest", condition=models.Q(listed_at__isnull=False)),
        )
        constraints = (
            models.CheckConstraint(
                condition=~models.Q(state="published") | models.Q(published_at__isnull=False, listed_at__isnull=False),
                name="published_note_has_a_time",
            ),
        )

    def __str__(self) -> str:
        return self.title

    @property
    def ref(self) -> str:
        """The subject under which the ledger keeps it."""
        return f"NOTE-{self.pk}"
