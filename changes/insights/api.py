"""The door of delivery metrics: `/api/v1/metrics/delivery`."""

from typing import ClassVar
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import ApiView
from changes.insights import queries, schema
from changes.insights.period import read_asked
from changes.insights.serializers import answer_json
from workflow.errors import InvalidFields


class DeliveryMetrics(ApiView):
    """How services are delivered."""

    scopes: ClassVar[dict[str, str]] = {"GET": "read"}

    @schema.READ_DELIVERY
    def get(self, request: Request) -> Response:
        """The metrics of one service, or of each."""
        zone = ZoneInfo(settings.ORGANISATION_TIME_ZONE)
        asked = read_asked(request.query_params.dict(), now=timezone.now(), zone=zone)
        page = queries.services_of(service=asked.service, team=asked.team, after=asked.after)
        if asked.service and not page.services:
            sentence = f"There is no service “{asked.service}”" + (f" of team “{asked.team}”." if asked.team else ".")
            raise InvalidFields([("service", "unknown_service", sentence)], status=400)
        known = queries.known_of(page.services, asked.window)
        return Response(answer_json(asked, known, has_more=page.has_more))
