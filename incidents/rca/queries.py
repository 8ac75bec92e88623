"""Reads about analyses, causes and promises. Every one begins with the incidents that somebody may see."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Prefetch, Q, QuerySet

from accounts.models import ApiToken, Membership, User
from incidents import queries as incident_queries
from incidents.availability import Hurt, pieces
from incidents.models import Impact, Incident
from incidents.rca import policy
from incidents.rca.models import ACTION_PREFIX, RCA_PREFIX, CorrectiveAction, Rca, RcaWhy, Why, WhyEdge
from incidents.rca.policy import Edge, Fault, Node
from incidents.rca.states import ActionState, Claim, State
from workflow.errors import Missing
from workflow.models import Entry

_REF = re.compile(r"([A-Z]+-)([1-9][0-9]{0,17})\Z", re.ASCII)


def _number(ref: str, prefix: str) -> int:
    match = _REF.match(ref.strip().upper())
    if match is None or match[1] != prefix:
        raise _missing(ref)
    return int(match[2])


def _missing(ref: str) -> Missing:
    return Missing("not_found", f"There is no {ref.upper()[:40]}.")


def visible_rcas(user_id: int) -> QuerySet[Rca]:
    """The analyses of incidents that this person may see."""
    return Rca.objects.filter(incident__in=incident_queries.visible_to(user_id))


def rcas_in_full(user_id: int) -> QuerySet[Rca]:
    """The same with what is shown of each in a list."""
    related = ("incident", "author", "reviewed_by", "waived_by")
    return visible_rcas(user_id).select_related(*related).prefetch_related("incident__services")


def rca_named(ref: str, *, user_id: int) -> Rca:
    """The analysis under this reference as somebody may see it; raises Missing."""
    found = rcas_in_full(user_id).filter(pk=_number(ref, RCA_PREFIX)).first()
    if found is None:
        raise _missing(ref)
    return found


def locked_rca(ref: str, *, user_id: int) -> Rca:
    """The same, locked until the end of the transaction; raises Missing."""
    rows = Rca.objects.select_for_update().filter(pk=_number(ref, RCA_PREFIX))
    found = rows.filter(pk__in=visible_rcas(user_id).values("pk")).first()
    if found is None:
        raise _missing(ref)
    return found


def rca_of(incident: Incident) -> Rca | None:
    """The analysis of an incident, None if nobody has begun it."""
    return Rca.objects.filter(incident=incident).first()


# --- The graph of one analysis ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Place:
    """A why in its analysis: where it stands, in how many analyses one may see it, and the promises against it."""

    why: Why
    place: RcaWhy
    parents: list[int]
    hurt: int
    actions: list[CorrectiveAction]
    is_root: bool


def graph_of(rca: Rca) -> tuple[list[Node], list[Edge]]:
    """What the rules see of an analysis."""
    whys = Why.objects.filter(places__rca=rca).order_by("places__position", "pk")
    nodes = [Node(why.pk, why.claim, why.path, why.state, why.category, why.stop_reason) for why in whys]
    edges = [Edge(one.parent_id, one.child_id) for one in WhyEdge.objects.filter(rca=rca)]
    return nodes, edges


def places_of(rca: Rca, *, user_id: int) -> list[Place]:
    """The whys of an analysis, by path and position, in five statements."""
    rows = RcaWhy.objects.filter(rca=rca).select_related("why", "why__author", "accepted_by").order_by("position", "pk")
    places = list(rows)
    edges = list(WhyEdge.objects.filter(rca=rca).order_by("pk"))
    visible = RcaWhy.objects.filter(why__in=[one.why_id for one in places], rca__in=visible_rcas(user_id))
    hurt = dict(visible.values("why").annotate(count=Count("pk")).values_list("why", "count"))
    against = Q(rca=rca) | Q(why__in=[one.why_id for one in places], rca__in=visible_rcas(user_id))
    actions = CorrectiveAction.objects.filter(against).select_related("owner", "rca").order_by("due", "pk")
    nodes = [Node(one.why.pk, one.why.claim, one.why.path, one.why.state) for one in places]
    roots = {node.id for node in policy.leaves(nodes, [Edge(edge.parent_id, edge.child_id) for edge in edges])}
    by_why: dict[int | None, list[CorrectiveAction]] = {}
    for action in actions:
        by_why.setdefault(action.why_id, []).append(action)
    return [
        Place(
            why=one.why,
            place=one,
            parents=[edge.parent_id for edge in edges if edge.child_id == one.why_id],
            hurt=hurt.get(one.why_id, 1),
            actions=by_why.get(one.why_id, []),
            is_root=one.why_id in roots,
        )
        for one in places
    ]


def faults_among(places: Iterable[Place]) -> list[Fault]:
    """What must be mended before review, read off an analysis that is known already."""
    known = [(place.why, place.parents) for place in places]
    nodes = [Node(why.pk, why.claim, why.path, why.state, why.category, why.stop_reason) for why, _ in known]
    return policy.faults_before_review(nodes, [Edge(parent, why.pk) for why, parents in known for parent in parents])


def faults_of(rca: Rca) -> list[Fault]:
    """What must be mended before review."""
    return policy.faults_before_review(*graph_of(rca))


WRITING = ("rca_edited", "why_asked", "why_shared", "why_edited", "why_removed")


def authors_of(rca: Rca) -> set[int]:
    """Everybody who wrote or changed a part of an analysis, also through a token of theirs; the ledger knows them."""
    wrote = set(Why.objects.filter(places__rca=rca, author__isnull=False).values_list("author", flat=True))
    entries = Entry.objects.filter(subject=rca.incident.ref, verb__in=WRITING).values_list("actor", "data")
    actors = {actor for actor, said in entries if said.get("rca") == rca.ref}
    return wrote | people_behind(actors) | ({rca.author_id} if rca.author_id else set())


def people_behind(actors: Iterable[str]) -> set[int]:
    """The ids of the people who acted, by themselves or through a token."""
    parted = [actor.partition(":") for actor in actors]
    tokens = [int(number) for kind, _, number in parted if kind == "token" and number.isdigit()]
    people = {int(number) for kind, _, number in parted if kind == "user" and number.isdigit()}
    return people | set(ApiToken.objects.filter(pk__in=tokens).values_list("owner", flat=True))


def stands_published(why: Why, *, beside: Rca) -> bool:
    """Whether a why stands in an analysis that was published, other than this one."""
    return Rca.objects.filter(whys=why, state=State.PUBLISHED).exclude(pk=beside.pk).exists()


def unanswered(rca: Rca) -> list[str]:
    """The claims of root causes against which nothing is promised and whose risk nobody has accepted."""
    nodes, edges = graph_of(rca)
    roots = {node.id: node.claim or "A why without an answer" for node in policy.leaves(nodes, edges)}
    # A promise that another analysis made against a shared cause answers it here as well.
    promised = CorrectiveAction.objects.filter(why__in=list(roots)).exclude(state=ActionState.WONT_DO)
    answered = set(promised.values_list("why", flat=True))
    accepted = RcaWhy.objects.filter(rca=rca, why__in=list(roots)).exclude(accepted_risk="")
    answered |= set(accepted.values_list("why", flat=True))
    return [claim for pk, claim in roots.items() if pk not in answered]


def leads_affected(incident: Incident, *, user_id: int) -> bool:
    """Whether somebody leads a team that owns one of the incident's services."""
    owned = Membership.objects.filter(user=user_id, is_lead=True, team__services__incidents=incident)
    return owned.exists()


