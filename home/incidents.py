"""The open incidents on the Now page, in one statement."""

from datetime import datetime
from typing import NamedTuple

from incidents.models import Incident
from incidents.queries import SHOWN_OPEN, visible_to
from incidents.states import OPEN
from workflow import moments


class OpenIncident(NamedTuple):
    """An incident that somebody is at work on, and for how long it is open."""

    incident: Incident
    age: str


def open_incidents(user_id: int, *, now: datetime) -> list[OpenIncident]:
    """Those that this person may see, the worst first, then the oldest."""
    rows = visible_to(user_id).filter(state__in=OPEN).select_related("commander")
    found = rows.order_by("severity", "declared_at", "pk")[:SHOWN_OPEN]
    return [OpenIncident(one, moments.rough((now - one.declared_at).total_seconds())) for one in found]
