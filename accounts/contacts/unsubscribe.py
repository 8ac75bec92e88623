"""Links that turn a kind of mail off without signing in. Whoever has one can do that and nothing else."""

from enum import StrEnum
from typing import NamedTuple

from django.conf import settings
from django.core import signing
from django.urls import reverse

from workflow.errors import Forbidden

_SALT = "accounts.contacts.unsubscribe"


class Kind(StrEnum):
    """What a link turns off."""

    NEWS = "news"
    DIGEST = "digest"


class Link(NamedTuple):
    """Whose mails of what kind."""

    user_id: int
    kind: Kind


TURNS_OFF = {
    Kind.NEWS: "mails with news: what became of things that you had a part in",
    Kind.DIGEST: "the daily digest, and mails with news",
}
REMAINS = {
    Kind.NEWS: "Pages and what waits for you still arrive, because nobody else may be able to do it.",
    Kind.DIGEST: "What waits for you then comes in mails of its own, because nobody else may be able to do it. "
    "Pages still arrive.",
}


def address(user_id: int, kind: Kind) -> str:
    """The link; it works for as long as SECRET_KEY stays."""
    token = signing.Signer(salt=_SALT).sign_object([user_id, kind])
    return f"{settings.BASE_URL}{reverse('unsubscribe', args=[token])}"


def read(token: str) -> Link:
    """What a link says; raises Forbidden("unsubscribe_unknown") for one that is not ours."""
    try:
        user_id, kind = signing.Signer(salt=_SALT).unsign_object(token)
        return Link(int(user_id), Kind(kind))
    except (signing.BadSignature, ValueError, TypeError) as spoilt:
        sentence = "This link is cut off or was changed. Open it from the mail again, or sign in and go to Settings."
        raise Forbidden("unsubscribe_unknown", sentence) from spoilt
