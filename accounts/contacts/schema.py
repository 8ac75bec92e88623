"""The part of the API's document about how people are reached."""

from drf_spectacular.utils import OpenApiExample, extend_schema
from pydantic import Field

from accounts.contacts.serializers import NotificationsWish, QuietHours, WantedWays
from workflow.openapi import Answer


class ContactAnswer(Answer):
    """Another address. Nothing goes there before its owner has typed the code that was sent there."""

    way: str = Field(description="The word for it in `ways`.", examples=["contact7"])
    kind: str = Field(description="`email` or `slack`.")
    address: str
    verified: bool


class NotificationsAnswer(Answer):
    """How the owner of the token is reached."""

    ways: WantedWays
    collected: list[str] = Field(description="What comes once a day in one mail.")
    quiet_hours: QuietHours | None = Field(description="By the clock of `time_zone`; null when there are none.")
    digest_hour: int = Field(description="The hour at which that mail comes.")
    time_zone: str
    contacts: list[ContactAnswer]


WISH = {
    "ways": {"page": ["email"], "ask": ["email"], "news": []},
    "collected": ["ask"],
    "quiet_hours": {"start": "22:00", "end": "07:00"},
    "digest_hour": 8,
}
READ_NOTIFICATIONS = extend_schema(
    operation_id="read_my_notifications", summary="Read how you are reached", responses=NotificationsAnswer
)
CHANGE_NOTIFICATIONS = extend_schema(
    operation_id="change_my_notifications",
    summary="Say how you are reached",
    description="For the owner of the token and nobody else. Pages and what waits for you need at least one way; quiet "
    "hours never hold a page back. Addresses are added and verified in Settings only.",
    request=NotificationsWish,
    responses=NotificationsAnswer,
    examples=[OpenApiExample("Quiet nights", value=WISH, request_only=True)],
)
