"""The door of reliability metrics: `/api/v1/metrics/reliability`."""

from datetime import datetime
from typing import ClassVar
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import ApiView
from catalog.models import Service
from changes.insights.period import Asked, read_asked
from incidents.reliability import queries
from incidents.reliability.serializers import answer_json
from workflow.errors import InvalidFields
from workflow.openapi import Answer

_TIME = {"type": "string", "maxLength": 64}


class DurationAnswer(Answer):
    """A duration of incidents, in seconds."""

    name: str
    formula: str
    n: int = Field(description="How many incidents it rests on.")
    median: float | None
    p90: float | None = Field(description="By nearest rank.")
    unknown: int = Field(description="Incidents that lack one of the two times; left out.")
    backwards: int = Field(description="Incidents whose times run backwards; left out.")


class ServiceAvailability(Answer):
    """How available a service was."""

    service: str
    available: float | None = Field(description="From 0 to 1.")
    lost_seconds: int
    excused_seconds: int = Field(description="Lost within announced maintenance.")


class ReliabilityAnswer(Answer):
    """The numbers of one period [from, to)."""

    from_: datetime = Field(alias="from")
    to: datetime
    as_of: datetime
    service: str | None
    incidents: int
    durations: list[DurationAnswer]
    repeat_rate: float | None
    repeats: int
    incidents_with_known_cause: int
    customer_impacting_by_month: dict[str, int]
    availability: list[ServiceAvailability]
    availability_weights_version: int


READ = extend_schema(
    operation_id="read_reliability",
    summary="How reliable services are",
    description="Durations of incidents with their formulas, n, median and p90; availability, where overlaps count "
    "once and only announced maintenance is left out; how often a known cause came back. Restricted, cancelled and "
    "merged incidents count nowhere.",
    parameters=[
        OpenApiParameter("service", {"type": "string", "maxLength": 64}, description="One service by its slug."),
        OpenApiParameter("from", _TIME, description="A day or a time; 90 days before the end if left out."),
        OpenApiParameter("to", _TIME, description="A day or a time; now if left out."),
    ],
    responses=ReliabilityAnswer,
)


class ReliabilityMetrics(ApiView):
    """How reliable services are."""

    scopes: ClassVar[dict[str, str]] = {"GET": "read"}

    @READ
    def get(self, request: Request) -> Response:
        """The numbers of one service, or of all."""
        asked = _asked(request.query_params.dict())
        service = Service.objects.filter(slug=asked.service).first() if asked.service else None
        if asked.service and service is None:
            raise InvalidFields([("service", "unknown_service", f"There is no service “{asked.service}”.")], status=400)
        found = queries.reliability_of(service, start=asked.window.start, end=asked.window.end)
        return Response(answer_json(found, asked.window, service))


def _asked(query: dict[str, str]) -> Asked:
    """What is asked for; the delivery metrics know two parameters that are none here. Raises InvalidFields (400)."""
    strange = next((name for name in ("team", "after") if name in query), "")
    if strange:
        raise InvalidFields([(strange, "unknown_parameter", f"“{strange}” is no parameter here.")], status=400)
    return read_asked(query, now=timezone.now(), zone=ZoneInfo(settings.ORGANISATION_TIME_ZONE))
