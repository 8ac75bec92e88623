"""Reads of people and tokens."""

from django.db.models import QuerySet

from accounts.models import ApiToken, User


def tokens_for(reader: User) -> QuerySet[ApiToken]:
    """The tokens that the reader may see, newest first: their own, for administrators everybody's."""
    tokens = ApiToken.objects.select_related("owner").order_by("-pk")
    return tokens if reader.is_admin else tokens.filter(owner=reader)


def people() -> QuerySet[User]:
    """Everybody with an account, those who may sign in first, with their teams."""
    return User.objects.prefetch_related("teams").order_by("-is_active", "name", "email")


def active_person(email: str) -> User | None:
    """Who signs in with this e-mail, in any case; None when nobody does, or may no longer."""
    return User.objects.filter(email__iexact=email, is_active=True).first()
