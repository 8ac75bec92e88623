"""Every write about analyses and their whys; promises are in `promises`."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.callers import Caller
from incidents import queries as incident_queries
from incidents.models import Incident
from incidents.rca import policy, queries
from incidents.rca.models import Rca, RcaWhy, Why, WhyEdge
from incidents.rca.policy import Edge
from incidents.rca.promises import break_promises
from incidents.rca.states import MOVES, State
from incidents.record import require_services
from workflow.amendments import amend
from workflow.decisions import REFUSED, require
from workflow.errors import Conflict, Missing, Unprocessable
from workflow.ledger import SYSTEM, Happening, record
from workflow.transitions import move


@dataclass(frozen=True, slots=True)
class Asked:
    """A why as somebody writes it; None leaves what there is. `parents` are ids in the same analysis."""

    question: str | None = None
    claim: str | None = None
    path: str | None = None
    state: str | None = None
    category: str | None = None
    stop_reason: str | None = None
    evidence: list[dict[str, str]] | None = None
    parents: Sequence[int] | None = None
    accepted_risk: str | None = None

    def columns(self) -> dict[str, Any]:
        """The columns of the why that are said."""
        names = ("question", "claim", "path", "state", "category", "stop_reason", "evidence")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}


@dataclass(frozen=True, slots=True)
class Texts:
    """What an analysis says beside its whys; None leaves what there is."""

    summary: str | None = None
    went_well: str | None = None
    lucky: str | None = None
    said: dict[str, str] = field(default_factory=dict)

    def columns(self) -> dict[str, str]:
        """The columns that are said."""
        names = ("summary", "went_well", "lucky")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}


# --- Beginning -------------------------------------------------------------------------------------------------------


def require_rca(incident: Incident, *, at: datetime) -> Rca | None:
    """Begin the analysis of an incident that is resolved, in the caller's transaction, if one is required."""
    if policy.rca_required(customer_impacting=incident.customer_impacting).outcome == REFUSED:
        return None
    return _begin(incident, author_id=incident.commander_id, actor=SYSTEM, at=at)


@transaction.atomic
def begin_rca(incident_ref: str, *, by: Caller) -> Rca:
    """Begin an analysis by choice, or return the one there is; raises Missing."""
    incident = incident_queries.locked(incident_ref, user_id=by.user_id)
    require_services([service.slug for service in incident.services.all()], by=by)
    return _begin(incident, author_id=by.user_id or None, actor=by.actor, at=timezone.now())


def _begin(incident: Incident, *, author_id: int | None, actor: str, at: datetime) -> Rca:
    zone = ZoneInfo(settings.ORGANISATION_TIME_ZONE)
    due_at = policy.rca_due_at(incident.severity, resolved_at=incident.resolved_at or at, zone=zone)
    fresh = {"author_id": author_id, "due_at": due_at, "created_at": at, "updated_at": at}
    rca, is_new = Rca.objects.get_or_create(incident=incident, defaults=fresh)
    if is_new:
        _note(rca, "rca_begun", actor, {"due_at": due_at.isoformat()}, at=at)
    return rca


# --- Writing ---------------------------------------------------------------------------------------------------------


@transaction.atomic
def edit_rca(ref: str, texts: Texts, *, by: Caller) -> Rca:
    """Write its texts; raises Missing, Conflict("can_be_edited")."""
    rca, now = _taken(ref, by=by), timezone.now()
    changed = amend(rca, **texts.columns())
    if changed:
        _touch(rca, by=by, at=now)
        _note(rca, "rca_edited", by.actor, {"changed": sorted(changed)}, at=now)
    return rca


@transaction.atomic
def ask_why(ref: str, asked: Asked, *, by: Caller) -> Why:
    """Add a why; raises Missing, Conflict("can_be_edited"), Unprocessable("supported_needs_evidence")."""
    rca, now = _taken(ref, by=by), timezone.now()
    said = {"state": "hypothesis", "path": "occurrence", **asked.columns()}
    if not str(said.get("question", "")).strip():
        raise Unprocessable("required", "Write the question.", field="question")
    _require_evidence(said)
    why = Why.objects.create(**said, author_id=by.user_id or None, created_at=now, updated_at=now)
    _place(rca, why, parents=asked.parents or ())
    _touch(rca, by=by, at=now)
    _note(rca, "why_asked", by.actor, {"why": why.pk, "question": why.question, "claim": why.claim}, at=now)
    return why


