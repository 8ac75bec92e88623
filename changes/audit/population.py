"""The population: which changes belong to a pack, and what its table says about each of them."""

from array import array
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from django.db.models import Prefetch, Q

from catalog.models import Service
from changes.audit.cells import cell, joined, moment
from changes.models import REF_PREFIX, Approval, Change, Ticket
from workflow.models import Entry

CHUNK = 500


@dataclass(frozen=True, slots=True)
class Scope:
    """What a pack is about: changes listed in [since, until) that touch one of `services` (slugs; none means all).

    `sample` changes are drawn by `seed`.
    """

    since: datetime
    until: datetime
    services: Sequence[str]
    sample: int
    seed: str


class Trace(NamedTuple):
    """Which entries of the ledger are about a change: how many, the first and last id, and who wrote the first."""

    entries: int
    first: int
    last: int
    recorded_by: str


NO_TRACE = Trace(0, 0, 0, "")


@dataclass(frozen=True, slots=True)
class Known:
    """A change with everything around it, as it was at one moment. `entries` are ids of the ledger, ascending."""

    change: Change
    ticket: Ticket | None
    approvals: list[Approval] = field(default_factory=list)
    services: list[str] = field(default_factory=list)
    entries: list[int] = field(default_factory=list)
    trace: Trace = NO_TRACE


def ids_of(scope: Scope) -> "array[int]":
    """The ids of all changes in the scope, ascending, read in one statement and so as they were at one moment."""
    rows = Change.objects.filter(at__gte=scope.since, at__lt=scope.until).order_by()
    if scope.services:
        services = list(Service.objects.filter(slug__in=scope.services).values_list("pk", flat=True))
        touched = Ticket.services.through.objects.filter(service_id__in=services).values("ticket_id")
        rows = rows.filter(Q(service_id__in=services) | Q(pk__in=touched))
    return array("q", sorted(array("q", rows.values_list("pk", flat=True).iterator(chunk_size=10_000))))


def chunks(ids: "array[int]", size: int = CHUNK) -> "Iterator[array[int]]":
    """The ids in handy numbers."""
    return (ids[start : start + size] for start in range(0, len(ids), size))


def known_changes(ids: Sequence[int]) -> list[Known]:
    """The changes with what is around them, by ascending id; call it within `one_moment`."""
    related = ("service", "environment", "pipeline", "requester", "run", "ticket__implementer", "review__reviewer")
    rows = Change.objects.filter(pk__in=list(ids)).select_related(*related)
    rows = rows.defer("search_text", "run__events", "run__checks").order_by("pk")
    answers = Prefetch("ticket__approvals", queryset=Approval.objects.select_related("approver"))
    found = list(rows.prefetch_related("ticket__services", answers))
    about = _entries_about([change.ref for change in found])
    return [_known(change, about.get(change.ref, [])) for change in found]


def _entries_about(refs: list[str]) -> dict[str, list[tuple[int, str]]]:
    found: dict[str, list[tuple[int, str]]] = defaultdict(list)
    rows = Entry.objects.filter(subject__in=refs).order_by("id").values_list("subject", "id", "actor")
    for subject, pk, actor in rows:
        found[subject].append((pk, actor))
    return found


def _known(change: Change, about: list[tuple[int, str]]) -> Known:
    ids = [pk for pk, _ in about]
    trace = Trace(len(ids), ids[0], ids[-1], about[0][1]) if ids else NO_TRACE
    ticket: Ticket | None = getattr(change, "ticket", None)
    if ticket is None:
        return Known(change, None, services=[change.service.slug], entries=ids, trace=trace)
    services = sorted({change.service.slug, *(service.slug for service in ticket.services.all())})
    return Known(change, ticket, list(ticket.approvals.all()), services, ids, trace)


# --- The table -------------------------------------------------------------------------------------------------------


