"""Who may look back at a change, whoever brought it."""

from typing import NamedTuple

from accounts.callers import Caller, require_reach
from changes.models import Change
from changes.tickets import policy, queries
from workflow.decisions import require


class Makers(NamedTuple):
    """Ids of who requested a change and who carried it out, None for what no person did."""

    requester_id: int | None
    implementer_id: int | None


def require_reviewer(change: Change, *, by: Caller) -> Makers:
    """Raise the refusals of `four_eyes` and `reviewer_role`; else say whose change it is."""
    standing = queries.standing_if_filed(change)
    services = standing.said["services"] if standing else [change.service.slug]
    require_reach(by, services=services, environments=[change.environment.slug])
    circle = standing.circle if standing else queries.circle_of_deploy(change)[0]
    parts = standing.parts_of(by.user_id) if standing else queries.parts_in(circle, by.user_id)
    require(policy.four_eyes(by.user_id, circle))
    require(policy.reviewer_role(parts))
    return Makers(change.requester_id, standing.ticket.implementer_id if standing else None)