@transaction.atomic
def share_why(ref: str, pk: int, *, parents: Sequence[int] = (), by: Caller) -> Why:
    """Let a cause that is known from another analysis stand here as well. It hurt again, so kept promises are broken.

    Raises Missing, Conflict("can_be_edited"), Unprocessable("unknown_why").
    """
    rca, now = _taken(ref, by=by), timezone.now()
    visible = Why.objects.filter(pk=pk, rcas__in=queries.visible_rcas(by.user_id)).distinct()
    why = visible.first()
    if why is None:
        raise Unprocessable("unknown_why", f"There is no cause {pk}.", field="shares")
    if not RcaWhy.objects.filter(rca=rca, why=why).exists():
        _place(rca, why, parents=parents)
        _touch(rca, by=by, at=now)
        _note(rca, "why_shared", by.actor, {"why": why.pk, "claim": why.claim}, at=now)
        break_promises(why, rca=rca, at=now)
    return why


@transaction.atomic
def edit_why(ref: str, pk: int, asked: Asked, *, by: Caller) -> Why:
    """Change a why or its place.

    Raises Missing, Conflict("can_be_edited"), Unprocessable("supported_needs_evidence", "causes_never_circle"), and
    Conflict("published_stays") for the words of one that stands in a published analysis as well.
    """
    rca, now = _taken(ref, by=by), timezone.now()
    why, place = _why_in(rca, pk)
    columns = {name: said for name, said in asked.columns().items() if said != getattr(why, name)}
    if columns and queries.stands_published(why, beside=rca):
        because = "This cause also stands in a published analysis, which stays as it was read. Ask another why instead."
        raise Conflict("published_stays", because)
    _require_evidence({"state": why.state, "evidence": why.evidence, **columns})
    before = {name: getattr(why, name) for name in columns}
    changed = amend(why, **columns)
    if changed:
        amend(why, updated_at=now)
    if asked.parents is not None:
        WhyEdge.objects.filter(rca=rca, child=why).delete()
        _connect(rca, why, asked.parents)
    if asked.accepted_risk is not None:
        _accept(rca, place, asked.accepted_risk, by=by)
    _touch(rca, by=by, at=now)
    facts = {"why": why.pk, "claim": why.claim, "before": before, "changed": sorted(changed)}
    _note(rca, "why_edited", by.actor, facts, at=now)
    return why


@transaction.atomic
def remove_why(ref: str, pk: int, *, by: Caller) -> None:
    """Take a why out of an analysis; what asked on from it asks on from those above. The ledger keeps what it said.

    Raises Missing, Conflict("can_be_edited").
    """
    rca, now = _taken(ref, by=by), timezone.now()
    why, place = _why_in(rca, pk)
    above = list(WhyEdge.objects.filter(rca=rca, child=why).values_list("parent", flat=True))
    below = list(WhyEdge.objects.filter(rca=rca, parent=why).values_list("child", flat=True))
    WhyEdge.objects.bulk_create(
        (WhyEdge(rca=rca, parent_id=parent, child_id=child) for parent in above for child in below),
        ignore_conflicts=True,
    )
    WhyEdge.objects.filter(rca=rca, child=why).delete()
    WhyEdge.objects.filter(rca=rca, parent=why).delete()
    place.delete()
    _touch(rca, by=by, at=now)
    _note(rca, "why_removed", by.actor, {"why": pk, "question": why.question, "claim": why.claim}, at=now)


def _require_evidence(said: dict[str, Any]) -> None:
    decision = policy.supported_needs_evidence(state=said["state"], has_evidence=bool(said.get("evidence")))
    require(decision, Unprocessable, field="evidence")


def _place(rca: Rca, why: Why, *, parents: Sequence[int]) -> None:
    last = RcaWhy.objects.filter(rca=rca).order_by("-position").values_list("position", flat=True).first()
    RcaWhy.objects.create(rca=rca, why=why, position=(last or 0) + 1)
    _connect(rca, why, parents)


def _connect(rca: Rca, why: Why, parents: Sequence[int]) -> None:
    known = set(RcaWhy.objects.filter(rca=rca, why__in=parents).values_list("why", flat=True))
    strange = set(parents) - known
    if strange:
        raise Unprocessable("unknown_why", f"There is no why {min(strange)} in {rca.ref}.", field="parents")
    edges = [Edge(one.parent_id, one.child_id) for one in WhyEdge.objects.filter(rca=rca)]
    for parent in dict.fromkeys(parents):
        decision = policy.causes_never_circle(edges, Edge(parent, why.pk))
        require(decision, Unprocessable, field="parents")
        WhyEdge.objects.create(rca=rca, parent_id=parent, child=why)


