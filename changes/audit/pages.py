"""The page of one sampled change: a file that needs nothing but a browser, for reading and for printing."""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.template.loader import render_to_string

from changes.audit.policy import lot
from changes.audit.population import Known, Scope, content_text, row_of
from changes.models import Approval, Run
from changes.queries import names_of
from changes.tickets.content import LABELS, in_words
from changes.tickets.policy import REVIEW_QUESTIONS
from workflow.models import Entry

FACTS = {
    "type": "Type",
    "origin": "Recorded by a",
    "authorization": "Allowed by way of",
    "state": "State",
    "outcome": "Outcome",
    "risk": "Risk",
    "services": "Services",
    "environment": "Environment",
    "version": "Version",
    "sha": "Commit",
    "artifact_digest": "Artefact",
    "pipeline": "Pipeline",
    "run": "Run and attempt",
    "customer_impacting": "Customers notice",
    "requester": "Requested by",
    "implementer": "Carried out by",
    "filed_at": "Filed",
    "window_start": "Window from",
    "window_end": "Window until",
    "started_at": "Started",
    "finished_at": "Finished",
    "review_due_at": "Review due",
}
"""The columns that a page shows on top, and what they are called there."""

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00\Z")


class ApprovalShown(NamedTuple):
    """An answer with the text that its hash was made of."""

    approval: Approval
    at: str
    voided_at: str
    content: str


class EntryShown(NamedTuple):
    """An entry of the ledger as the timeline prints it."""

    entry: Entry
    occurred_at: str
    recorded_at: str
    actor: str
    said: str


def page_of(known: Known, *, scope: Scope) -> bytes:
    """The page, in UTF-8, with all times in UTC; call it within the `one_moment` in which the change was read."""
    change, row = known.change, row_of(known)
    entries = list(Entry.objects.filter(pk__in=known.entries).order_by("id"))
    names = names_of({entry.actor for entry in entries})
    content = {
        "change": change,
        "lot": lot(scope.seed, change.ref),
        "seed": scope.seed,
        "facts": [(label, _shown(row[name])) for name, label in FACTS.items() if row[name]],
        "verdict": change.verdict,
        "asked": _asked(known),
        "approvals": [_approval(one) for one in known.approvals],
        "entries": [_entry(entry, names) for entry in entries],
        **_evidence(known),
        **_review(known),
    }
    return render_to_string("audit/sample.html", content).encode()


def _asked(known: Known) -> list[tuple[str, str]]:
    """What the person who filed it said beyond the facts."""
    ticket = known.ticket
    if ticket is None:
        return []
    names = ("description", "reason", "risk_answers", "test_evidence", "rollback_plan", "rollback_minutes")
    said = [(LABELS[name], in_words(getattr(ticket, name))) for name in (*names, "verification_plan", "commits")]
    return [*said, ("Incident", in_words(ticket.incident)), ("Template", in_words(str(ticket.template or "")))]


def _approval(approval: Approval) -> ApprovalShown:
    voided = _second(approval.voided_at) if approval.voided_at else ""
    return ApprovalShown(approval, _second(approval.at), voided, content_text(approval))


def _evidence(known: Known) -> dict[str, Any]:
    run: Run | None = getattr(known.change, "run", None)
    if run is None:
        return {}
    return {"checks": run.checks, "commits": [_commit(commit) for commit in run.commits], "evidence": _text(run.told)}


def _text(told: Any) -> str:
    return _pretty(told.evidence) if told.evidence else ""


def _commit(commit: Mapping[str, Any]) -> tuple[str, str, str, str]:
    reviewers: Iterable[object] = commit.get("reviewed_by", [])
    return (
        str(commit.get("sha", "")),
        str(commit.get("title", "")),
        str(commit.get("author", "")),
        ", ".join(map(str, reviewers)),
    )


def _review(known: Known) -> dict[str, Any]:
    review = getattr(known.change, "review", None)
    if review is None:
        return {}
    answers = [(words, in_words(review.answers.get(code))) for code, words in REVIEW_QUESTIONS.items()]
    return {"review": review, "reviewed_at": _second(review.at), "answers": answers}


def _entry(entry: Entry, names: Mapping[str, str]) -> EntryShown:
    name = names.get(entry.actor, "")
    actor = f"{name} ({entry.actor})" if name else entry.actor
    return EntryShown(entry, _second(entry.occurred_at), _second(entry.recorded_at), actor, _pretty(entry.data))


def _second(at: datetime) -> str:
    """`2026-11-24 12:00:00`, in UTC; the ledger's own spelling is in entries.jsonl."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def _shown(fact: str) -> str:
    """A cell of the population as a page shows it."""
    return f"{fact[:10]} {fact[11:19]}" if _MOMENT.match(fact) else fact


def _pretty(said: object) -> str:
    return json.dumps(said, indent=1, ensure_ascii=False, sort_keys=True)
