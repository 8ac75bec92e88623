"""Every write to people and their tokens.

`by` is the person who asks; None is the operator of this installation: an organisation file, or the first start.
"""

from dataclasses import dataclass, field
from datetime import datetime

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts import credentials, policy
from accounts.callers import forget_callers
from accounts.contacts.actions import silence
from accounts.models import ApiToken, User
from workflow.amendments import amend
from workflow.decisions import require
from workflow.errors import Conflict, InvalidFields, Missing, Unprocessable
from workflow.ledger import SYSTEM, Happening, record


@dataclass(frozen=True, slots=True)
class Person:
    """Who somebody is: e-mail to sign in with, name, IANA zone (empty: the organisation's)."""

    email: str
    name: str
    time_zone: str = ""
    is_admin: bool = False


@dataclass(frozen=True, slots=True)
class TokenTerms:
    """What a new token may do: scopes, slugs it is limited to (empty: no limit), and when it ends (None: never)."""

    name: str
    scopes: list[str]
    services: list[str] = field(default_factory=list)
    environments: list[str] = field(default_factory=list)
    expires_at: datetime | None = None
    requests_per_minute: int = 6000


def actor_id(by: User | None) -> str:
    """The ledger's id of who asks."""
    return by.actor if by else SYSTEM


def require_admin(by: User | None) -> None:
    """Raise Forbidden("may_administer") unless an administrator or the operator asks."""
    decision = policy.may_administer(is_admin=by is None or by.is_admin)
    require(decision)


# --- People ---------------------------------------------------------------------------------------------------------


@transaction.atomic
def add_person(person: Person, *, by: User | None, password: str = "") -> User:
    """Make an account; without a password nobody can sign in to it until one is set through a reset link.

    Raises Forbidden("may_administer") and Conflict("email_taken").
    """
    require_admin(by)
    user = User(email=person.email, name=person.name, time_zone=person.time_zone, is_admin=person.is_admin)
    user.set_password(password or None)
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError as error:
        raise Conflict("email_taken", f"{person.email} has an account already.", field="email") from error
    _note(user, "created", {"is_admin": person.is_admin}, by=by)
    return user


@transaction.atomic
def found_installation(person: Person, *, password: str) -> User:
    """Make the first administrator. Of two who try at the same moment one succeeds.

    Raises Missing("founded_already") when anybody has an account, InvalidFields when the password is too weak.
    """
    _one_at_a_time()
    if User.objects.exists():
        raise Missing("founded_already", "This installation has its first administrator. Sign in, or ask them.")
    try:
        validate_password(password, User(email=person.email, name=person.name))
    except ValidationError as error:
        raise InvalidFields([("password", "password_weak", sentence) for sentence in error.messages]) from error
    founder = Person(person.email, person.name, person.time_zone, is_admin=True)
    return add_person(founder, by=None, password=password)


@transaction.atomic
def change_person(user: User, *, by: User | None, **columns: str | bool) -> dict[str, list[object]]:
    """Change `name`, `time_zone` or `is_admin` and return {column: [before, after]}.

    People may change their own name and zone; the rest is for administrators. Raises Forbidden and
    Conflict("last_admin").
    """
    is_own = by is not None and by.pk == user.pk and "is_admin" not in columns
    if not is_own:
        require_admin(by)
    if columns.get("is_admin") is False:
        _keep_an_admin(user)
    changed = amend(user, **columns)
    if changed:
        forget_callers()
        # A name is no business of the ledger, which outlives a person's wish to be forgotten.
        facts: dict[str, object] = {name: pair for name, pair in changed.items() if name != "name"}
        _note(user, "changed", {"fields": sorted(changed), **facts}, by=by)
    return changed


@transaction.atomic
def set_password(user: User, password: str, *, by: User | None) -> None:
    """Give the account this password and end its sessions."""
    user.set_password(password)
    user.save(update_fields=["password"])
    _note(user, "password_set", {}, by=by)