def _accept(rca: Rca, place: RcaWhy, because: str, *, by: Caller) -> None:
    if because.strip():
        require_decider(rca, by=by)
    amend(place, accepted_risk=because.strip(), accepted_by_id=by.user_id if because.strip() else None)


def _why_in(rca: Rca, pk: int) -> tuple[Why, RcaWhy]:
    place = RcaWhy.objects.select_related("why").filter(rca=rca, why=pk).first()
    if place is None:
        raise Missing("not_found", f"There is no why {pk} in {rca.ref}.")
    return place.why, place


def _taken(ref: str, *, by: Caller) -> Rca:
    rca = found_rca(ref, by=by)
    require(policy.can_be_edited(rca.state), Conflict)
    return rca


def found_rca(ref: str, *, by: Caller) -> Rca:
    """The analysis, locked; raises Missing, Forbidden("token_limits")."""
    rca = queries.locked_rca(ref, user_id=by.user_id)
    require_services([service.slug for service in rca.incident.services.all()], by=by)
    return rca


def _touch(rca: Rca, *, by: Caller, at: datetime) -> None:
    """An edit makes a reviewed analysis a draft again: nobody has reviewed what it now says."""
    if rca.state in {State.IN_REVIEW, State.REVIEWED}:
        move(rca, State.DRAFT, moves=MOVES, reviewed_by=None, submitted_at=None)
    amend(rca, author_id=rca.author_id or by.user_id or None, updated_at=at)


# --- Deciding --------------------------------------------------------------------------------------------------------


@transaction.atomic
def submit_rca(ref: str, *, by: Caller) -> Rca:
    """Ask for a review; raises Missing, Conflict("transition_illegal"), Conflict with the rule that is not met."""
    rca, now = found_rca(ref, by=by), timezone.now()
    faults = queries.faults_of(rca)
    if faults and rca.state == State.DRAFT:
        raise Conflict(faults[0].rule, policy.faults_in_words(faults))
    move(rca, State.IN_REVIEW, moves=MOVES, submitted_at=now, updated_at=now)
    _note(rca, "rca_submitted", by.actor, {}, at=now)
    return rca


@transaction.atomic
def review_rca(ref: str, *, by: Caller, note: str = "") -> Rca:
    """Say that it explains what happened; raises Missing, Forbidden("somebody_else_reviews"), Conflict."""
    rca, now = found_rca(ref, by=by), timezone.now()
    require(policy.somebody_else_reviews(by.user_id, queries.authors_of(rca)))
    move(rca, State.REVIEWED, moves=MOVES, reviewed_by_id=by.user_id, updated_at=now)
    _note(rca, "rca_reviewed", by.actor, {"note": note[:2000]}, at=now)
    return rca


@transaction.atomic
def publish_rca(ref: str, *, by: Caller) -> Rca:
    """Let everybody who may see the incident read it as it stands; raises Missing, Conflict("transition_illegal")."""
    rca, now = found_rca(ref, by=by), timezone.now()
    move(rca, State.PUBLISHED, moves=MOVES, published_at=now, updated_at=now)
    _note(rca, "rca_published", by.actor, {}, at=now)
    return rca


@transaction.atomic
def waive_rca(ref: str, reason: str, *, by: Caller) -> Rca:
    """Decide that none is needed, and say why.

    Raises Missing, Unprocessable("required"), Forbidden("may_decide_for_team"), Conflict("transition_illegal").
    """
    rca, now = found_rca(ref, by=by), timezone.now()
    if not reason.strip():
        raise Unprocessable("required", "Say why nothing is to be learnt here.", field="reason")
    require_decider(rca, by=by)
    move(rca, State.WAIVED, moves=MOVES, waived_by_id=by.user_id, waived_because=reason.strip(), updated_at=now)
    _note(rca, "rca_waived", by.actor, {"reason": reason.strip()[:2000]}, at=now)
    return rca


def require_decider(rca: Rca, *, by: Caller) -> None:
    """Raise Forbidden("may_decide_for_team") unless the caller leads an affected team, or administers."""
    leads = queries.leads_affected(rca.incident, user_id=by.user_id)
    decision = policy.may_decide_for_team(
        leads_affected=leads, is_admin=by.is_admin, is_restricted=rca.incident.restricted
    )
    require(decision)


def _note(rca: Rca, verb: str, actor: str, facts: dict[str, object], *, at: datetime) -> None:
    record(f"INC-{rca.incident_id}", Happening(verb, actor, at, {"rca": rca.ref, **facts}), at=at)