def row_of(known: Known) -> dict[str, str]:
    """The line of a change in population.csv, by column."""
    change = known.change
    plain = {name: getattr(change, name) for name in _PLAIN}
    filled = {"ref": change.ref, **plain, **_targets(known), **_people(known), **_times(change), **_ledger(known.trace)}
    return {name: cell(filled[name]) for name in COLUMNS}


_PLAIN = (
    *("type", "origin", "authorization", "state", "outcome", "risk", "verdict", "verdict_rule", "policy_version"),
    *("title", "version", "sha", "customer_impacting", "flags"),
)


def _targets(known: Known) -> dict[str, Any]:
    change, run = known.change, getattr(known.change, "run", None)
    return {
        "services": joined(known.services),
        "environment": change.environment.slug,
        "pipeline": change.pipeline.slug if change.pipeline else "",
        "run": f"{run.run_id}/{run.attempt}" if run else "",
        "artifact_digest": run.artifact_digest if run else "",
    }


def _people(known: Known) -> dict[str, Any]:
    change, ticket, review = known.change, known.ticket, getattr(known.change, "review", None)
    standing = [one for one in known.approvals if counts(one)]
    return {
        "requester": change.requester,
        "requester_id": change.requester.actor if change.requester else "",
        "implementer": ticket.implementer if ticket else "",
        "implementer_id": ticket.implementer.actor if ticket else "",
        "approvers": joined(one.approver for one in standing),
        "approver_ids": joined(one.actor for one in standing),
        "approval_times": joined(moment(one.at) for one in standing),
        "reviewer": review.reviewer if review else "",
        "reviewer_id": review.actor if review else "",
        "reviewed_at": review.at if review else None,
    }


def counts(approval: Approval) -> bool:
    """Whether it is an approval, and was not voided by a later edit."""
    return approval.answer == Approval.Answer.APPROVED and approval.voided_at is None


def _times(change: Change) -> dict[str, Any]:
    names = ("window_start", "window_end", "started_at", "finished_at", "review_due_at")
    return {"filed_at": change.created_at, "listed_at": change.at, **{name: getattr(change, name) for name in names}}


def _ledger(trace: Trace) -> dict[str, Any]:
    return {
        "recorded_by": trace.recorded_by,
        "entries": trace.entries,
        "first_entry": trace.first or "",
        "last_entry": trace.last or "",
    }


COLUMNS = (
    *("ref", "type", "origin", "authorization", "state", "outcome", "risk", "verdict", "verdict_rule"),
    *("policy_version", "title", "services", "environment", "pipeline", "run", "version", "sha", "artifact_digest"),
    *("customer_impacting", "flags", "requester", "requester_id", "implementer", "implementer_id", "approvers"),
    *("approver_ids", "approval_times", "filed_at", "listed_at", "window_start", "window_end", "started_at"),
    *("finished_at", "reviewer", "reviewer_id", "reviewed_at", "review_due_at", "recorded_by", "entries"),
    *("first_entry", "last_entry"),
)
"""The columns of population.csv, in order."""


# --- What approvals bind to ------------------------------------------------------------------------------------------


def approval_line(change: Change, approval: Approval) -> bytes:
    """An approval as a line of approvals.jsonl; `content` is the very text whose SHA-256 is `digest`."""
    said = {
        "ref": change.ref,
        "id": approval.pk,
        "approver": str(approval.approver),
        "actor": approval.actor,
        "answer": approval.answer,
        "roles": approval.roles,
        "note": approval.note,
        "at": moment(approval.at),
        "voided_at": moment(approval.voided_at) if approval.voided_at else None,
        "digest": approval.digest,
        "content": content_text(approval),
    }
    return orjson.dumps(said, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


def content_text(approval: Approval) -> str:
    """What was approved, in the form that `changes.tickets.content.digest_of` hashes."""
    return orjson.dumps(approval.content, option=orjson.OPT_SORT_KEYS).decode()


def ref_of(pk: int) -> str:
    """`CHG-12`."""
    return f"{REF_PREFIX}{pk}"
