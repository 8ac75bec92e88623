"""The part of the API's document about alerts."""

from drf_spectacular.utils import OpenApiExample, extend_schema
from pydantic import Field

from incidents.alerts.shapes import ManagedAlerts, NewAlert
from workflow.openapi import Answer


class AlertTaken(Answer):
    """What became of an alert."""

    incident: str | None = Field(description="Its incident; null where only its end is known.", examples=["INC-3"])
    deduplicated: bool = Field(description="Whether it joined what was known.")


class AlertResult(Answer):
    """What became of one of several."""

    index: int
    incident: str | None
    deduplicated: bool
    error: str | None = Field(description="Why it was refused; null for one that was taken.")


class AlertResults(Answer):
    """What became of each, in their order."""

    results: list[AlertResult]


TAKE_ALERT = extend_schema(
    operation_id="take_alert",
    summary="Say that something is wrong, or right again",
    request=NewAlert,
    responses={202: AlertTaken},
    examples=[
        OpenApiExample(
            "Wrong",
            value={
                "source": "circonus",
                "dedup_key": "checkout-errors",
                "status": "firing",
                "title": "Checkout answers 5 % with errors",
                "service": "checkout",
                "severity": "sev3",
            },
            request_only=True,
        )
    ],
)
TAKE_MANAGED = extend_schema(
    operation_id="take_alertmanager",
    summary="Take alerts of Alertmanager",
    request=ManagedAlerts,
    responses={202: AlertResults},
)
