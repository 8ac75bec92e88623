"""Every write to people, teams and tokens."""

from dataclasses import dataclass, field
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import credentials, policy
from accounts.models import ApiToken, User
from workflow.errors import Conflict, Forbidden, Unprocessable
from workflow.ledger import Happening, record


@dataclass(frozen=True, slots=True)
class TokenTerms:
    """What a new token may do: scopes, slugs it is limited to (empty: no limit), and when it ends (None: never)."""

    name: str
    scopes: list[str]
    services: list[str] = field(default_factory=list)
    environments: list[str] = field(default_factory=list)
    expires_at: datetime | None = None
    requests_per_minute: int = 6000


@transaction.atomic
def create_token(owner: User, terms: TokenTerms) -> tuple[ApiToken, str]:
    """Make a token for `owner` and return it with its text, which exists only in this answer.

    Raises Unprocessable("scopes_within_owner"), Unprocessable("expires_in_past") and Conflict("token_name_taken").
    """
    now = timezone.now()
    decision = policy.scopes_within_owner(terms.scopes, owner_is_admin=owner.is_admin)
    if decision.outcome == policy.REFUSED:
        raise Unprocessable(decision.rule, decision.because, field="scopes")
    if terms.expires_at is not None and terms.expires_at <= now:
        raise Unprocessable(
            "expires_in_past", "The token would have expired already. Choose a later day.", field="expires_at"
        )
    fresh = credentials.new_credential()
    try:
        with transaction.atomic():
            token = ApiToken.objects.create(
                public_id=fresh.public_id,
                digest=fresh.digest,
                owner=owner,
                name=terms.name,
                scopes=terms.scopes,
                services=terms.services,
                environments=terms.environments,
                expires_at=terms.expires_at,
                requests_per_minute=terms.requests_per_minute,
            )
    except IntegrityError as error:
        raise Conflict("token_name_taken", f"You have a token named “{terms.name}” already.", field="name") from error
    facts: dict[str, object] = {"name": terms.name, "scopes": terms.scopes, "services": terms.services}
    record(f"TOKEN-{token.pk}", Happening("created", owner.actor, now, facts), at=now)
    return token, fresh.text


@transaction.atomic
def revoke_token(token: ApiToken, *, by: User) -> None:
    """End a token at once; its history stays. Raises Forbidden("may_revoke_token"). Twice is as good as once."""
    decision = policy.may_revoke_token(is_owner=token.owner_id == by.pk, is_admin=by.is_admin)
    if decision.outcome == policy.REFUSED:
        raise Forbidden(decision.rule, decision.because)
    now = timezone.now()
    if ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=now):
        record(f"TOKEN-{token.pk}", Happening("revoked", by.actor, now, {"name": token.name}), at=now)
