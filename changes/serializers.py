"""Changes in the words of the API. Shape only."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import QueryDict

from changes.messages import change_url
from changes.models import Change, Run
from changes.pipelines.actions import Logged
from changes.pipelines.recording import Target
from changes.queries import ChangeRow, Page
from workflow.ledger import SYSTEM
from workflow.models import Entry
from workflow.paging import Cursor
from workflow.statements import columns_of


def row_json(row: ChangeRow) -> dict[str, Any]:
    """A change as it stands in a list."""
    ref = row.ref
    return {
        "ref": ref,
        "url": change_url(ref),
        "type": row.type,
        "origin": row.origin,
        "authorization": row.authorization,
        "state": row.state,
        "outcome": row.outcome or None,
        "verdict": {"result": row.verdict, "rule": row.verdict_rule, "policy_version": row.policy_version}
        if row.verdict
        else None,
        "title": row.title,
        "service": row.service,
        "environment": row.environment,
        "pipeline": row.pipeline,
        "run_id": row.run_id,
        "attempt": row.attempt,
        "version": row.version,
        "sha": row.sha,
        "customer_impacting": row.customer_impacting,
        "flags": row.flags.split(),
        "risk": {"level": row.risk} if row.risk else None,
        "window_start": row.window_start,
        "window_end": row.window_end,
        "review_due_at": row.review_due_at,
        "started_at": row.started_at,
        "finished_at": row.finished_at,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


def page_json(page: Page, query: QueryDict, path: str) -> dict[str, Any]:
    """A page of a list, with the addresses of its neighbours."""
    return {
        "results": [row_json(row) for row in page.rows],
        "next": _neighbour(query, path, page.older),
        "previous": _neighbour(query, path, page.newer),
    }


def _neighbour(query: QueryDict, path: str, cursor: Cursor | None) -> str | None:
    if cursor is None:
        return None
    turned = query.copy()
    turned["cursor"] = str(cursor)
    return f"{settings.BASE_URL}{path}?{turned.urlencode()}"


def deployment_json(logged: Logged) -> dict[str, Any]:
    """A deploy in full, as the answer to what a pipeline sent."""
    change, run, story, target = logged.change, logged.run, logged.story, logged.target
    return {
        "ref": logged.ref,
        "url": change_url(logged.ref),
        **{name: change[name] for name in ("type", "origin", "authorization", "state")},
        "outcome": change["outcome"] or None,
        "verdict": {
            "result": change["verdict"],
            "rule": change["verdict_rule"],
            "policy_version": change["policy_version"],
            "checks": run["checks"],
        },
        "flags": change["flags"].split(),
        "warnings": logged.warnings,
        "title": change["title"],
        "service": target.service,
        "environment": target.environment,
        "pipeline": target.pipeline,
        "run_id": target.run_id,
        "attempt": target.attempt,
        **{name: run[name] for name in ("status", "previous_sha", "artifact_digest", "run_url", "tickets")},
        **{name: change[name] for name in ("version", "sha", "customer_impacting", "public_note")},
        "commits": story.commits,
        "evidence": story.evidence,
        "received_at": run["received_at"],
        "risk": None,
        "window_start": None,
        "window_end": None,
        "review_due_at": change.get("review_due_at"),
        **{name: change[name] for name in ("started_at", "finished_at", "created_at", "updated_at")},
    }


# --- What is only read -----------------------------------------------------------------------------------------------


def stored_deployment_json(change: Change, run: Run) -> dict[str, Any]:
    """A deploy as it stands, in the same words as the answer to its message; all that it names must be loaded."""
    target = Target(
        service_id=change.service_id,
        team_id=change.service.team_id,
        environment_id=change.environment_id,
        pipeline_id=run.pipeline_id,
        registered_by_id=None,
        service=change.service.slug,
        environment=change.environment.slug,
        pipeline=change.pipeline.slug if change.pipeline else "",
        run_id=run.run_id,
        attempt=run.attempt,
    )
    return deployment_json(Logged(change.pk, columns_of(change), columns_of(run), run.told, target))


def change_json(change: Change) -> dict[str, Any]:
    """A change in full; all that it names must be loaded."""
    run: Run | None = getattr(change, "run", None)
    ref = change.ref
    return {
        "ref": ref,
        "url": change_url(ref),
        "type": change.type,
        "origin": change.origin,
        "authorization": change.authorization,
        "state": change.state,
        "outcome": change.outcome or None,
        "verdict": _verdict_json(change, run) if change.verdict else None,
        "title": change.title,
        "service": change.service.slug,
        "team": change.service.team.slug,
        "environment": change.environment.slug,
        "pipeline": change.pipeline.slug if change.pipeline else None,
        "run_id": run.run_id if run else None,
        "attempt": run.attempt if run else None,
        "version": change.version,
        "sha": change.sha,
        "requester": change.requester.email if change.requester else None,
        "customer_impacting": change.customer_impacting,
        "public_note": change.public_note,
        "flags": change.flags.split(),
        "risk": {"level": change.risk} if change.risk else None,
        "window_start": change.window_start,
        "window_end": change.window_end,
        "review_due_at": change.review_due_at,
        "run": _run_json(run) if run else None,
        "started_at": change.started_at,
        "finished_at": change.finished_at,
        "created_at": change.created_at,
        "updated_at": change.updated_at,
    }


def _verdict_json(change: Change, run: Run | None) -> dict[str, Any]:
    brief = {"result": change.verdict, "rule": change.verdict_rule, "policy_version": change.policy_version}
    return {**brief, "checks": run.checks if run else []}


def _run_json(run: Run) -> dict[str, Any]:
    names = ("status", "previous_sha", "artifact_digest", "run_url", "tickets", "commits", "evidence", "received_at")
    return {name: getattr(run, name) for name in names}


def entry_json(entry: Entry, names: Mapping[str, str]) -> dict[str, Any]:
    """An entry of the ledger; `names` are those of its actors."""
    kind = entry.actor.partition(":")[0]
    return {
        "id": entry.pk,
        "verb": entry.verb,
        "actor": {"kind": kind, "name": "Decklog" if kind == SYSTEM else names.get(entry.actor)},
        "occurred_at": entry.occurred_at,
        "recorded_at": entry.recorded_at,
        "rule": entry.rule or None,
        "data": entry.data,
    }
