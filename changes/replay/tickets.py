"""What rules say about the changes that people filed: their risk, and who must approve them."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from changes.models import Ticket
from changes.replay.draft import BadDraft, Policies
from changes.states import Authorization
from workflow.decisions import Decision

CHUNK = 500


def filed_since(since: datetime, *, services: Sequence[str]) -> Iterator[Ticket]:
    """The reviewed changes since then, newest first, read piece by piece; none of `services` (slugs) means all."""
    rows = Ticket.objects.filter(change__authorization=Authorization.REVIEWED, change__at__gte=since)
    if services:
        rows = rows.filter(pk__in=Ticket.objects.filter(services__slug__in=services).values("pk"))
    rows = rows.select_related("change").prefetch_related("services__team").order_by("-change__at", "-pk")
    return rows.iterator(chunk_size=CHUNK)


def stored(ticket: Ticket) -> str:
    """The risk that was found when it was filed."""
    return ticket.change.risk


def risk_by(policies: Policies, ticket: Ticket) -> Decision:
    """The risk that the rules find; raises BadDraft when they fail."""
    facts = policies.risk.RiskFacts(
        answers=ticket.risk_answers,
        tiers=[service.tier for service in ticket.services.all()],
        customer_impacting=ticket.change.customer_impacting,
        rollback_minutes=ticket.rollback_minutes,
    )
    try:
        found: Decision = policies.risk.risk_level(facts)
        return Decision(str(found.rule), str(found.outcome), str(found.because))
    except Exception as trouble:
        ref = ticket.change.ref
        raise BadDraft(f"The rules fail at {ref}: {type(trouble).__name__}: {trouble}.") from trouble


def demand_by(policies: Policies, ticket: Ticket, level: str) -> str:
    """Who must approve it, in words: `2 people, a lead of Payments among them`."""
    teams = {service.team.slug: service.team.name for service in ticket.services.all()}
    try:
        demand = policies.tickets.demanded_approvals(level, teams)
        leads = " and of ".join(teams[slug] for slug in sorted(demand.lead_of))
        peers = " and of ".join(teams[slug] for slug in sorted(demand.peer_of))
    except Exception as trouble:
        ref = ticket.change.ref
        raise BadDraft(f"The rules fail at {ref}: {type(trouble).__name__}: {trouble}.") from trouble
    people = "1 person" if demand.number == 1 else f"{demand.number} people"
    if peers:
        return f"{people}, somebody of {peers} among them"
    return f"{people}, a lead of {leads} among them" if leads else people
