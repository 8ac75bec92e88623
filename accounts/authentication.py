"""How the API knows its caller: a bearer token, or the browser's session with CSRF protection."""

import hmac
import time
from datetime import timedelta
from typing import Any

from django.utils import timezone
from rest_framework import authentication, exceptions, permissions
from rest_framework.request import Request

from accounts import credentials
from accounts.models import ApiToken, User

USED_EVERY = timedelta(minutes=1)
"""How exact `last_used_at` is; writing it at every request would cost more than it tells."""


class Bucket:
    """Counts what each token used of its minute in this process.

    A bound against accidents and runaway scripts, not a security control, so it needs no shared store and never waits.
    """

    def __init__(self) -> None:
        self._levels: dict[int, tuple[float, float]] = {}

    def take(self, token_id: int, per_minute: int) -> float:
        """Take one request; return 0.0 when it fits, else the seconds to wait."""
        if not per_minute:
            return 0.0
        now = time.monotonic()
        level, since = self._levels.get(token_id, (0.0, now))
        level = max(0.0, level - (now - since) * per_minute / 60)
        if level + 1 > per_minute:
            return (level + 1 - per_minute) * 60 / per_minute
        self._levels[token_id] = (level + 1, now)
        return 0.0


BUCKET = Bucket()


def token_of(header: str) -> ApiToken:
    """The live token in an Authorization header, its owner loaded.

    Raises AuthenticationFailed for every reason alike, so that a guess learns nothing; Throttled when it is too fast.
    """
    scheme, _, text = header.partition(" ")
    public_id = credentials.public_id(text.strip()) if scheme.lower() == "bearer" else ""
    token = ApiToken.objects.select_related("owner").filter(public_id=public_id).first() if public_id else None
    if token is None or not hmac.compare_digest(token.digest, credentials.digest(text.strip())) or not _is_live(token):
        raise exceptions.AuthenticationFailed("This token is unknown, expired or revoked. Make a new one in Settings.")
    wait = BUCKET.take(token.pk, token.requests_per_minute)
    if wait:
        raise exceptions.Throttled(wait, f"This token is limited to {token.requests_per_minute} requests a minute.")
    _mark_used(token)
    return token


def _is_live(token: ApiToken) -> bool:
    expired = token.expires_at is not None and token.expires_at <= timezone.now()
    return token.revoked_at is None and not expired and token.owner.is_active


def _mark_used(token: ApiToken) -> None:
    now = timezone.now()
    if token.last_used_at is None or now - token.last_used_at > USED_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)


class BearerToken(authentication.BaseAuthentication):
    """`Authorization: Bearer dlk_…`; `request.auth` is the ApiToken, `request.user` its owner."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        """Identify the caller, or None without the header."""
        header = request.META.get("HTTP_AUTHORIZATION", "")
        if not header:
            return None
        token = token_of(header)
        return token.owner, token

    def authenticate_header(self, request: Request) -> str:
        """What a 401 asks for."""
        return 'Bearer realm="Decklog"'


class BrowserSession(authentication.SessionAuthentication):
    """A signed-in browser; writing needs its CSRF token."""


class HasScope(permissions.BasePermission):
    """Lets a token pass only with the scope that the view names for the method in `scopes`.

    A view says `scopes = {"GET": "read", "POST": "deploy"}`; a method that it does not name is refused.
    """

    message = "This token lacks the scope for this."

    def has_permission(self, request: Request, view: Any) -> bool:
        """Whether the caller's scopes cover this method."""
        if not isinstance(request.user, User):
            return False
        scope = view.scopes.get(request.method)
        if scope is None:
            return request.method in {"OPTIONS", "HEAD"} and "GET" in view.scopes
        if isinstance(request.auth, ApiToken) and scope not in request.auth.scopes:
            self.message = f"This token lacks the scope {scope}. Make one that has it in Settings."
            return False
        # A token never outlives what its owner may do.
        return scope != "admin" or request.user.is_admin


def actor_of(request: Request) -> str:
    """The ledger's id of the caller: the token when there is one, else the person."""
    if isinstance(request.auth, ApiToken):
        return request.auth.actor
    assert isinstance(request.user, User)  # HasScope lets nobody else pass
    return request.user.actor
