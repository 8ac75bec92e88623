"""Messages that are one to whoever reads them: which there are of one place, and what of it has arrived."""

from django.db.models import QuerySet

from notifications.models import Message


def of_place(replaces: str, channel: str, recipient: str) -> "QuerySet[Message]":
    """Every message of this place, where `replaces` is not ""."""
    # Excluding "" once more lets SQLite use the partial index, which holds only messages with a place.
    return Message.objects.filter(replaces=replaces, channel=channel, recipient=recipient).exclude(replaces="")


def same_place(message: Message) -> "QuerySet[Message]":
    """The message itself and every other one of its place; none when it has no place."""
    return of_place(message.replaces, message.channel, message.recipient)


def newest_ref(replaces: str, channel: str, recipient: str) -> str:
    """What the provider calls the newest message of this place that arrived; "" when none did."""
    arrived = of_place(replaces, channel, recipient).exclude(provider_ref="").order_by("-id")
    return arrived.values_list("provider_ref", flat=True).first() or ""
