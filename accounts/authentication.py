"""How the API knows its caller: a bearer token, or the browser's session with CSRF protection."""

import hashlib
import hmac
import time
from datetime import timedelta
from typing import Any

import orjson
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from rest_framework import authentication, exceptions, permissions
from rest_framework.request import Request

from accounts import credentials
from accounts.callers import RECENT, Caller, caller_of_person
from accounts.models import ApiToken, User
from workflow.statements import fetch

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
UNKNOWN = "This token is unknown, expired or revoked. Make a new one in Settings."


_CREDENTIAL = """
SELECT t.id, t.digest, t.name, t.scopes, t.services, t.environments, t.requests_per_minute, t.expires_at, t.revoked_at,
    t.last_used_at, u.id, u.is_active, u.is_admin
FROM accounts_apitoken t JOIN accounts_user u ON u.id = t.owner_id WHERE t.public_id = %s
"""


def token_of(header: str, *, looks_again: bool = False) -> Caller:
    """The caller that an Authorization header names; `looks_again` asks the database whatever is remembered.

    Raises AuthenticationFailed for every reason alike, so that a guess learns nothing; Throttled when the token is used
    too fast.
    """
    key = hashlib.sha256(header.encode()).digest()
    known = None if looks_again else RECENT.recall(key)
    caller, per_minute = known or _look_up(header, key)
    wait = BUCKET.take(caller.token_id or 0, per_minute)
    if wait:
        raise exceptions.Throttled(wait, f"This token is limited to {per_minute} requests a minute.")
    return caller


def _look_up(header: str, key: bytes) -> tuple[Caller, int]:
    scheme, _, text = header.partition(" ")
    text = text.strip()
    public_id = credentials.public_id(text) if scheme.lower() == "bearer" else ""
    found = fetch(_CREDENTIAL, [public_id], moments=(7, 8, 9)) if public_id else []
    if not found:
        raise exceptions.AuthenticationFailed(UNKNOWN)
    token, digest, name, scopes, services, environments, per_minute, expires, revoked, used, *owner = found[0]
    now = timezone.now()
    is_live = revoked is None and (expires is None or expires > now) and bool(owner[1])
    if not hmac.compare_digest(digest, credentials.digest(text)) or not is_live:
        raise exceptions.AuthenticationFailed(UNKNOWN)
    if used is None or now - used > USED_EVERY:
        ApiToken.objects.filter(pk=token).update(last_used_at=now)
    caller = Caller(
        user_id=owner[0],
        is_admin=bool(owner[2]),
        actor=f"token:{token}",
        name=name,
        token_id=token,
        scopes=frozenset(orjson.loads(scopes)),
        services=orjson.loads(services),
        environments=orjson.loads(environments),
    )
    RECENT.remember(key, caller, per_minute)
    return caller, per_minute


class BearerToken(authentication.BaseAuthentication):
    """`Authorization: Bearer dlk_…`; `request.auth` is the Caller, `request.user` its owner, loaded when asked for."""

    def authenticate(self, request: Request) -> tuple[Any, Caller] | None:
        """Identify the caller, or None without the header."""
        header = request.META.get("HTTP_AUTHORIZATION", "")
        if not header:
            return None
        caller = token_of(header, looks_again=request.method not in permissions.SAFE_METHODS)
        return SimpleLazyObject(lambda: User.objects.get(pk=caller.user_id)), caller

    def authenticate_header(self, request: Request) -> str:
        """What a 401 asks for."""
        return 'Bearer realm="Decklog"'


class BrowserSession(authentication.SessionAuthentication):
    """A signed-in browser; writing needs its CSRF token. `request.auth` is the Caller."""

    def authenticate(self, request: Request) -> tuple[User, Caller] | None:
        """Identify the person, or None when nobody is signed in."""
        found = super().authenticate(request)
        if found is None:
            return None
        user = found[0]
        assert isinstance(user, User)
        return user, caller_of_person(user)


class HasScope(permissions.BasePermission):
    """Lets a token pass only with the scope that the view names for the method in `scopes`.

    A view says `scopes = {"GET": "read", "POST": "deploy"}`; a method that it does not name is refused. HEAD is as GET,
    and every caller may ask for OPTIONS.
    """

    message = "This token lacks the scope for this."

    def has_permission(self, request: Request, view: Any) -> bool:
        """Whether the caller's scopes cover this method."""
        if not isinstance(request.auth, Caller):
            return False
        scope = view.scopes.get("GET" if request.method == "HEAD" else request.method)
        if scope is None:
            return request.method == "OPTIONS"
        if request.auth.scopes is not None and scope not in request.auth.scopes:
            self.message = f"This token lacks the scope {scope}. Make one that has it in Settings."
            return False
        # A token never outlives what its owner may do.
        return scope != "admin" or request.auth.is_admin


def caller_of(request: Request) -> Caller:
    """The caller of a request that HasScope let pass."""
    assert isinstance(request.auth, Caller)
    return request.auth
