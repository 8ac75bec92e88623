"""Changes in the words of the API. Shape only."""

from typing import Any

from django.conf import settings
from django.http import QueryDict

from changes.messages import change_url
from changes.pipelines.actions import Logged
from changes.queries import ChangeRow, Page
from workflow.paging import Cursor


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
    change, run, target = logged.change, logged.run, logged.target
    ref = change.ref
    return {
        "ref": ref,
        "url": change_url(ref),
        "type": change.type,
        "origin": change.origin,
        "authorization": change.authorization,
        "state": change.state,
        "outcome": change.outcome or None,
        "verdict": {
            "result": change.verdict,
            "rule": change.verdict_rule,
            "policy_version": change.policy_version,
            "checks": run.checks,
        },
        "flags": change.flags.split(),
        "warnings": logged.warnings,
        "title": change.title,
        "service": target.service,
        "environment": target.environment,
        "pipeline": target.pipeline,
        "run_id": target.run_id,
        "attempt": target.attempt,
        "status": run.status,
        "version": change.version,
        "sha": change.sha,
        "previous_sha": run.previous_sha,
        "artifact_digest": run.artifact_digest,
        "run_url": run.run_url,
        "customer_impacting": change.customer_impacting,
        "public_note": change.public_note,
        "tickets": run.tickets,
        "commits": run.commits,
        "evidence": run.evidence,
        "started_at": change.started_at,
        "finished_at": change.finished_at,
        "received_at": run.received_at,
        "created_at": change.created_at,
        "updated_at": change.updated_at,
    }
