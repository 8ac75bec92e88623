"""The doors of the watch: `/api/v1/oncall` and `/api/v1/schedules`."""

from typing import Any, ClassVar

from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import ApiView
from accounts.authentication import caller_of
from oncall import actions, queries, schema, serializers, watching
from oncall.feed import AHEAD, BACK, MEDIA_TYPE, feed_of
from oncall.models import Schedule
from oncall.rota import Span
from oncall.shifts import actions as shifts
from workflow.errors import Missing
from workflow.idempotency import answers_once
from workflow.lists import list_json, page_of, read_wanted


def found(slug: str) -> Schedule:
    """The schedule at this address; raises Missing."""
    schedule = queries.schedule_named(slug)
    if schedule is None:
        raise Missing("not_found", f"There is no schedule {slug[:64]}.")
    return schedule


def shown(slug: str, span: Span | None = None) -> dict[str, Any]:
    """The schedule with who has the watch, in the next 14 days unless asked for others; raises Missing."""
    now = timezone.now().replace(microsecond=0)
    asked = span or Span(now, now + serializers.USUAL)
    return serializers.watch_json(watching.watch_of(found(slug), *asked), asked, now=now)


class OnCallNow(ApiView):
    """Who has which watch."""

    scopes: ClassVar[dict[str, str]] = {"GET": "read"}

    @schema.READ_ONCALL
    def get(self, request: Request) -> Response:
        """Every schedule that is enabled."""
        now = timezone.now()
        at = serializers.read_at(request.query_params, now=now)
        rows = queries.standings(queries.schedules().filter(is_enabled=True), at)
        found_ones = [serializers.standing_json(one, at=at) for one in rows]
        return Response({"at": at, "schedules": found_ones, "as_of": now})


class Schedules(ApiView):
    """List schedules, or begin one."""

    scopes: ClassVar[dict[str, str]] = {"GET": "read", "POST": "oncall"}

    @schema.LIST_SCHEDULES
    def get(self, request: Request) -> Response:
        """All of them."""
        page = page_of(queries.schedules(), read_wanted(request.query_params))
        rows = [serializers.schedule_json(schedule) for schedule in page.rows]
        return Response(list_json(rows, page, query=request.query_params, path=request.path))

    @schema.ADD_SCHEDULE
    @answers_once
    def post(self, request: Request) -> Response:
        """Begin it; 201."""
        schedule = actions.declare_schedule(serializers.read_schedule(request.data), by=caller_of(request))
        return Response(shown(schedule.slug), status=201)


class OneSchedule(ApiView):
    """One schedule."""

    scopes: ClassVar[dict[str, str]] = {"GET": "read", "PUT": "oncall"}

    @schema.READ_SCHEDULE
    def get(self, request: Request, slug: str) -> Response:
        """The schedule, and who has the watch in the time that is asked for."""
        return Response(shown(slug, serializers.read_span(request.query_params, now=timezone.now())))

    @schema.REPLACE_SCHEDULE
    def put(self, request: Request, slug: str) -> Response:
        """Make it as the body says, whole."""
        declared = serializers.read_schedule(request.data, slug=found(slug).slug)
        actions.replace_schedule(slug, declared, by=caller_of(request))
        return Response(shown(slug))


class ScheduleOnCall(ApiView):
    """Who has one watch."""

    scopes: ClassVar[dict[str, str]] = {"GET": "read"}

    @schema.READ_ONCALL_OF
    def get(self, request: Request, slug: str) -> Response:
        """Who has it at a moment."""
        at = serializers.read_at(request.query_params, now=timezone.now())
        standing = queries.standings(queries.schedules().filter(pk=found(slug).pk), at)[0]
        return Response(serializers.standing_json(standing, at=at))


class ScheduleFeed(ApiView):
    """A schedule for calendar programs that can send a token."""

    scopes: ClassVar[dict[str, str]] = {"GET": "read"}

    @schema.READ_SCHEDULE_FEED
    def get(self, request: Request, slug: str) -> HttpResponse:
        """Every shift from a month ago to half a year ahead."""
        schedule, now = found(slug), timezone.now()
        watch = watching.watch_of(schedule, now - BACK, now + AHEAD)
        return HttpResponse(feed_of([watch], name=schedule.name, now=now), content_type=MEDIA_TYPE)


class Overrides(ApiView):
    """Override a watch."""

    scopes: ClassVar[dict[str, str]] = {"POST": "oncall"}

    @schema.ADD_OVERRIDE
    @answers_once
    def post(self, request: Request, slug: str) -> Response:
        """Let somebody have the watch instead; 201."""
        override = shifts.add_override(slug, serializers.read_override(request.data), by=caller_of(request))
        return Response(
            serializers.override_json(override, override.rotations.values_list("name", flat=True)), status=201
        )


class OneOverride(ApiView):
    """One override."""

    scopes: ClassVar[dict[str, str]] = {"DELETE": "oncall"}

    @schema.CANCEL_OVERRIDE
    def delete(self, request: Request, slug: str, id: str) -> Response:  # noqa: A002 - its name in the address
        """Take it back; what was stays."""
        shifts.cancel_override(slug, int(id), by=caller_of(request))
        return Response(status=204)
