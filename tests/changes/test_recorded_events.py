"""Real `deployment_status` events, as recorded by GitHub, played through the API by a client that maps them."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from changes.models import Change
from changes.pipelines.models import Pipeline

EXAMPLES = Path(settings.ROOT) / "node_modules/@octokit/webhooks-examples"
STATUS = {
    "success": "succeeded",
    "failure": "failed",
    "error": "failed",
    "in_progress": "started",
    "queued": "started",
    "pending": "started",
    "waiting": "started",
}


def recorded() -> list[dict[str, Any]]:
    """Every recorded event, of all versions of the server that the package has."""
    events: list[dict[str, Any]] = []
    for index in sorted(EXAMPLES.glob("*/index.json")):
        for kind in json.loads(index.read_text()):
            if kind["name"] == "deployment_status":
                events += [event for event in kind["examples"] if event["deployment_status"]["state"] in STATUS]
    return events


def as_deployment(event: dict[str, Any], *, service: str) -> dict[str, Any]:
    """What a pipeline at GitHub would send for this event."""
    deployment, status = event["deployment"], event["deployment_status"]
    return {
        "service": service,
        "environment": "production",
        "pipeline": f"{event['repository']['name'].lower()}-deploy",
        "run_id": str(deployment["id"]),
        "status": STATUS[status["state"]],
        "sha": deployment["sha"],
        "started_at": deployment["created_at"],
        "finished_at": status["created_at"] if STATUS[status["state"]] != "started" else None,
        "run_url": status["target_url"] or "",
        "title": f"{event['repository']['full_name']} {deployment['ref']}",
    }


def test_the_package_of_recorded_events_is_installed():
    assert recorded(), "npm ci has not been run: `make setup` brings the recorded events"


@pytest.mark.parametrize("reverse", [False, True])
def test_recorded_events_become_one_deploy_each_in_any_order(ci, shop, reverse):
    messages = [as_deployment(event, service="checkout") for event in recorded()]
    keys = {(message["pipeline"], message["run_id"]) for message in messages}
    ends = {(m["pipeline"], m["run_id"]): m["status"] for m in messages if m["status"] != "started"}
    for message in reversed(messages) if reverse else messages:
        sent = {name: value for name, value in message.items() if value is not None}
        answer = ci.post("/api/v1/deployments", sent, format="json")
        assert answer.status_code in {200, 201}, answer.content
        again = ci.post("/api/v1/deployments", sent, format="json")
        assert (again.status_code, again.json()["ref"]) == (200, answer.json()["ref"])
    assert Change.objects.count() == len(keys)
    assert Change.objects.exclude(outcome="").count() == len(ends)
    assert Pipeline.objects.filter(state="unregistered").exists()
    # They happened years ago, so their clock and ours differ, and the record says so.
    assert all("clock_skew" in change.flags for change in Change.objects.all())
