"""The wording of what is sent about incidents. The first line carries who must do what by when, with the link."""

from collections.abc import Sequence
from datetime import UTC, datetime

from django.conf import settings

from accounts.contacts.letters import Letter
from catalog.models import Service
from changes.letters import Person, news
from incidents.models import Incident
from incidents.states import Severity, State
from notifications.outbox import NewMessage
from notifications.parts import Line, Part
from workflow import moments
from workflow.lines import brief, listed

LETTERS = frozenset({"declared", "resolved"})
"""What the people of the owning teams get a message of their own about."""
DONE: dict[str, str] = {
    State.TRIAGE: "declared",
    State.INVESTIGATING: "being investigated",
    State.IDENTIFIED: "cause identified",
    State.MITIGATED: "mitigated",
    State.RESOLVED: "resolved",
    State.CLOSED: "closed",
    State.CANCELLED: "cancelled",
    State.MERGED: "merged into another incident",
}


def incident_url(ref: str) -> str:
    """The web page of an incident."""
    return f"{settings.BASE_URL}/incidents/{ref}"


def severity_word(incident: Incident) -> str:
    """`Sev 2`."""
    return str(Severity(incident.severity).label)


def page_title(incident: Incident) -> str:
    """What a page says first; of a restricted incident nothing."""
    if incident.restricted:
        return "Something that only a few may see needs you"
    return brief(f"{incident.ref} {severity_word(incident)}: {incident.title}", most=200)


def hold_reason(incident: Incident) -> str:
    """Why its services are held, for whoever wants to deploy; of a restricted one nothing is told."""
    if incident.restricted:
        return "Somebody is at work on this service. Ask the lead of its team"
    return brief(f"{severity_word(incident)}: {incident.title}")


def in_channel(incident: Incident, services: Sequence[Service], *, to: str, at: datetime) -> NewMessage:
    """Says in the Slack channel `to` how an incident stands, in place of what was said there about it before."""
    url, where = incident_url(incident.ref), listed([service.slug for service in services])
    lines = [
        Line(f"{where}: {DONE[incident.state]}", label=incident.ref, url=url),
        Line(_felt(incident)),
        Line(_since(incident, at)),
    ]
    text = [f"{where} is {DONE[incident.state]}: {url}", *(line.text for line in lines[1:])]
    return NewMessage(
        dedup_key=f"incident:{incident.ref}:{at.astimezone(UTC):%Y%m%d%H%M%S%f}:{to}",
        channel="slack",
        recipient=to,
        title=f"{severity_word(incident)}, {DONE[incident.state]}: {brief(incident.title)}",
        text="\n".join(filter(None, text)),
        subject=incident.ref,
        replaces=f"incident:{incident.ref}",
        parts=(Part("", [line for line in lines if line.text], is_list=False),),
    )


def _felt(incident: Incident) -> str:
    if incident.customer_impacting is None:
        return "Nobody has said yet whether customers notice."
    return "Customers notice." if incident.customer_impacting else "Customers should notice nothing."


def _since(incident: Incident, at: datetime) -> str:
    began = incident.impact_started_at or incident.declared_at
    ended = incident.resolved_at if incident.state in {State.RESOLVED, State.CLOSED} else None
    word = "Impact began" if incident.impact_started_at else "Declared"
    length = moments.duration(((ended or at) - began).total_seconds())
    until = f", over at {_clock(ended)} UTC after {length}" if ended else ""
    who = f" Commander: {incident.commander.name}." if incident.commander else ""
    return f"{word} {_clock(began)} UTC{until}.{who}"


def letter(incident: Incident, services: Sequence[Service], what: str, *, to: Person) -> Letter:
    """Tells one of an owning team, or one who may see a restricted incident, that it is declared or resolved."""
    url = incident_url(incident.ref)
    if incident.restricted:
        # The delivery log is read by people who must not know that it exists.
        title = f"Something that only a few may see is {what}"
        return news(to, about="", key=f"incident:{incident.alias}:{what}", title=title, lines=[f"Read it: {url}"])
    where = listed([service.slug for service in services])
    call = "Read what is known and take a role if you can" if what == "declared" else "Read how it ended"
    lines = [f"{call}: {url}", "", f"{severity_word(incident)} on {where}: {incident.title}", _felt(incident)]
    again = f":{len(incident.reopenings)}"
    title = f"{incident.ref} is {what}: {brief(incident.title)}"
    return news(to, about=incident.ref, key=f"incident:{incident.ref}:{what}{again}", title=title, lines=lines)


def _clock(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%H:%M}"
