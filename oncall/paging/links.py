"""Links that answer one page for one person, without signing in."""

from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.core import signing

from workflow.errors import Forbidden

_SALT = "oncall.paging"


class Link(NamedTuple):
    """Which page, and whose answer."""

    page: UUID
    user_id: int


def address(link: Link) -> str:
    """Where the page is shown with the button that answers it."""
    token = signing.Signer(salt=_SALT).sign_object([link.page.hex, link.user_id])
    return f"{settings.BASE_URL}/answer/{token}"


def read(token: str) -> Link:
    """What a link says; raises Forbidden("answer_link_unknown") for one that is not ours."""
    try:
        page, user_id = signing.Signer(salt=_SALT).unsign_object(token)
        return Link(UUID(page), int(user_id))
    except (signing.BadSignature, ValueError, TypeError) as spoilt:
        sentence = "This link is cut off or was changed. Open it from the message again, or sign in."
        raise Forbidden("answer_link_unknown", sentence) from spoilt
