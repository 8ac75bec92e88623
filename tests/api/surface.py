"""Every address under /api/v1 with what it takes, found by walking the addresses of the project."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, NamedTuple

from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from changes.preapproved.schema import NEW
from changes.tickets.api import VERBS
from tests.factories import deployment

ROOT = "api/v1/"
PARAMETER = re.compile(r"\(\?P<(\w+)>(?:[^()\\]|\\.)*\)")
NAMES = {
    "ref": "CHG-1",
    "slug": "checkout-deploy",
    "id": "900001",
    "plan": "0a6f3c1e-5d6b-4f0e-9a51-7f2f7b1f0c11",
    "incident": "INC-900001",
    "entry": "900001",
    "update": "900001",
    "rca": "RCA-900001",
    "why": "900001",
    "action": "ACT-900001",
    "page": "0a6f3c1e-5d6b-4f0e-9a51-7f2f7b1f0c12",
}
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


class Route(NamedTuple):
    """One method of one address. `path` has real names in it, `template` says which."""

    method: str
    path: str
    template: str
    view: Any

    def __str__(self) -> str:
        return f"{self.method} {self.template}"

    @property
    def scope(self) -> str:
        """The scope that the view states for the method."""
        return str(self.view.scopes[self.method])


def addresses(patterns: Any = None, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(pattern, callback) of everything that begins with /api/v1."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        whole = prefix + str(pattern.pattern).lstrip("^")
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, whole)
        elif isinstance(pattern, URLPattern) and whole.startswith(ROOT):
            yield whole, pattern.callback


def plain(pattern: str) -> str:
    return "/" + pattern.removesuffix("$").removesuffix("/?").replace("\\.", ".")


def routes() -> list[Route]:
    """Every method that a view implements, whether it states a scope for it or not."""
    found = []
    for pattern, callback in addresses():
        view = callback.cls
        template = PARAMETER.sub(lambda match: "{" + match[1] + "}", plain(pattern))
        methods = [method for method in METHODS if hasattr(view, method.lower())]
        found += [Route(method, template.format(**NAMES), template, view) for method in methods]
    return found


def body_of(route: Route) -> Any:
    """What the route would accept, so that nothing but the credential stands in its way; None when it takes nothing."""
    return None if route.method in {"GET", "DELETE"} else BODIES[str(route)]()


def _hours(start: int, end: int) -> dict[str, str]:
    now = timezone.now()
    return {"start": (now + timedelta(hours=start)).isoformat(), "end": (now + timedelta(hours=end)).isoformat()}


def _alert(status: str) -> dict[str, str]:
    return {"source": "probe", "dedup_key": "slow", "status": status, "title": "Slow", "service": "checkout"}


def _policy() -> dict[str, Any]:
    return {"name": "Checkout", "team": "payments", "steps": [{"user": "ann@example.com", "wait_minutes": 5}]}


INCIDENT_VERBS = ("acknowledge", "advance", "mitigate", "resolve", "reopen", "close", "cancel", "merge")

BODIES: dict[str, Any] = {
    "POST /api/v1/deployments": lambda: deployment(run_id="another"),
    "POST /api/v1/deployments/bulk": lambda: {"deployments": [deployment(run_id="another")]},
    "PATCH /api/v1/deployments/{ref}/evidence": lambda: {"smoke_test": {"status": "failed"}},
    "POST /api/v1/changes": lambda: {"title": "Raise the pool", "services": ["ledger"]},
    "PATCH /api/v1/changes/{ref}": lambda: {"public_note": "Faster."},
    **{f"POST /api/v1/changes/{{ref}}/{verb}": dict for verb in VERBS},
    "POST /api/v1/freezes": lambda: {"name": "Moving house", **_hours(1, 2)},
    "PATCH /api/v1/freezes/{id}": lambda: {"reason": "Moving the racks."},
    "POST /api/v1/freezes/{id}/override": lambda: {"reason": "It burns.", "expires_at": _hours(1, 2)["end"]},
    "POST /api/v1/freezes/{id}/confirm-override": lambda: {"override": 900001},
    "POST /api/v1/freezes/{id}/revoke-override": lambda: {"override": 900001},
    "POST /api/v1/freezes/{id}/end": lambda: {"reason": "All is well."},
    "POST /api/v1/alerts": lambda: _alert("firing"),
    "POST /api/v1/hooks/opsgenie": lambda: {"action": "Acknowledge", "alert": {"alertId": "a-1", "alias": "disk"}},
    "POST /api/v1/hooks/alertmanager": lambda: {
        "alerts": [{"status": "firing", "labels": {"alertname": "Slow", "service": "checkout"}, "fingerprint": "f1"}]
    },
    "POST /api/v1/incidents": lambda: {"title": "Payments fail", "severity": "sev3", "services": ["checkout"]},
    "PATCH /api/v1/incidents/{incident}": lambda: {"severity": "sev3"},
    **{f"POST /api/v1/incidents/{{incident}}/{verb}": lambda: {"reason": "It is so."} for verb in INCIDENT_VERBS},
    "POST /api/v1/incidents/{incident}/advance": lambda: {"state": "identified", "reason": "A bad deploy."},
    "POST /api/v1/incidents/{incident}/merge": lambda: {"into": "INC-900002", "reason": "The same."},
    "POST /api/v1/incidents/{incident}/resolve": lambda: {"detection_source": "alert", "reason": "All is well."},
    "POST /api/v1/incidents/{incident}/roles": lambda: {"role": "scribe", "user": "bo@example.com"},
    "POST /api/v1/incidents/{incident}/invite": lambda: {"user": "bo@example.com"},
    "POST /api/v1/incidents/{incident}/impacts": lambda: {"service": "ledger", "level": "down", **_hours(-2, -1)},
    "POST /api/v1/incidents/{incident}/changes": lambda: {"change": "CHG-1", "role": "caused"},
    "POST /api/v1/incidents/{incident}/updates": lambda: {"message": "We look.", "status": "investigating"},
    "POST /api/v1/incidents/{incident}/updates/{update}/publish": dict,
    "POST /api/v1/incidents/{incident}/page": lambda: {"target": {"type": "user", "id": "bo@example.com"}},
    "POST /api/v1/incidents/{incident}/timeline": lambda: {"text": "Rolled back."},
    "PATCH /api/v1/incidents/{incident}/timeline/{entry}": lambda: {"text": "Rolled back to 2.13.", "reason": "Exact."},
    "PATCH /api/v1/rcas/{rca}": lambda: {"summary": "The pool ran dry."},
    "POST /api/v1/rcas/{rca}/whys": lambda: {"question": "Why?", "path": "detection"},
    "PATCH /api/v1/rcas/{rca}/whys/{why}": lambda: {"claim": "No limit."},
    **{f"POST /api/v1/rcas/{{rca}}/{verb}": dict for verb in ("submit", "review", "publish")},
    "POST /api/v1/rcas/{rca}/waive": lambda: {"reason": "A drill."},
    "POST /api/v1/actions": lambda: {
        "rca": "RCA-900001",
        "title": "Limit it",
        "type": "technology",
        "effect": "prevent",
        "owner": "bo@example.com",
    },
    **{f"POST /api/v1/actions/{{action}}/{verb}": dict for verb in ("start", "done")},
    "POST /api/v1/actions/{action}/verify": lambda: {"method": "A load test.", "evidence": "https://ci.example/1"},
    **{f"POST /api/v1/actions/{{action}}/{verb}": lambda: {"reason": "So."} for verb in ("ineffective", "wont-do")},
    "POST /api/v1/schedules": lambda: {"name": "ledger", "ownerTeam": {"name": "payments"}},
    "POST /api/v1/pages": lambda: {"target": {"type": "user", "id": "ann@example.com"}, "message": "Look."},
    "POST /api/v1/pages/{page}/acknowledge": dict,
    "POST /api/v1/pages/{page}/cancel": lambda: {"reason": "It is well again."},
    "POST /api/v1/escalations": lambda: {**_policy(), "slug": "another"},
    "PUT /api/v1/escalations/{slug}": _policy,
    "POST /api/v1/opsgenie/plan": lambda: {"direction": "push"},
    "POST /api/v1/opsgenie/plans/{plan}/apply": dict,
    "PUT /api/v1/schedules/{slug}": lambda: {"name": "checkout", "ownerTeam": {"name": "payments"}},
    "POST /api/v1/schedules/{slug}/overrides": lambda: {"user": "bo@example.com", **_hours(1, 2)},
    "POST /api/v1/gate": lambda: {
        "service": "checkout",
        "environment": "production",
        "pipeline": "checkout-deploy",
        "sha": "9fceb02d0ae598e95dc970b74767f19372d61af8",
    },
    "PUT /api/v1/me/notifications": lambda: {"ways": {"page": ["email"], "ask": ["email"], "news": []}},
    "POST /api/v1/pipelines": lambda: {
        "slug": "ledger-deploy",
        "services": ["ledger"],
        "environments": ["production"],
        "requires": ["tests"],
    },
    "PATCH /api/v1/pipelines/{slug}": lambda: {"requires": ["rollback"]},
    "POST /api/v1/pipelines/{slug}/confirm": lambda: {"seen": "x"},
    "POST /api/v1/templates": lambda: {**NEW, "slug": "another"},
    "PATCH /api/v1/templates/{slug}": lambda: {"reason": "Another reason."},
    "POST /api/v1/templates/{slug}/approve": lambda: {"seen": "x"},
    "POST /api/v1/templates/{slug}/retire": lambda: {"reason": "Not wanted any more."},
}
"""A route that writes needs its body here before these tests can say that nobody but the right caller gets through."""
TICKETS = re.compile(r"^(PATCH|POST) /api/v1/changes/\{ref\}")
"""The routes that take the reference of a filed change."""
RULED = re.compile(
    r"/(confirm|(confirm|revoke)-override|opsgenie/plan|apply|pages/\{page\}/(acknowledge|cancel))$"
    r"|^(PATCH|POST|DELETE) /api/v1/(changes/\{ref\}|templates|incidents/\{incident\}/|rcas/\{rca\}/|actions/)"
)
"""The routes where whoever gets through may still meet a rule that says no: four eyes, a role, a state."""


def may_answer(route: Route) -> set[int]:
    """What a caller who gets through may be answered."""
    return {200, 201, 202, 204, 403, 409, 422} if RULED.search(str(route)) else {200, 201, 202, 204}
