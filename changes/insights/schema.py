"""The part of the API's document about delivery metrics."""

from datetime import datetime
from typing import Any, Literal

from drf_spectacular.utils import OpenApiParameter, extend_schema
from pydantic import Field

from changes.insights.period import LONGEST, USUAL
from changes.insights.queries import SERVICES_AT_ONCE
from workflow.openapi import Answer


class LeftOut(Answer):
    """What a metric does not count, and why."""

    reason: str = Field(description="Stable, for programs.", examples=["negative"])
    count: int
    detail: str = Field(description="For people.", examples=["1 with a time that runs backwards"])


class DeliveryMetric(Answer):
    """One number and where it comes from."""

    value: float | None = Field(description="In `unit`; null when `n` is below 5.")
    unit: Literal["seconds", "per_day", "ratio"]
    numerator: int = Field(description="Of a duration, how many were measured.")
    denominator: float = Field(description="Of a duration, how many there were; of a frequency, the days.")
    n: int = Field(description="How many observations the value rests on.")
    too_few: bool = Field(description="Whether `n` is below 5, so that there is no value.")
    median: float | None = Field(description="Seconds. Of a frequency, between one deployment and the next.")
    p90: float | None = Field(description="Seconds, by nearest rank; null where there is no median.")
    formula: str
    counted: dict[str, int] = Field(description="What the number is made of.", examples=[{"commits": 318}])
    excluded: list[LeftOut]


class ServiceDelivery(Answer):
    """The metrics of one service."""

    service: str
    team: str
    url: str = Field(description="Its web page.")
    counted_from: datetime = Field(description="The start of the period, or later when there is too much to read.")
    is_cut: bool = Field(description="Whether older deployments of the period were left out.")
    change_lead_time: DeliveryMetric
    deployment_frequency: DeliveryMetric
    failed_deployment_recovery_time: DeliveryMetric
    change_fail_rate: DeliveryMetric
    deployment_rework_rate: DeliveryMetric
    cycle_time: DeliveryMetric
    off_hours_share: DeliveryMetric


class Delivered(Answer):
    """The metrics of services in one period [from, to), never blended."""

    from_: datetime = Field(alias="from")
    to: datetime
    as_of: datetime
    time_zone: str = Field(description="In which days and working hours are counted.", examples=["Europe/Berlin"])
    working_hours: str
    results: list[ServiceDelivery] = Field(description=f"By slug, {SERVICES_AT_ONCE} at most.")
    next: str | None = Field(description="The address of further services; null when there are none.")


_MOMENT: dict[str, Any] = {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}]}
_SLUG: dict[str, Any] = {"type": "string", "maxLength": 64, "pattern": "^[A-Za-z0-9_-]+$"}
_DAY = f"A day alone begins at midnight in the organisation's time zone. At most {LONGEST.days} days after `from`."

READ_DELIVERY = extend_schema(
    operation_id="read_delivery_metrics",
    summary="Read delivery metrics",
    description="DORA's five by their current names, the cycle time of filed changes and the share of deployments "
    "outside working hours: for one service, or for each by itself. A period that still runs counts up to now.",
    parameters=[
        OpenApiParameter("service", _SLUG, description="One service, by its slug. For example `checkout`."),
        OpenApiParameter("team", _SLUG, description="The services of one team, by its slug. For example `payments`."),
        OpenApiParameter("from", _MOMENT, description=f"The start; {USUAL.days} days before the end unless given."),
        OpenApiParameter("to", _MOMENT, description=f"The end, which is not part of it; now unless given. {_DAY}"),
        OpenApiParameter("after", _SLUG, description="Where the list goes on. Follow `next`."),
    ],
    responses=Delivered,
)
