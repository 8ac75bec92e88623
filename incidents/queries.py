"""Reads about incidents. Every one begins with `visible_to`: what somebody may not see does not exist for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet

from accounts.models import Membership, User
from catalog.models import Service
from changes.models import Change
from changes.queries import entries_with_names, names_of
from changes.search import words
from changes.states import Origin
from incidents.models import Impact, Incident, IncidentChange, Invite, PublicUpdate
from incidents.refs import incident_id, missing
from incidents.states import OPEN, Severity
from oncall.paging.models import Page
from oncall.paging.states import State as PageState
from workflow.ledger import entries_about
from workflow.models import Entry

FILED_SHOWN = 20
SHOWN_OPEN = 20
MOST_MINDED = 500
PEOPLE = ("commander", "comms", "scribe", "declared_by", "merged_into")


def visible_to(user_id: int) -> QuerySet[Incident]:
    """The incidents that this person may see.

    A restricted one is for those who have a role in it, those who were invited, whoever declared it, and the leads of
    the teams that own an affected service. Administrators get no exception.
    """
    invited = Invite.objects.filter(incident=OuterRef("pk"), user=user_id)
    leads = Membership.objects.filter(user=user_id, is_lead=True, team__services__incidents=OuterRef("pk"))
    holds_role = Q(commander=user_id) | Q(comms=user_id) | Q(scribe=user_id) | Q(declared_by=user_id)
    return Incident.objects.filter(Q(restricted=False) | holds_role | Exists(invited) | Exists(leads))


def seen_by(incident: Incident) -> QuerySet[User]:
    """Everybody who may sign in and see this restricted incident: the rule of `visible_to`, from the other side."""
    invited = Invite.objects.filter(incident=incident).values("user_id")
    leads = Membership.objects.filter(is_lead=True, team__services__incidents=incident).values("user_id")
    named = [incident.commander_id, incident.comms_id, incident.scribe_id, incident.declared_by_id]
    anyone = Q(pk__in=[pk for pk in named if pk]) | Q(pk__in=invited) | Q(pk__in=leads)
    return User.objects.filter(anyone, is_active=True)


def found(ref: str, *, user_id: int) -> Incident:
    """The incident with the people that it names; raises Missing, also for one that this person may not see."""
    row = visible_to(user_id).select_related(*PEOPLE).filter(pk=incident_id(ref)).first()
    if row is None:
        raise missing(ref)
    return row


def locked(ref: str, *, user_id: int) -> Incident:
    """The same, locked until the end of the transaction: of two who act at once the second sees what the first did."""
    row = visible_to(user_id).select_for_update(of=("self",)).filter(pk=incident_id(ref)).first()
    if row is None:
        raise missing(ref)
    return row


def in_full(user_id: int) -> QuerySet[Incident]:
    """Incidents with everything that is said of one in an answer of the API."""
    invites = Invite.objects.select_related("user").order_by("pk")
    return shown_on_page(user_id).prefetch_related(Prefetch("invites", queryset=invites))


def shown_on_page(user_id: int) -> QuerySet[Incident]:
    """Incidents with everything that is shown of one on its page."""
    impacts = Impact.objects.select_related("service").order_by("start", "pk")
    links = IncidentChange.objects.select_related("change__service", "said_by").order_by("-at", "-pk")
    updates = PublicUpdate.objects.select_related("author").order_by("created_at", "pk")
    return (
        visible_to(user_id)
        .select_related(*PEOPLE, "rca")
        .prefetch_related(
            Prefetch("services", queryset=Service.objects.select_related("team")),
            Prefetch("impacts", queryset=impacts),
            Prefetch("change_links", queryset=links),
            Prefetch("updates", queryset=updates),
        )
    )


def in_list(user_id: int) -> QuerySet[Incident]:
    """Incidents with what a line of a list says."""
    return visible_to(user_id).select_related("commander").prefetch_related("services")


@dataclass(frozen=True, slots=True)
class Choice:
    """What narrows a list of incidents; each may be empty."""

    state: str = ""
    severity: str = ""
    service: str = ""
    team: str = ""
    customer_impacting: bool | None = None
    since: datetime | None = None
    until: datetime | None = None
    q: str = ""


def narrowed(rows: QuerySet[Incident], choice: Choice) -> QuerySet[Incident]:
    """Those that match every part of the choice; the state `open` stands for all in which somebody is at work."""
    if choice.state:
        rows = rows.filter(state__in=OPEN if choice.state == "open" else [choice.state])
    plain: dict[str, Any] = {
        "severity": choice.severity,
        "declared_at__gte": choice.since,
        "declared_at__lt": choice.until,
    }
    rows = rows.filter(**{name: value for name, value in plain.items() if value})
    if choice.customer_impacting is not None:
        rows = rows.filter(customer_impacting=choice.customer_impacting)
    through = Incident.services.through.objects.filter(incident=OuterRef("pk"))
    if choice.service:
        rows = rows.filter(Exists(through.filter(service__slug=choice.service)))
    if choice.team:
        rows = rows.filter(Exists(through.filter(service__team__slug=choice.team)))
    for word in words(choice.q).split()[:20]:
        rows = rows.filter(search_text__contains=word)
    return rows.none() if choice.q.strip() and not words(choice.q) else rows


def open_for(user_id: int) -> list[Incident]:
    """The open incidents that this person may see, the worst first, then the oldest; at most SHOWN_OPEN."""
    rows = in_list(user_id).filter(state__in=OPEN)
    return list(rows.order_by("severity", "declared_at", "pk")[:SHOWN_OPEN])


def open_to_all(*, teams: Sequence[str] = (), most: int = SHOWN_OPEN) -> list[Incident]:
    """The open incidents that nobody is kept from seeing, for what goes to channels; of these teams (slugs), or all."""
    rows = Incident.objects.filter(restricted=False, state__in=OPEN).prefetch_related("services")
    if teams:
        rows = rows.filter(services__team__slug__in=teams).distinct()
    return list(rows.order_by("severity", "declared_at", "pk")[:most])


def unacknowledged() -> QuerySet[Incident]:
    """The open incidents that nobody has acknowledged, for what Decklog does by itself."""
    return Incident.objects.filter(state__in=OPEN, acknowledged_at__isnull=True)


def paged_and_unacknowledged() -> list[int]:
    """The ids of those about which somebody has answered a page."""
    known = {incident.hold_source: incident.pk for incident in unacknowledged()[:MOST_MINDED]}
    answered = Page.objects.filter(subject__in=known, state=PageState.ACKNOWLEDGED)
    return sorted({known[subject] for subject in answered.values_list("subject", flat=True)})


def leads_of(services: Sequence[Service]) -> list[str]:
    """The e-mails of the leads of the teams that own these services."""
    leads = Membership.objects.filter(is_lead=True, team__in={service.team_id for service in services})
    people = User.objects.filter(pk__in=leads.values("user_id"), is_active=True)
    return list(people.order_by("pk").values_list("email", flat=True))


def filed_for(incident: Incident) -> list[Change]:
    """The changes that people filed with this incident's ref, the newest first."""
    filed = Change.objects.filter(
        origin=Origin.PERSON, at__gte=incident.declared_at, ticket__incident__iexact=incident.ref
    )
    return list(filed.select_related("service", "environment").order_by("-at", "-pk")[:FILED_SHOWN])