@transaction.atomic
def deactivate_person(user: User, *, by: User | None) -> None:
    """Shut somebody out at once: sessions end for good, the password is void, tokens stop, nothing is sent to them.

    Their past stays. Twice is as good as once. Raises Forbidden("may_administer") and Conflict("last_admin").
    """
    require_admin(by)
    if not user.is_active:
        return
    _keep_an_admin(user)
    user.is_active = False
    # Sessions are bound to the password's hash, so none of them comes back to life with the account.
    user.set_unusable_password()
    user.save(update_fields=["is_active", "password"])
    forget_callers()
    silence(user, at=timezone.now())
    _note(user, "deactivated", {}, by=by)


@transaction.atomic
def reactivate_person(user: User, *, by: User | None) -> None:
    """Let somebody in again, once they have set a new password; tokens that were not revoked work again."""
    require_admin(by)
    if user.is_active:
        return
    user.is_active = True
    user.save(update_fields=["is_active"])
    _note(user, "reactivated", {}, by=by)


def _keep_an_admin(leaving: User) -> None:
    """Raise Conflict("last_admin") when nobody would be left to administer; holds the others until the commit."""
    admins = User.objects.select_for_update().filter(is_admin=True, is_active=True).order_by("pk")
    others = [admin.pk for admin in admins if admin.pk != leaving.pk]
    decision = policy.last_admin(is_admin=leaving.is_admin, other_admins=len(others))
    require(decision, Conflict)


def _one_at_a_time() -> None:
    """Make other writers of accounts wait until the commit; SQLite's write transactions do so anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {User._meta.db_table} IN SHARE ROW EXCLUSIVE MODE")


def _note(user: User, verb: str, facts: dict[str, object], *, by: User | None) -> None:
    now = timezone.now()
    record(user.ref, Happening(verb, actor_id(by), now, facts), at=now)


# --- Tokens ---------------------------------------------------------------------------------------------------------


@transaction.atomic
def create_token(owner: User, terms: TokenTerms, *, by: User | None = None) -> tuple[ApiToken, str]:
    """Make a token for `owner` and return it with its text, which exists only in this answer.

    Raises Unprocessable("scopes_within_owner"), Unprocessable("expires_in_past") and Conflict("token_name_taken").
    """
    now = timezone.now()
    _judge_scopes(owner, terms.scopes)
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
    record(token.ref, Happening("created", (by or owner).actor, now, facts), at=now)
    return token, fresh.text


@transaction.atomic
def change_token(token: ApiToken, *, by: User | None, **columns: object) -> dict[str, list[object]]:
    """Change what a token may do, by its columns, and return {column: [before, after]}.

    For the operator only: a person revokes a token and makes another. Raises Unprocessable("scopes_within_owner").
    """
    scopes = columns.get("scopes")
    if isinstance(scopes, list):
        _judge_scopes(token.owner, scopes)
    changed = amend(token, **columns)
    if changed:
        forget_callers()
        now = timezone.now()
        facts: dict[str, object] = {name: [str(value) for value in pair] for name, pair in changed.items()}
        record(token.ref, Happening("changed", actor_id(by), now, facts), at=now)
    return changed


@transaction.atomic
def revoke_token(token: ApiToken, *, by: User) -> None:
    """End a token at once; its history stays. Raises Forbidden("may_revoke_token"). Twice is as good as once."""
    decision = policy.may_revoke_token(is_owner=token.owner_id == by.pk, is_admin=by.is_admin)
    require(decision)
    now = timezone.now()
    if ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=now):
        forget_callers()
        record(token.ref, Happening("revoked", by.actor, now, {"name": token.name}), at=now)


def _judge_scopes(owner: User, scopes: list[str]) -> None:
    decision = policy.scopes_within_owner(scopes, owner_is_admin=owner.is_admin)
    require(decision, Unprocessable, field="scopes")
