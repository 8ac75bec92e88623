"""Reads of teams."""

from django.db.models import Count, Prefetch, QuerySet

from accounts.models import Membership, Team


def teams() -> QuerySet[Team]:
    """Every team with its leads as `leads`, and how many people and services it has."""
    leads = Membership.objects.filter(is_lead=True).select_related("user").order_by("user__name")
    return Team.objects.annotate(
        people_count=Count("memberships", distinct=True), service_count=Count("services", distinct=True)
    ).prefetch_related(Prefetch("memberships", queryset=leads, to_attr="leads"))


def members(team: Team) -> QuerySet[Membership]:
    """Who is in the team, leads first."""
    return team.memberships.select_related("user").order_by("-is_lead", "user__name")
