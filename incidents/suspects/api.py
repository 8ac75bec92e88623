"""The door of suspects: `/api/v1/incidents/{ref}/suspects`."""

from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import ApiView
from accounts.authentication import caller_of
from incidents import queries as incident_queries
from incidents.refs import incident_id, missing
from incidents.suspects import policy, queries
from incidents.suspects.queries import Backtest, Suspect
from workflow.openapi import Answer


class ReasonAnswer(Answer):
    """Why a change is suspected."""

    because: str
    points: int


class SuspectAnswer(Answer):
    """A change that may have caused it."""

    place: int
    change: str
    title: str
    service: str
    points: int
    reasons: list[ReasonAnswer]
    role: str = Field(description="What somebody said of it: caused, contributed, fixed, cleared, suspect or empty.")


class HitRate(Answer):
    """How good the ranking was within the last year."""

    confirmed: int
    top_1: int
    top_3: int
    top_5: int


class SuspectsAnswer(Answer):
    """The suspects of an incident, the first one first."""

    weights_version: int
    results: list[SuspectAnswer]
    hit_rate: HitRate


READ = extend_schema(
    operation_id="list_suspects",
    summary="What changed before an incident began",
    description="Changes of any origin on its services and on what they depend on, in 72 hours before the beginning; "
    "every point with its reason.",
    parameters=[OpenApiParameter("incident", OpenApiTypes.STR, OpenApiParameter.PATH, description="As in INC-3.")],
    responses=SuspectsAnswer,
)


class Suspects(ApiView):
    """The suspects of one incident."""

    scopes: ClassVar[dict[str, str]] = {"GET": "read"}

    @READ
    def get(self, request: Request, incident: str) -> Response:
        """The first ten, and how often the first ones were right before."""
        rows = incident_queries.visible_to(caller_of(request).user_id).filter(pk=incident_id(incident))
        found = rows.first()
        if found is None:
            raise missing(incident)
        shown = [suspect_json(suspect) for suspect in queries.ranked(found)]
        rate = queries.backtest(since=timezone.now() - queries.YEAR)
        return Response({"weights_version": policy.VERSION, "results": shown, "hit_rate": rate_json(rate)})


def suspect_json(suspect: Suspect) -> dict[str, Any]:
    """A suspect in the words of the API."""
    return {
        "place": suspect.place,
        "change": suspect.change.ref,
        "title": suspect.change.title,
        "service": suspect.change.service.slug,
        "points": suspect.points,
        "reasons": [{"because": reason.because, "points": reason.points} for reason in suspect.reasons],
        "role": suspect.role,
    }


def rate_json(rate: Backtest) -> dict[str, int]:
    """The hit rate in the words of the API."""
    return {"confirmed": rate.confirmed, **{f"top_{top}": count for top, count in rate.among.items()}}