def services_named(slugs: Sequence[str]) -> list[Service]:
    """The services of these slugs with their teams, by slug; those that do not exist are left out."""
    return list(Service.objects.filter(slug__in=slugs).select_related("team").order_by("slug"))


def severity_counts(rows: QuerySet[Incident]) -> Mapping[str, int]:
    """How many of the rows there are of each severity."""
    told = list(rows.values_list("severity", flat=True))
    return {severity: told.count(severity) for severity in Severity.values}


# --- The timeline ----------------------------------------------------------------------------------------------------


def entries_of(incident: Incident, *, as_known_at: datetime | None = None) -> list[Entry]:
    """What happened, newest first; with `as_known_at` only what Decklog had been told by then."""
    return entries_and_names(incident, as_known_at=as_known_at)[0]


def entries_and_names(incident: Incident, *, as_known_at: datetime | None = None) -> tuple[list[Entry], dict[str, str]]:
    """The same with the names behind their actors, in one statement."""
    entries = entries_about(incident.ref)
    if as_known_at is not None:
        entries = entries.filter(recorded_at__lte=as_known_at)
    return entries_with_names(entries)


def names_in(entries: Sequence[Entry]) -> dict[str, str]:
    """The names behind the actors of these entries."""
    return names_of({entry.actor for entry in entries})