def names_in(incident: Incident) -> list[tuple[str, str]]:
    """The people of an incident by name, each with the role that published text gives them."""
    roles = [
        (incident.commander, "the commander"),
        (incident.comms, "the communicator"),
        (incident.scribe, "the scribe"),
    ]
    named = {person.name: role for person, role in roles if person}
    members = Membership.objects.filter(team__services__incidents=incident).select_related("user", "team")
    for member in members.distinct().order_by("team__name", "pk"):
        named.setdefault(member.user.name, f"an engineer of {member.team.name}")
    return sorted({**{name.split()[0]: role for name, role in named.items() if name.split()}, **named}.items())


# --- Causes ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cause:
    """A root cause across incidents: in which analyses it stands, what it cost, and what was promised."""

    why: Why
    rcas: list[Rca]
    services: list[str]
    minutes: int
    actions: list[CorrectiveAction]


def causes(user_id: int, *, words: str = "", most: int = 50) -> list[Cause]:
    """The causes that stand in published or open analyses, those that hurt most often first."""
    seen = Q(rcas__in=visible_rcas(user_id))
    rows = Why.objects.exclude(state=Claim.REFUTED).exclude(claim="").filter(~Q(category="") | Q(actions__isnull=False))
    for word in words.split()[:8]:
        rows = rows.filter(Q(claim__icontains=word) | Q(question__icontains=word))
    counted = rows.filter(seen).annotate(count=Count("rcas", distinct=True)).order_by("-count", "-pk")
    found: list[Any] = list(counted.prefetch_related(*_of_cause(user_id))[:most])
    spans = minutes_of({rca.incident_id for why in found for rca in why.seen_rcas})
    return [_cause(why, spans) for why in found]


