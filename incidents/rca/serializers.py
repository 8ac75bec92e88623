"""Analyses, whys and promises in the words of the API. Shape only."""

import re
from datetime import date
from typing import Annotated, Any, Literal

from django.conf import settings
from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from incidents.rca.actions import Asked, Texts
from incidents.rca.models import CorrectiveAction, Rca
from incidents.rca.policy import Fault
from incidents.rca.promises import Promise
from incidents.rca.queries import Place
from workflow.errors import InvalidFields
from workflow.shapes import Person, Shape, Short, validated

CHANGE = re.compile(r"CHG-[1-9][0-9]{0,17}\Z", re.ASCII)
Text = Annotated[str, StringConstraints(max_length=10_000)]
Claimed = Annotated[str, StringConstraints(max_length=500)]
Id = Annotated[int, Field(ge=1, le=2**63 - 1, strict=True)]
PathWord = Literal["occurrence", "detection", "recovery"]
ClaimWord = Literal["hypothesis", "supported", "refuted"]
CategoryWord = Literal["technology", "process", "training"]
EffectWord = Literal["prevent", "detect", "mitigate"]


class SaidEvidence(Shape):
    """What a claim rests on."""

    kind: Literal["link", "change", "timeline", "note"]
    value: Annotated[str, StringConstraints(min_length=1, max_length=2000)]
    label: Short = ""

    @model_validator(mode="after")
    def leads_where_it_says(self) -> "SaidEvidence":
        """A link is an address of the web, a change a reference."""
        if self.kind == "link" and not self.value.startswith(("https://", "http://")):
            raise PydanticCustomError("url", "Write an address that starts with https:// or http://.")
        if self.kind == "change" and not CHANGE.match(self.value):
            raise PydanticCustomError("change", "Write the reference of a change, as in CHG-12.")
        return self


class SaidWhy(Shape):
    """A why. `shares` lets a cause of another analysis stand here as well; then only `parents` counts beside it."""

    parents: Annotated[list[Id], Field(max_length=20)] | None = None
    question: Short | None = None
    claim: Claimed | None = None
    path: PathWord | None = None
    state: ClaimWord | None = None
    category: CategoryWord | None = None
    stop_reason: Claimed | None = None
    evidence: Annotated[list[SaidEvidence], Field(max_length=50)] | None = None
    accepted_risk: Claimed | None = None
    shares: Id | None = None


class SaidTexts(Shape):
    """What an analysis says beside its whys."""

    summary: Text | None = None
    went_well: Text | None = None
    lucky: Text | None = None


class SaidReason(Shape):
    """Why."""

    reason: Text = ""


class SaidNote(Shape):
    """A remark."""

    note: Text = ""


class SaidPromise(Shape):
    """A corrective action."""

    rca: Annotated[str, StringConstraints(max_length=40)]
    why: Id | None = None
    title: Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
    type: CategoryWord
    effect: EffectWord
    owner: Person
    due: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$")] | None = None
    tracker_key: Annotated[str, StringConstraints(max_length=60)] = ""


class SaidDone(Shape):
    """That it is done."""

    note: Text = ""
    evidence: Text = ""


class SaidProof(Shape):
    """How it was proven."""

    method: Text = ""
    evidence: Text = ""


class SaidDrop(Shape):
    """Why it will not be done, and who decided; that must be the caller."""

    reason: Text = ""
    approver: Person = ""


def read_why(body: Any) -> tuple[Asked, int | None]:
    """The why that a body describes, and the id of the one that is to be shared; raises InvalidFields."""
    said = validated(SaidWhy, body)
    evidence = None if said.evidence is None else [one.model_dump() for one in said.evidence]
    fields = said.model_dump(exclude={"evidence", "shares"})
    # A category or a reason that is null is taken away, where one that is left out stays.
    for name in ("category", "stop_reason"):
        if name in said.model_fields_set and fields[name] is None:
            fields[name] = ""
    return Asked(**fields, evidence=evidence), said.shares


def read_texts(body: Any) -> Texts:
    """The texts that a body describes; raises InvalidFields."""
    return Texts(**validated(SaidTexts, body).model_dump())


def read_promise(body: Any) -> tuple[str, Promise]:
    """The reference of the analysis, and the promise; raises InvalidFields."""
    said = validated(SaidPromise, body)
    try:
        due = date.fromisoformat(said.due) if said.due else None
    except ValueError as error:
        raise InvalidFields([("due", "date", "Write a day, as in 2026-12-09.")]) from error
    return said.rca, Promise(said.title, said.type, said.effect, said.owner, said.why, due, said.tracker_key)


def why_json(place: Place) -> dict[str, Any]:
    """A why as it stands in one analysis."""
    why = place.why
    return {
        "id": why.pk,
        "parents": place.parents,
        "question": why.question,
        "claim": why.claim,
        "path": why.path,
        "state": why.state,
        "category": why.category or None,
        "stop_reason": why.stop_reason or None,
        "evidence": why.evidence,
        "accepted_risk": place.place.accepted_risk,
        "is_root_cause": place.is_root,
        "hurt": place.hurt,
        "author": why.author.email if why.author else None,
        "actions": [action.ref for action in place.actions],
    }


def rca_json(rca: Rca) -> dict[str, Any]:
    """An analysis without its whys."""
    return {
        "ref": rca.ref,
        "url": f"{settings.BASE_URL}/rcas/{rca.ref}",
        "incident": rca.incident.ref,
        "state": rca.state,
        "summary": rca.summary,
        "went_well": rca.went_well,
        "lucky": rca.lucky,
        "author": rca.author.email if rca.author else None,
        "due_at": rca.due_at,
        "reviewed_by": rca.reviewed_by.email if rca.reviewed_by else None,
        "published_at": rca.published_at,
        "waived_by": rca.waived_by.email if rca.waived_by else None,
        "waived_because": rca.waived_because,
        "created_at": rca.created_at,
        "updated_at": rca.updated_at,
    }


def whole_json(rca: Rca, places: list[Place], actions: list[CorrectiveAction], faults: list[Fault]) -> dict[str, Any]:
    """An analysis with its whys, its promises, and what must be mended before review."""
    return {
        **rca_json(rca),
        "whys": [why_json(place) for place in places],
        "actions": [action_json(action) for action in actions],
        "before_review": [{"rule": one.rule, "why": one.why or None, "because": one.because} for one in faults],
    }


def action_json(action: CorrectiveAction) -> dict[str, Any]:
    """A promise."""
    return {
        "ref": action.ref,
        "url": f"{settings.BASE_URL}/actions/{action.ref}",
        "rca": action.rca.ref,
        "incident": action.rca.incident.ref,
        "why": action.why_id,
        "title": action.title,
        "type": action.type,
        "effect": action.effect,
        "owner": action.owner.email,
        "due": action.due,
        "state": action.state,
        "note": action.note,
        "evidence": action.evidence,
        "method": action.method,
        "reason": action.reason,
        "verified_by": action.verified_by.email if action.verified_by else None,
        "approver": action.approver.email if action.approver else None,
        "tracker_key": action.tracker_key,
        "reopened": action.reopened,
        "done_at": action.done_at,
        "verified_at": action.verified_at,
        "created_at": action.created_at,
        "updated_at": action.updated_at,
    }
