"""The outbox."""

from datetime import datetime
from typing import NamedTuple

from django.db import models

REF = "\ue000ref\ue000"
"""Stands in a message's texts for its subject's ref, which is not known yet when both are inserted in one statement."""


ENDINGS = {
    "sent": "Taken",
    "retry_after": "Asked to wait",
    "rejected": "Refused",
    "failed": "Failed",
    "crashed": "Broken off",
    "revived": "Asked for again by a person",
}
"""How people read the words under which the ending of an attempt is kept."""


class Attempt(NamedTuple):
    """One line of a message's history: when, one of the words of ENDINGS, and what the other side said."""

    at: datetime
    verdict: str
    detail: str

    @property
    def words(self) -> str:
        """The line as a sentence."""
        ending = ENDINGS.get(self.verdict, self.verdict)
        return ending if self.verdict == "revived" or not self.detail else f"{ending}: {self.detail}"


class Message(models.Model):
    """Something that must reach somebody, from the moment it is decided until it has arrived or is given up loudly.

    `dedup_key` says what the message is, so that it exists once however often it is asked for. `topic` groups messages
    that one event makes pointless. Messages with the same `replaces` on one channel to one recipient are one thing to
    whoever reads them: a newer one takes the place of the older, which is changed where it arrived, or called off if it
    still waits. `due_at` is when it may next be tried; while `state` is sending, `lease_until` is
    when the attempt counts as crashed. `is_unwanted` is set when it is called off during an attempt: it may then
    arrive, but is not tried again. `tries` keeps what each attempt brought (notifications.policy.Try).
    """

    class State(models.TextChoices):
        """Where the message is."""

        PENDING = "pending", "Queued"
        SENDING = "sending", "Being sent"
        SENT = "sent", "Sent"
        DEAD = "dead", "Not delivered"
        CANCELLED = "cancelled", "Cancelled"

    class Channel(models.TextChoices):
        """How it travels."""

        EMAIL = "email", "E-mail"
        SLACK = "slack", "Slack"
        PAGER = "pager", "Pager"
        WEBHOOK = "webhook", "Webhook"
        MEMORY = "memory", "Memory, for tests"
        CANARY = "canary", "Canary"

    class Priority(models.IntegerChoices):
        """A page goes before everything else."""

        PAGE = 0, "Page"
        NORMAL = 5, "Normal"

    dedup_key = models.CharField(max_length=200, unique=True)
    channel = models.CharField(max_length=12, choices=Channel)
    priority = models.PositiveSmallIntegerField(choices=Priority, default=Priority.NORMAL)
    recipient = models.CharField(max_length=254)
    subject = models.CharField(max_length=40, blank=True, default="")
    topic = models.CharField(max_length=80, blank=True, default="")
    replaces = models.CharField(max_length=80, blank=True, default="", db_default="")
    payload = models.JSONField(default=dict)
    state = models.CharField(max_length=12, choices=State, default=State.PENDING)
    is_unwanted = models.BooleanField(default=False, db_default=False)
    attempt = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField()
    deadline_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True, blank=True)
    provider_ref = models.CharField(max_length=200, blank=True, default="")
    last_error = models.TextField(blank=True, default="")
    tries = models.JSONField(default=list)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = (
            models.Index(
                fields=["channel", "priority", "due_at"], name="message_due", condition=models.Q(state="pending")
            ),
            models.Index(fields=["deadline_at"], name="message_expiring", condition=models.Q(state="pending")),
            models.Index(fields=["lease_until"], name="message_leased", condition=models.Q(state="sending")),
            models.Index(fields=["state", "-id"], name="message_by_state"),
            models.Index(fields=["channel", "-id"], name="message_by_channel"),
            models.Index(fields=["sent_at"], name="message_sent", condition=models.Q(sent_at__isnull=False)),
            models.Index(fields=["topic"], name="message_by_topic", condition=~models.Q(topic="")),
            models.Index(fields=["subject", "-id"], name="message_by_subject", condition=~models.Q(subject="")),
            models.Index(fields=["replaces", "-id"], name="message_by_replaces", condition=~models.Q(replaces="")),
        )

    def __str__(self) -> str:
        return self.dedup_key

    @property
    def title(self) -> str:
        """The first line, with the ref of what it is about filled in."""
        title = self.payload.get("title", "") if isinstance(self.payload, dict) else ""
        return str(title).replace(REF, self.subject)

    @property
    def attempts(self) -> list[Attempt]:
        """What each attempt brought, newest first."""
        return [
            Attempt(datetime.fromisoformat(one["at"]), one["verdict"], one["detail"]) for one in reversed(self.tries)
        ]

    @property
    def last_answer(self) -> str:
        """The reason for the present state in words: what the other side said last, or why it was given up."""
        return self.last_error or (self.attempts[0].detail if self.tries else "")

    @property
    def may_be_retried(self) -> bool:
        """Whether somebody may ask to send it now: it waits after an attempt, or was given up."""
        return self.state == self.State.DEAD or (self.state == self.State.PENDING and self.attempt > 0)

    @property
    def may_be_cancelled(self) -> bool:
        """Whether it can still be called off."""
        return self.state == self.State.PENDING or (self.state == self.State.SENDING and not self.is_unwanted)


class Mark(models.Model):
    """A moment that every process must know: when the sweeper last ran, or since when sending is paused.

    `note` is a sentence about it that may be shown to administrators, or "".
    """

    SWEEPER = "sweeper"
    PAUSED = "paused"
    HEARTBEAT = "heartbeat"
    """When the service behind HEARTBEAT_URL last took a ping."""
    HEARTBEAT_TRY = "heartbeat_try"
    """When one was last tried; the note says why it failed."""

    name = models.CharField(max_length=20, primary_key=True)
    at = models.DateTimeField()
    note = models.CharField(max_length=200, blank=True, default="", db_default="")

    def __str__(self) -> str:
        return f"{self.name} {self.at}"


class Tally(models.Model):
    """How many messages came into a final state, how attempts ended and how long it took, instead of counting rows.

    Every move appends a row, which locks nothing; the sweeper folds them. `count` is negative when a message leaves a
    final state. The sum over `channel`, `kind` and `word` is the truth. `notifications.tallies` knows the words of
    a latency.
    """

    class Kind(models.TextChoices):
        """What is counted."""

        STATE = "state", "Messages in a final state"
        VERDICT = "verdict", "Attempts"
        LATENCY = "latency", "How long messages took"

    channel = models.CharField(max_length=12)
    kind = models.CharField(max_length=8, choices=Kind)
    word = models.CharField(max_length=12)
    count = models.BigIntegerField()

    class Meta:
        verbose_name_plural = "tallies"

    def __str__(self) -> str:
        return f"{self.channel} {self.word} {self.count:+}"