def _of_cause(user_id: int) -> "list[Prefetch[str]]":
    rcas = rcas_in_full(user_id).order_by("pk")
    actions = CorrectiveAction.objects.filter(rca__in=visible_rcas(user_id)).select_related("owner").order_by("pk")
    return [Prefetch("rcas", queryset=rcas, to_attr="seen_rcas"), Prefetch("actions", queryset=actions, to_attr="seen")]


def _cause(why: Why, spans: dict[int, timedelta]) -> Cause:
    rcas: list[Rca] = why.seen_rcas  # type: ignore[attr-defined]  # prefetched by _of_cause
    actions: list[CorrectiveAction] = why.seen  # type: ignore[attr-defined]  # prefetched by _of_cause
    services = sorted({service.slug for rca in rcas for service in rca.incident.services.all()})
    lost = policy.minutes({rca.incident_id: spans.get(rca.incident_id, timedelta(0)) for rca in rcas})
    return Cause(why, rcas, services, lost, actions)


def minutes_of(incidents: Collection[int]) -> dict[int, timedelta]:
    """How long each of these incidents hurt: the time in which any service was, never added up over services."""
    hurts: dict[int, list[Hurt]] = {}
    for impact in Impact.objects.filter(incident__in=incidents, end__isnull=False):
        assert impact.end is not None
        hurts.setdefault(impact.incident_id, []).append(Hurt(impact.start, impact.end, impact.level))
    return {pk: _length(spans) for pk, spans in hurts.items()}


def _length(spans: Iterable[Hurt]) -> timedelta:
    known = list(spans)
    parts = pieces(known, min(one.start for one in known), max(one.end for one in known))
    return sum((part.end - part.start for part in parts), timedelta(0))


# --- Promises --------------------------------------------------------------------------------------------------------


def actions_in_full(user_id: int) -> QuerySet[CorrectiveAction]:
    """The promises about incidents that this person may see."""
    rows = CorrectiveAction.objects.filter(rca__in=visible_rcas(user_id))
    return rows.select_related("rca", "rca__incident", "why", "owner", "verified_by", "approver")


def action_named(ref: str, *, user_id: int) -> CorrectiveAction:
    """The promise under this reference as somebody may see it; raises Missing."""
    found = actions_in_full(user_id).filter(pk=_number(ref, ACTION_PREFIX)).first()
    if found is None:
        raise _missing(ref)
    return found


def locked_action(ref: str, *, user_id: int) -> CorrectiveAction:
    """The same, locked until the end of the transaction; raises Missing."""
    rows = CorrectiveAction.objects.select_for_update().filter(pk=_number(ref, ACTION_PREFIX))
    found = rows.filter(pk__in=actions_in_full(user_id).values("pk")).first()
    if found is None:
        raise _missing(ref)
    return found


def saved_minutes(actions: Iterable[CorrectiveAction], *, user_id: int) -> dict[int, int]:
    """For each promise the minutes that incidents with its cause have cost, of those that this person may see."""
    known = list(actions)
    places = RcaWhy.objects.filter(why__in={one.why_id for one in known if one.why_id}).select_related("rca")
    places = places.filter(rca__in=visible_rcas(user_id))
    incidents: dict[int, set[int]] = {}
    for place in places:
        incidents.setdefault(place.why_id, set()).add(place.rca.incident_id)
    of_all = {pk for ids in incidents.values() for pk in ids} | {one.rca.incident_id for one in known}
    spans = minutes_of(of_all)
    return {
        one.pk: policy.minutes(
            {pk: spans.get(pk, timedelta(0)) for pk in incidents.get(one.why_id or 0, {one.rca.incident_id})}
        )
        for one in known
    }


def person_named(email: str) -> User | None:
    """Who may sign in under this e-mail."""
    return User.objects.filter(email__iexact=email.strip(), is_active=True).first()


def owed_rcas(*, now: datetime) -> QuerySet[Rca]:
    """The analyses that are due and not done."""
    return Rca.objects.filter(state__in=["draft", "in_review", "reviewed"], due_at__lte=now).select_related("incident")
