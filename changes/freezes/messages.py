"""The wording of what is sent about freezes. The first line carries who must do what by when, with the link."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from accounts.contacts.letters import Letter
from changes.letters import Person, ask, news


def freeze_url(pk: int) -> str:
    """The web page of a freeze."""
    return f"{settings.BASE_URL}/freezes/{pk}"


def override_topic(override: int) -> str:
    """What groups the messages that ask for a confirmation, so that one can call the others back."""
    return f"override:{override}"


@dataclass(frozen=True, slots=True)
class OverrideFacts:
    """An override as its messages tell it; `services`, `who` and `confirmed_by` are words."""

    id: int
    freeze_id: int
    freeze: str
    services: str
    reason: str
    who: str
    expires_at: datetime
    confirmed_by: str = ""


def override_wanted(facts: OverrideFacts, *, to: Person) -> Letter:
    """Asks somebody who may to confirm an override."""
    lines = [
        f"Confirm or leave an override of the freeze {facts.freeze}: {freeze_url(facts.freeze_id)}#overrides",
        "",
        f"{facts.who} asks to change {facts.services} in this freeze until {_moment(facts.expires_at)}.",
        f"Why: {facts.reason}",
        "",
        "It counts once somebody else than the one who asked has confirmed it.",
    ]
    return ask(
        to,
        about=f"FREEZE-{facts.freeze_id}",
        key=f"{override_topic(facts.id)}:asked",
        title=f"Override of the freeze {facts.freeze} waits for a second person",
        lines=lines,
        topic=override_topic(facts.id),
    ).until(facts.expires_at)


def override_announced(facts: OverrideFacts, *, to: Person) -> Letter:
    """Tells the lead of an affected team that changes are allowed in a freeze."""
    until = f"until {_moment(facts.expires_at)}"
    lines = [
        f"Know that changes are allowed in the freeze {facts.freeze} {until}: {freeze_url(facts.freeze_id)}",
        "",
        f"What may be changed: {facts.services}.",
        f"{facts.who} asked for it and {facts.confirmed_by} confirmed it.",
        f"Why: {facts.reason}",
        "",
        "It ends by itself at that time, or with the freeze.",
    ]
    return news(
        to,
        about=f"FREEZE-{facts.freeze_id}",
        key=f"{override_topic(facts.id)}:confirmed",
        title=f"The freeze {facts.freeze} is overridden for {facts.services}",
        lines=lines,
    )


def override_revoked(facts: OverrideFacts, *, to: Person, by: str) -> Letter:
    """Tells who was allowed something in a freeze, and the leads, that it is allowed no more."""
    lines = [
        f"Change nothing more in the freeze {facts.freeze}: {freeze_url(facts.freeze_id)}#overrides",
        "",
        f"{by} revoked the override for {facts.services} that {facts.who} had asked for.",
    ]
    key = f"{override_topic(facts.id)}:revoked"
    return news(
        to,
        about=f"FREEZE-{facts.freeze_id}",
        key=key,
        title=f"The override of the freeze {facts.freeze} is revoked",
        lines=lines,
    )


def _moment(at: datetime) -> str:
    return f"{at:%A} {at.day} {at:%B, %H:%M} UTC"
