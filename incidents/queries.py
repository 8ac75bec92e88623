"""Reads about incidents. Every one begins with `visible_to`: what somebody may not see does not exist for them."""

from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import Membership
from incidents.models import Incident, Invite


def visible_to(user_id: int) -> QuerySet[Incident]:
    """The incidents that this person may see.

    A restricted one is for those who have a role in it, those who were invited, whoever declared it, and the leads of
    the teams that own an affected service. Administrators get no exception.
    """
    invited = Invite.objects.filter(incident=OuterRef("pk"), user=user_id)
    leads = Membership.objects.filter(user=user_id, is_lead=True, team__services__incidents=OuterRef("pk"))
    holds_role = Q(commander=user_id) | Q(comms=user_id) | Q(scribe=user_id) | Q(declared_by=user_id)
    return Incident.objects.filter(Q(restricted=False) | holds_role | Exists(invited) | Exists(leads))
