"""Reads about shifts: who can take one, and the secret links of calendars."""

from django.db.models import Q, QuerySet

from accounts.models import User
from oncall.models import RotaLink, Schedule


def choosable(schedule: Schedule) -> list[User]:
    """Who may be asked to take a watch: the team's people and those with turns in it, by name."""
    in_turn = Q(pk__in=schedule.rotations.filter(participants__user__isnull=False).values("participants__user"))
    of_team = Q(memberships__team=schedule.team_id)
    return list(User.objects.filter(in_turn | of_team, is_active=True).distinct().order_by("name", "email"))


def links_of(owner: User) -> QuerySet[RotaLink]:
    """Somebody's links that still show something, the newest first."""
    return RotaLink.objects.filter(owner=owner, revoked_at__isnull=True).select_related("schedule").order_by("-pk")


def link_behind(digest: str) -> RotaLink | None:
    """The link with this digest; None when it was revoked, or its owner may not sign in any more."""
    known = RotaLink.objects.select_related("owner", "schedule")
    return known.filter(digest=digest, revoked_at__isnull=True, owner__is_active=True).first()
