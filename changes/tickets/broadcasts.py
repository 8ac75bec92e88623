"""What everybody is told in Slack about a filed change that customers may feel."""

from datetime import datetime

from changes import broadcasts
from changes.messages import Progress
from changes.tickets.queries import Standing


def tell_progress(standing: Standing, *, at: datetime) -> None:
    """Tell that a change began or how it ended, if everybody wants to know of it."""
    change = standing.change
    if not broadcasts.is_news(customer_impacting=change.customer_impacting, risk=change.risk):
        return
    services = standing.services
    told = Progress(
        ref=change.ref,
        title=change.title,
        where=f"{', '.join(service.slug for service in services)} in {change.environment.slug}",
        outcome=change.outcome,
        is_felt=change.customer_impacting,
        note=change.public_note,
        began=change.started_at,
        ended=change.finished_at,
        who=standing.ticket.implementer.name,
    )
    broadcasts.tell(told, services=services, environment=change.environment, at=at)
