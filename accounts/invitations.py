"""Links by which somebody sets their password."""

import uuid

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from accounts import queries
from accounts.actions import Person, add_person, require_admin
from accounts.contacts.queries import mail_leaves
from accounts.messages import invitation, new_password, no_account
from accounts.models import User
from notifications import outbox
from workflow.ledger import Happening, record


@transaction.atomic
def invite(person: Person, *, by: User) -> tuple[User, str]:
    """Make an account, mail its owner a link to set a password, and return both.

    Raises Forbidden("may_administer") and Conflict("email_taken").
    """
    user = add_person(person, by=by)
    return user, send_link(user, by=by)


@transaction.atomic
def send_link(user: User, *, by: User) -> str:
    """Mail a link that works for 3 days and once, and return it. Raises Forbidden("may_administer")."""
    require_admin(by)
    now = timezone.now()
    link = password_link(user)
    outbox.cancel(f"invitation:{user.pk}")
    outbox.enqueue(invitation(user, link, by=by.name, at=now), at=now)
    record(user.ref, Happening("invited", by.actor, now, {"link_shown": not mail_leaves()}), at=now)
    return link


@transaction.atomic
def ask_for_password(email: str) -> None:
    """Mail a link to set a password to whoever signs in with `email`, or the news that nobody does.

    One message is queued either way, so the answer takes as long for a stranger's address as for a colleague's. The
    link goes to the address of the account, never to a spelling that only looks the same.
    """
    now, number = timezone.now(), uuid.uuid4()
    user = queries.active_person(email)
    if user is None:
        outbox.enqueue(no_account(email, number=number), at=now)
    else:
        outbox.enqueue(new_password(user, password_link(user), number=number), at=now)


def password_link(user: User) -> str:
    """The address at which `user` sets a password; void as soon as it was used."""
    key = {"uidb36": user_pk_to_url_str(user), "key": default_token_generator.make_token(user)}
    return f"{settings.BASE_URL}{reverse('account_reset_password_from_key', kwargs=key)}"
