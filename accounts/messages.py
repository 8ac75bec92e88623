"""The wording of what is sent about accounts."""

from datetime import datetime
from uuid import UUID

from django.conf import settings

from accounts.models import User
from notifications.outbox import NewMessage


def invitation(user: User, link: str, *, by: str, at: datetime) -> NewMessage:
    """Asks somebody to set a password through `link`."""
    lines = [
        f"Set your password for Decklog within 3 days: {link}",
        "",
        f"{by} made an account for you at {settings.BASE_URL}. You sign in with {user.email}.",
        "Decklog keeps the record of every change to production.",
        "",
        "If the link has expired, ask for a new one on the sign-in page under “Forgot your password?”.",
    ]
    return NewMessage(
        dedup_key=f"invitation:{user.pk}:{at.timestamp():.0f}",
        channel="email",
        recipient=user.email,
        title="Your account on Decklog",
        text="\n".join(lines),
        subject=user.ref,
        topic=f"invitation:{user.pk}",
    )


def new_password(user: User, link: str, *, number: UUID) -> NewMessage:
    """Brings the link that somebody asked for; each time they ask is a message of its own, `number`."""
    lines = [
        "Choose a new password for Decklog within 3 days, with this link; it works once:",
        "",
        link,
        "",
        "Somebody, most likely you, asked for it. If you did not, do nothing: your password stays as it is.",
    ]
    return _way_in(number, user.email, "Choose a new password for Decklog", lines)


def no_account(email: str, *, number: UUID) -> NewMessage:
    """Tells an address with which nobody signs in that this is so."""
    lines = [
        f"Ask an administrator of Decklog which e-mail your account has: there is none with {email}.",
        "",
        "Somebody, most likely you, asked for a new password with it. If you did not, do nothing.",
    ]
    return _way_in(number, email, "There is no Decklog account with this e-mail", lines)


def _way_in(number: UUID, email: str, title: str, lines: list[str]) -> NewMessage:
    text = "\n".join(lines)
    return NewMessage(dedup_key=f"way-in:{number}", channel="email", recipient=email, title=title, text=text)
