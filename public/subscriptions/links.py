"""The links in mails to subscribers. Whoever has one can confirm, change or end that subscription, and nothing else."""

from typing import NamedTuple

from django.conf import settings
from django.core import signing

from workflow.errors import Forbidden

_SALT = "public.subscriptions"


class Link(NamedTuple):
    """Which subscription; the nonce must still be its own."""

    subscriber_id: int
    nonce: str


def token_of(link: Link) -> str:
    """The signed part of the address; it works for as long as SECRET_KEY stays."""
    return signing.Signer(salt=_SALT).sign_object(list(link), compress=False)


def address(link: Link) -> str:
    """Where the subscription is confirmed and changed."""
    return f"{settings.BASE_URL}/subscription/{token_of(link)}"


def leave_address(link: Link) -> str:
    """Where a POST ends it at once, as RFC 8058 asks."""
    return f"{address(link)}/leave"


def read(token: str) -> Link:
    """What a link says; raises Forbidden("subscription_unknown") for one that is not ours."""
    try:
        subscriber_id, nonce = signing.Signer(salt=_SALT).unsign_object(token)
        return Link(int(subscriber_id), str(nonce))
    except (signing.BadSignature, ValueError, TypeError) as spoilt:
        sentence = "This link is cut off or was changed. Open it from the mail again."
        raise Forbidden("subscription_unknown", sentence) from spoilt
