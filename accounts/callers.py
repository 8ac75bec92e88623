"""Who calls: a person in a browser, or a token that acts for one."""

from collections.abc import Sequence
from dataclasses import dataclass

from accounts.models import User


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


def caller_of_person(user: User) -> Caller:
    """The person as a caller, without a token's limits."""
    return Caller(user.pk, user.is_admin, user.actor, user.name)
