"""Where people can be reached, what they want there, and what was put aside for their next digest.

The e-mail of the account and the pager need no row: everybody has them.
"""

from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models.functions import Now


class Contact(models.Model):
    """Another address of a person. Nothing is sent there but a code until the person has typed that code.

    `code_digest` is an HMAC of the code that was sent last, and "" when none is open; `code_tries` counts wrong ones.
    """

    class Kind(models.TextChoices):
        """What kind of address it is; the words are those of the channels."""

        EMAIL = "email", "E-mail"
        SLACK = "slack", "Slack"

    user = models.ForeignKey("accounts.User", on_delete=models.CASCADE, related_name="contacts")
    kind = models.CharField(max_length=12, choices=Kind)
    address = models.CharField(max_length=254)
    verified_at = models.DateTimeField(null=True, blank=True)
    code_digest = models.CharField(max_length=64, blank=True, default="")
    code_until = models.DateTimeField(null=True, blank=True)
    code_tries = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = (models.UniqueConstraint(fields=["user", "kind", "address"], name="contact_once"),)
        ordering = ("pk",)

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.address}"

    @property
    def way(self) -> str:
        """The word by which preferences and keys of messages name it."""
        return f"contact{self.pk}"


class Preference(models.Model):
    """What a person wants; who has no row wants what the policy says by itself.

    `ways` is {urgency: [way]}, `collected` the urgencies whose mails come once a day as a digest, at `digest_hour` by
    the person's clock. Quiet hours are [quiet_start, quiet_end) by that clock, over midnight when they end earlier than
    they start; both null means none. `digest_until` is the last time for which a digest was made.
    """

    user = models.OneToOneField("accounts.User", on_delete=models.CASCADE, primary_key=True, related_name="preference")
    ways = models.JSONField(default=dict)
    collected = models.JSONField(default=list)
    quiet_start = models.TimeField(null=True, blank=True)
    quiet_end = models.TimeField(null=True, blank=True)
    digest_hour = models.PositiveSmallIntegerField(default=8, validators=[MaxValueValidator(23)])
    digest_until = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"preference of {self.user_id}"


class Aside(models.Model):
    """A message that waits for its person's digest at `slot`, until it went there or what it asks for was settled."""

    user = models.ForeignKey("accounts.User", on_delete=models.CASCADE, related_name="asides")
    dedup_key = models.CharField(max_length=200, unique=True)
    urgency = models.CharField(max_length=8)
    title = models.TextField()
    text = models.TextField()
    subject = models.CharField(max_length=40, blank=True, default="")
    topic = models.CharField(max_length=80, blank=True, default="")
    slot = models.DateTimeField()
    put_at = models.DateTimeField()
    went_at = models.DateTimeField(null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = (
            models.Index(
                fields=["slot"],
                name="aside_waiting",
                condition=models.Q(went_at__isnull=True, settled_at__isnull=True),
            ),
            models.Index(fields=["topic"], name="aside_by_topic", condition=~models.Q(topic="")),
        )

    def __str__(self) -> str:
        return self.dedup_key
