"""What monitoring sends. Shape only."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from incidents.alerts.actions import Signal
from workflow.errors import InvalidFields
from workflow.shapes import Moment, Shape, Slug, Url, validated

Key = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Word = Annotated[str, StringConstraints(max_length=40)]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]
MOST = 100


class NewAlert(Shape):
    """That something is wrong, or right again; `dedup_key` names the thing, and the same key is the same thing."""

    source: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)] = Field(
        description="Which monitoring says it.", examples=["circonus"]
    )
    dedup_key: Key
    status: Literal["firing", "resolved"]
    title: Title
    service: Slug = Field(description="Slug of the service that it is about.")
    severity: Word | None = Field(
        None, description="sev1 to sev4, or a word such as critical or warning. Left out: by the service's tier."
    )
    detected_at: Moment | None = Field(None, description="Left out: when it arrived.")
    url: Url | None = None
    details: dict[str, Any] | None = Field(None, description="Whatever else there is to know.")


class ManagedAlert(Shape):
    """One alert of Alertmanager's webhook."""

    status: Literal["firing", "resolved"]
    labels: dict[str, Annotated[str, StringConstraints(max_length=2000)]]
    annotations: dict[str, Annotated[str, StringConstraints(max_length=10_000)]] = Field(default_factory=dict)
    startsAt: Moment | None = None  # noqa: N815 - Alertmanager's own name
    endsAt: str | None = None  # noqa: N815 - Alertmanager's own name
    generatorURL: Annotated[str, StringConstraints(max_length=2000)] | None = None  # noqa: N815 - Alertmanager's own name
    fingerprint: Annotated[str, StringConstraints(max_length=100)] | None = None


class ManagedAlerts(Shape):
    """What Alertmanager posts, version 4."""

    alerts: Annotated[list[ManagedAlert], Field(max_length=MOST)]


def read_alert(body: Any) -> Signal:
    """The alert in a body; raises InvalidFields."""
    said = validated(NewAlert, body)
    return Signal(
        source=said.source,
        dedup_key=said.dedup_key,
        is_firing=said.status == "firing",
        title=said.title,
        service=said.service,
        severity=said.severity or "",
        detected_at=datetime.fromisoformat(said.detected_at) if said.detected_at else None,
        url=said.url or "",
        details=said.details or {},
    )


def read_managed(body: Any) -> list[Signal]:
    """The alerts in a body of Alertmanager, in its order; raises InvalidFields, also for one that names no service."""
    said = validated(ManagedAlerts, body)
    nameless = [
        (f"alerts.{number}.labels.service", "required", "Give the alert a label `service` with the service's slug.")
        for number, alert in enumerate(said.alerts)
        if not alert.labels.get("service")
    ]
    if nameless:
        raise InvalidFields(nameless)
    return [_managed(alert) for alert in said.alerts]


def _managed(alert: ManagedAlert) -> Signal:
    labels, notes = alert.labels, alert.annotations
    name = labels.get("alertname", "Alert")
    url = alert.generatorURL or ""
    return Signal(
        source="alertmanager",
        dedup_key=alert.fingerprint or _key(labels),
        is_firing=alert.status == "firing",
        title=(notes.get("summary") or notes.get("title") or name).strip() or "Alert",
        service=labels["service"],
        severity=labels.get("severity", ""),
        detected_at=datetime.fromisoformat(alert.startsAt) if alert.startsAt else None,
        ended_at=_end(alert.endsAt),
        url=url if url.startswith(("https://", "http://")) else "",
        details={"labels": labels, "annotations": notes},
    )


def _key(labels: dict[str, str]) -> str:
    return ",".join(f"{name}={value}" for name, value in sorted(labels.items()))[:200]


def _end(text: str | None) -> datetime | None:
    """When it ended; Alertmanager writes the year 1 for an alert that has not."""
    try:
        at = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return at if at.tzinfo and at.year >= 2000 else None
