"""What rules say about the deploys that were logged, with the facts as they were when they were judged."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from changes.models import Change, Pipeline
from changes.pipelines.order import Event, fold
from changes.replay.draft import BadDraft, Policies
from changes.states import Origin
from workflow.decisions import Decision

CHUNK = 1_000
JUDGED_ON_EVIDENCE = frozenset({"failed_check_unproven", "awaited_proof_pending", "pipeline_deploy_exempt"})
"""Rules that are asked after all about the pipeline itself: then it was trusted, and spoke for itself."""
STATE_THEN = {
    "unregistered_pipeline_unproven": "unregistered",
    "unconfirmed_pipeline_unproven": "proposed",
    "suspended_pipeline_unproven": "suspended",
}
"""In which state a pipeline was, by the rule that decided."""


class Logged(NamedTuple):
    """A deploy as it is stored; `checks` are those of its latest verdict."""

    id: int
    verdict: str
    rule: str
    service_id: int
    service: str
    environment_id: int
    pipeline_id: int
    events: list[Event]
    checks: list[dict[str, Any]]

    @property
    def ref(self) -> str:
        """`CHG-12`."""
        return f"CHG-{self.id}"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a pipeline is trusted with at present."""

    state: str
    token_id: int | None
    services: frozenset[int]
    environments: frozenset[int]


def logged_since(since: datetime, *, services: Sequence[str]) -> Iterator[Logged]:
    """The deploys since then, newest first, read piece by piece; none of `services` (slugs) means all."""
    rows = Change.objects.filter(origin=Origin.PIPELINE, at__gte=since, run__isnull=False)
    if services:
        rows = rows.filter(service__slug__in=services)
    columns = ("id", "verdict", "verdict_rule", "service_id", "service__slug", "environment_id", "pipeline_id")
    found = rows.order_by("-at", "-id").values_list(*columns, "run__events", "run__checks")
    return map(Logged._make, found.iterator(chunk_size=CHUNK))


def present_terms() -> dict[int, Terms]:
    """What each pipeline is trusted with, by its id."""
    rows = Pipeline.objects.prefetch_related("services", "environments")
    return {
        row.pk: Terms(
            row.state,
            row.token_id,
            frozenset(service.pk for service in row.services.all()),
            frozenset(environment.pk for environment in row.environments.all()),
        )
        for row in rows
    }


class Judge:
    """Judges deploys by some rules, as of `now`."""

    def __init__(self, policies: Policies, terms: Mapping[int, Terms], now: datetime) -> None:
        self._rules, self._terms, self._now = policies.deploys, terms, now

    def decide(self, logged: Logged) -> Decision:
        """The verdict that the rules give; raises BadDraft when they fail."""
        try:
            reached = self._rules.judge_deploy(self._facts(logged))
            decision = reached.decision
            return Decision(str(decision.rule), str(decision.outcome), str(decision.because))
        except Exception as trouble:
            raise BadDraft(f"The rules fail at {logged.ref}: {type(trouble).__name__}: {trouble}.") from trouble

    def _facts(self, logged: Logged) -> Any:
        terms, events = self._terms[logged.pipeline_id], self._that_count(logged.events)
        was_trusted = logged.rule in JUDGED_ON_EVIDENCE
        covers = logged.service_id in terms.services and logged.environment_id in terms.environments
        is_own = terms.token_id is None or all(event["by"] == f"token:{terms.token_id}" for event in events)
        return self._rules.DeployFacts(
            run=fold(events),
            pipeline_state="trusted" if was_trusted else STATE_THEN.get(logged.rule, terms.state),
            requires=[check["check"] for check in logged.checks if check["required"]],
            covers_target=was_trusted or (covers and logged.rule != "foreign_target_unproven"),
            is_own_token=was_trusted or (is_own and logged.rule != "foreign_token_unproven"),
            hard_freezes=_freezes(logged.checks),
            now=self._now,
            is_by_person=any("status" in event and event["by"].startswith("user:") for event in events),
        )

    def _that_count(self, events: list[Event]) -> list[Event]:
        """The messages without proof that came too late to change a verdict."""
        counted = events[:1]
        for event in events[1:]:
            received = datetime.fromisoformat(event["received_at"])
            finished = fold(counted).finished_at or received
            if self._rules.late_proof_counts(finished_at=finished, now=received).outcome == "counts":
                counted.append(event)
        return counted


def _freezes(checks: list[dict[str, Any]]) -> list[str]:
    """Whether a hard freeze was in force; its name is in what the check found."""
    found = (check["detail"] for check in checks if check["check"] == "no_freeze" and check["passed"] is False)
    return [detail.partition("“")[2].rpartition("”")[0] or "a freeze" for detail in found]
