"""How a pipeline comes to be trusted: one person says what it must prove, another one confirms.

`propose` and `accept` are the two steps themselves, for the operator's organisation file; people come through
`register_pipeline`, `change_pipeline` and `confirm_pipeline`, which also ask whether they may.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import orjson
from django.db import transaction
from django.utils import timezone

from accounts.callers import Caller, require_reach
from accounts.models import ApiToken, User
from catalog.models import Environment, Service
from changes import policy
from changes.mailboxes import mailbox
from changes.pipelines import queries
from changes.pipelines.models import Pipeline
from changes.pipelines.policy import confirmed_as_seen, may_register_pipeline, slug_is_free
from changes.pipelines.states import MOVES
from workflow.amendments import amend
from workflow.decisions import Decision, require
from workflow.errors import Conflict, Missing, Unprocessable
from workflow.ledger import Happening, record
from workflow.transitions import move


@dataclass(frozen=True, slots=True)
class Terms:
    """What a pipeline is trusted with and must prove; slugs, and names of checks. `token` is the only one believed."""

    name: str
    services: Sequence[str]
    environments: Sequence[str]
    requires: Sequence[str]
    token: ApiToken | None = None

    @property
    def digest(self) -> str:
        """Changes with everything a confirmation is about; the name is not."""
        parts = [sorted(self.services), sorted(self.environments), sorted(self.requires)]
        token = self.token.pk if self.token else None
        return hashlib.sha256(orjson.dumps([*parts, token])).hexdigest()[:16]


def terms_of(pipeline: Pipeline) -> Terms:
    """The terms as they stand."""
    return Terms(
        name=pipeline.name,
        services=[service.slug for service in pipeline.services.all()],
        environments=[environment.slug for environment in pipeline.environments.all()],
        requires=pipeline.requires,
        token=pipeline.token,
    )


# --- By people -------------------------------------------------------------------------------------------------------


@transaction.atomic
def register_pipeline(slug: str, terms: Terms, *, by: Caller) -> Pipeline:
    """Propose a pipeline, which may have logged deploys before; it waits for a second person.

    Raises Conflict("already_registered"), Unprocessable("slug_is_free") for the name of a page,
    Forbidden("may_register_pipeline"), and what `propose` raises.
    """
    free = slug_is_free(slug)
    require(free, Unprocessable, field="slug")
    Pipeline.objects.get_or_create(slug=slug)
    pipeline = _locked(slug)
    if pipeline.state != Pipeline.State.UNREGISTERED:
        raise Conflict("already_registered", f"“{slug}” is registered. Change it on its page instead.", field="slug")
    _require_a_hand_in(terms.services, by)
    require_reach(by, services=terms.services, environments=terms.environments)
    return propose(pipeline, terms, proposer=by.user_id, actor=by.actor)


@transaction.atomic
def change_pipeline(slug: str, terms: Terms, *, by: Caller) -> Pipeline:
    """Change what a pipeline is trusted with or must prove; a second person must confirm it again.

    Only a new name needs no confirmation. A suspended pipeline starts its way back so.
    Raises Forbidden("may_register_pipeline"), Conflict("not_registered"), and what `propose` raises.
    """
    pipeline = _locked(slug)
    if pipeline.state == Pipeline.State.UNREGISTERED:
        raise Conflict("not_registered", f"Nobody has registered “{slug}” yet. Register it first.")
    present = terms_of(pipeline)
    _require_a_hand_in({*present.services, *terms.services}, by)
    require_reach(by, services=present.services, environments=present.environments)
    require_reach(by, services=terms.services, environments=terms.environments)
    if terms.digest == present.digest and pipeline.state != Pipeline.State.SUSPENDED:
        amend(pipeline, name=terms.name)
        return pipeline
    return propose(pipeline, terms, proposer=by.user_id, actor=by.actor)


@transaction.atomic
def confirm_pipeline(slug: str, *, seen: str, by: Caller) -> Pipeline:
    """Trust a proposed pipeline. `seen` is the digest of the terms that its confirmer looked at.

    Raises Forbidden("may_register_pipeline"), Forbidden("four_eyes"), Conflict("stale_approval") when the terms have
    changed since, and Conflict("transition_illegal") when somebody else was faster.
    """
    pipeline = _locked(slug)
    terms = terms_of(pipeline)
    _require_a_hand_in(terms.services, by)
    require_reach(by, services=terms.services, environments=terms.environments)
    _require_another(pipeline, by.user_id)
    stale = confirmed_as_seen(seen=seen, present=terms.digest)
    require(stale, Conflict)
    return accept(pipeline, confirmer=by.user_id, actor=by.actor)


def may_decide(pipeline: Pipeline, person: User) -> Decision:
    """Whether this person may change the pipeline: the decision that the actions come to as well."""
    lacks = queries.services_without(person.pk, [service.slug for service in pipeline.services.all()])
    return may_register_pipeline(lacks=lacks, is_admin=person.is_admin)


def _locked(slug: str) -> Pipeline:
    # Of two people who decide at once, the second one sees what the first one made of it.
    pipeline = Pipeline.objects.select_for_update().filter(slug=slug).first()
    if pipeline is None:
        raise Missing("not_found", f"There is no pipeline “{slug[:64]}”.")
    return pipeline


def _require_a_hand_in(services: Iterable[str], by: Caller) -> None:
    decision = may_register_pipeline(lacks=queries.services_without(by.user_id, services), is_admin=by.is_admin)
    require(decision)


def _require_another(pipeline: Pipeline, confirmer: int) -> None:
    people = User.objects.in_bulk([pk for pk in (pipeline.registered_by_id, confirmer) if pk])
    boxes = {pk: mailbox(user.email) for pk, user in people.items()}
    registered_by = boxes.get(pipeline.registered_by_id or 0, "")
    require(policy.pipeline_confirmed_by_another(registered_by=registered_by, confirmer=boxes[confirmer]))


# --- The two steps ---------------------------------------------------------------------------------------------------


@transaction.atomic
def propose(pipeline: Pipeline, terms: Terms, *, proposer: int, actor: str, reinstates: bool = True) -> Pipeline:
    """Put down the terms in the name of the user `proposer`; what was confirmed before must be confirmed anew.

    With `reinstates` False a suspended pipeline stays suspended. Raises Unprocessable for terms that are none.
    """
    _judge(terms)
    now = timezone.now()
    columns = {"name": terms.name, "requires": list(terms.requires), "token": terms.token, "updated_at": now}
    whose = {"registered_by_id": proposer, "confirmed_by": None, "confirmed_at": None}
    verb = "registered" if pipeline.state == Pipeline.State.UNREGISTERED else "changed"
    if pipeline.state == Pipeline.State.SUSPENDED and not reinstates:
        amend(pipeline, **columns)
    elif pipeline.state == Pipeline.State.PROPOSED:
        amend(pipeline, **columns, **whose)
    else:
        move(pipeline, Pipeline.State.PROPOSED, moves=MOVES, **columns, **whose)
    pipeline.services.set(Service.objects.filter(slug__in=terms.services))
    pipeline.environments.set(Environment.objects.filter(slug__in=terms.environments))
    said: dict[str, object] = {
        "requires": list(terms.requires),
        "services": sorted(terms.services),
        "environments": sorted(terms.environments),
        "token": terms.token.actor if terms.token else None,
        "registered_by": f"user:{proposer}",
    }
    record(pipeline.ref, Happening(verb, actor, now, said), at=now)
    return pipeline


@transaction.atomic
def accept(pipeline: Pipeline, *, confirmer: int, actor: str) -> Pipeline:
    """Trust the pipeline in the name of the user `confirmer`. Raises Forbidden("four_eyes") and Conflict."""
    _require_another(pipeline, confirmer)
    now = timezone.now()
    move(pipeline, Pipeline.State.TRUSTED, moves=MOVES, confirmed_by_id=confirmer, confirmed_at=now, updated_at=now)
    said: dict[str, object] = {"confirmed_by": f"user:{confirmer}"}
    record(pipeline.ref, Happening("confirmed", actor, now, said, "four_eyes"), at=now)
    return pipeline


def _judge(terms: Terms) -> None:
    known = policy.known_checks(terms.requires)
    require(known, Unprocessable, field="requires")
    for field, noun, slugs in (
        ("services", "service", terms.services),
        ("environments", "environment", terms.environments),
    ):
        if not slugs:
            because = f"A pipeline is trusted for named {field} only. Choose at least one."
            raise Unprocessable("scope_needed", because, field=field)
        rows = Service.objects if noun == "service" else Environment.objects
        missing = set(slugs) - set(rows.filter(slug__in=slugs).values_list("slug", flat=True))
        if missing:
            raise Unprocessable(f"unknown_{noun}", f"There is no {noun} “{min(missing)}”.", field=field)
