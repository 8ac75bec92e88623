"""What the rule about closing is told."""

from incidents.models import Incident
from incidents.policy import Closing
from incidents.rca import queries


def facts_for_closing(incident: Incident) -> Closing:
    """Whether customers felt it, how far its root cause analysis is, and which root causes have no answer."""
    rca = queries.rca_of(incident)
    return Closing(
        customer_impacting=incident.customer_impacting is not False,
        rca=rca.state if rca else "",
        unanswered=queries.unanswered(rca) if rca else (),
    )
