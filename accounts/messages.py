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


def account_mail(number: UUID, email: str, title: str, text: str) -> NewMessage:
    """A mail about somebody's way in, worded by the templates of templates/account/email; all are sent."""
    return NewMessage(dedup_key=f"account:{number}", channel="email", recipient=email, title=title, text=text)
