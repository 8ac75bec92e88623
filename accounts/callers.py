"""Who calls: a person in a browser, or a token that acts for one."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import transaction

from accounts.models import User
from workflow.errors import Forbidden


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever asks for something through the API, and how far they may go.

    `actor` is the ledger's id. `scopes` is None for a browser, which may do all that the person may. `services` and
    `environments` are slugs that a token is limited to; empty means everywhere.
    """

    user_id: int
    is_admin: bool
    actor: str
    name: str
    token_id: int | None = None
    scopes: frozenset[str] | None = None
    services: Sequence[str] = ()
    environments: Sequence[str] = ()

    @property
    def is_token(self) -> bool:
        """Whether a machine calls."""
        return self.scopes is not None

    def covers(self, *, service: str, environment: str) -> bool:
        """Whether the limits allow to act on this service in this environment (both slugs)."""
        limits = ((self.services, service), (self.environments, environment))
        return all(not allowed or wanted in allowed for allowed, wanted in limits)


def require_reach(by: Caller, *, services: Iterable[str], environments: Iterable[str]) -> None:
    """Raise Forbidden("token_limits") unless the caller's limits allow all of these services in all of these places."""
    places = list(environments)
    if not all(by.covers(service=service, environment=place) for service in services for place in places):
        raise Forbidden("token_limits", "This token may not act on all of these services in these environments.")


def caller_of_person(user: User) -> Caller:
    """The person as a caller, without a token's limits."""
    return Caller(user.pk, user.is_admin, user.actor, user.name)


class RecentCallers:
    """Remembers for one second, in this process, whom an Authorization header named.

    A pipeline that logs a hundred deploys a second is looked up once. Reading may therefore outlive a revocation by a
    second; writing may not, because what writes in bulk asks again in its own statement. Keys are digests, so a dump of
    the process's memory holds no more secrets than before.
    """

    SECONDS, MOST = 1.0, 1000

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[float, Caller, int]] = {}

    def recall(self, key: bytes) -> tuple[Caller, int] | None:
        """The caller and the requests a minute, if both were looked up within the last second."""
        until, caller, per_minute = self._known.get(key, (0.0, None, 0))
        return (caller, per_minute) if caller is not None and time.monotonic() < until else None

    def remember(self, key: bytes, caller: Caller, per_minute: int) -> None:
        """Keep a caller for a second."""
        if len(self._known) >= self.MOST:
            self.forget()
        self._known[key] = (time.monotonic() + self.SECONDS, caller, per_minute)

    def forget(self) -> None:
        """Forget all of them, because one of them may have lost its rights."""
        self._known.clear()


RECENT = RecentCallers()


def forget_callers() -> None:
    """Let the next request of every token be looked up, now and when the caller's transaction commits."""
    RECENT.forget()
    transaction.on_commit(RECENT.forget, robust=True)
