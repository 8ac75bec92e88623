"""What somebody wants, in the words of the API. Shape only."""

from datetime import time
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from accounts.contacts.actions import Wish
from accounts.contacts.models import Contact, Preference
from accounts.contacts.queries import Addressee, zone_of
from workflow.shapes import Shape, validated

Clock = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
Ways = Annotated[list[Annotated[str, StringConstraints(max_length=40)]], Field(max_length=20)]


class QuietHours(Shape):
    """A time of day in which nothing but pages arrives, over midnight when it ends earlier than it starts."""

    start: Clock = Field(examples=["22:00"])
    end: Clock = Field(examples=["07:00"])


class WantedWays(Shape):
    """Where each kind of message goes: `email`, `pager`, or the `way` of a verified contact."""

    page: Ways
    ask: Ways
    news: Ways


class NotificationsWish(Shape):
    """All that somebody wants; what is left out is back at its beginning."""

    ways: WantedWays
    collected: Annotated[list[Literal["ask", "news"]], Field(max_length=2)] = Field(
        default_factory=list, description="What comes once a day in one mail, instead of mail by mail."
    )
    quiet_hours: QuietHours | None = None
    digest_hour: Annotated[int, Field(ge=0, le=23, strict=True)] = 8


def read_wish(body: Any) -> Wish:
    """The wish in a body; raises InvalidFields."""
    said = validated(NotificationsWish, body)
    quiet = said.quiet_hours
    return Wish(
        ways=said.ways.model_dump(),
        collected=list(said.collected),
        quiet_start=time.fromisoformat(quiet.start) if quiet else None,
        quiet_end=time.fromisoformat(quiet.end) if quiet else None,
        digest_hour=said.digest_hour,
    )


def notifications_json(found: Addressee, contacts: list[Contact]) -> dict[str, Any]:
    """How somebody is reached, and what they want."""
    preference = found.preference
    return {
        "ways": found.wanted,
        "collected": preference.collected,
        "quiet_hours": _quiet(preference),
        "digest_hour": preference.digest_hour,
        "time_zone": str(zone_of(found.person)),
        "contacts": [
            {"way": one.way, "kind": one.kind, "address": one.address, "verified": one.verified_at is not None}
            for one in contacts
        ],
    }


def _quiet(preference: Preference) -> dict[str, str] | None:
    if preference.quiet_start is None or preference.quiet_end is None:
        return None
    return {"start": f"{preference.quiet_start:%H:%M}", "end": f"{preference.quiet_end:%H:%M}"}
