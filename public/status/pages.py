"""What outsiders read on the status page, as content for a page, for JSON, for feeds and for a calendar."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import Http404, QueryDict

from catalog.models import Service
from changes.models import Change
from incidents.availability import Hurt, available_share, percent, pieces, unavailable, without, worst
from incidents.models import Impact, Incident
from incidents.states import OPEN
from public import boundary
from public.changelog.policy import words_of
from public.status import policy
from workflow import moments
from workflow.errors import Malformed
from workflow.lists import Wanted, page_of
from workflow.paging import read_cursor

DAYS, RECENT, HISTORY, COMING = 90, timedelta(days=14), 20, 20
BARS = {"works": (6, 20), "maintenance": (3, 23), "degraded": (2, 26), "partial": (1, 28), "down": (0, 30)}
"""Top and height of the bar of a day."""


@dataclass(frozen=True, slots=True)
class Day:
    """A day of a component: what it is called, and how long it was hurt."""

    day: date
    word: str
    lost: timedelta
    number: int = 0

    @property
    def bar(self) -> tuple[str, int, int]:
        """Its place from the left, its top and its height: trouble is taller, so that height speaks as well."""
        top, height = BARS[self.word]
        return f"{self.number * 100 / DAYS:.3f}%", top, height


@dataclass(frozen=True, slots=True)
class Component:
    """A component with its present status, its 90 days, and the share of them in which it was available (0 to 1)."""

    service: Service
    status: str
    days: list[Day]
    share: float | None

    @property
    def percent(self) -> str:
        """The share as people write it: `99.97 %`, never rounded up to 100."""
        return percent(self.share)

    @property
    def hurt(self) -> list[Day]:
        """The days with trouble, the newest first."""
        return [day for day in reversed(self.days) if day.lost]

    @property
    def told(self) -> str:
        """The bars as a sentence."""
        said = f"{self.service.name}, {DAYS} days: {self.percent} available"
        days = f"{len(self.hurt)} {moments.plural('day', len(self.hurt))}"
        return f"{said}, trouble on {days}." if self.hurt else f"{said}, no trouble."


@dataclass(frozen=True, slots=True)
class Told:
    """An incident as outsiders know it. `updates` are (status, message, when), the newest first."""

    key: str
    title: str
    state: str
    components: list[Service]
    began: datetime
    ended: datetime | None
    updates: list[Any]

    @property
    def address(self) -> str:
        """Where it can be read for as long as there is this installation."""
        return f"/status/incidents/{self.key}"

    @property
    def is_open(self) -> bool:
        """Whether it goes on."""
        return self.ended is None


@dataclass(frozen=True, slots=True)
class Window:
    """Announced maintenance."""

    change: Change
    title: str
    text: str
    components: list[Service]
    start: datetime
    end: datetime

    def is_now(self, now: datetime) -> bool:
        """Whether it is under way."""
        return self.start <= now < self.end


def content_of(*, now: datetime) -> dict[str, Any]:
    """The page: the statement, open incidents, the components, maintenance, and what happened in the last two weeks."""
    known = components(now=now)
    ongoing = [told(one) for one in boundary.incidents().filter(state__in=OPEN).order_by("-declared_at", "-pk")]
    past = boundary.incidents().exclude(state__in=OPEN).filter(declared_at__gte=now - RECENT)
    windows = coming(now=now)
    return {
        "statement": policy.statement({one.service.name: one.status for one in known}),
        "ongoing": ongoing,
        "components": known,
        "maintained": [window for window in windows if window.is_now(now)],
        "coming": [window for window in windows if window.start > now],
        "past": [told(one) for one in past.order_by("-declared_at", "-pk")[:HISTORY]],
        "days": DAYS,
    }


def components(*, now: datetime) -> list[Component]:
    """Every component, in four statements whatever their number and the number of incidents."""
    zone = ZoneInfo(settings.ORGANISATION_TIME_ZONE)
    first = now.astimezone(zone).date() - timedelta(days=DAYS - 1)
    since = datetime.combine(first, time(), zone)
    hurts: dict[int, list[Hurt]] = defaultdict(list)
    open_levels: dict[int, list[str]] = defaultdict(list)
    for impact in boundary.impacts(since=since):
        hurts[impact.service_id].append(_hurt(impact, now))
        if impact.end is None or impact.end > now:
            open_levels[impact.service_id].append(impact.level)
    spans = _maintained(since=since, now=now)
    return [
        _component(
            service,
            pieces(hurts[service.pk], since, now),
            open_levels[service.pk],
            [span for span in spans[service.pk] if span[0] < now],
            Period(since, now, zone),
        )
        for service in boundary.components()
    ]


@dataclass(frozen=True, slots=True)
class Period:
    """The days that are shown: from the beginning of the first until now, on the clocks of a zone."""

    since: datetime
    now: datetime
    zone: ZoneInfo


def _component(
    service: Service,
    parts: list[Hurt],
    open_levels: Sequence[str],
    spans: list[tuple[datetime, datetime]],
    period: Period,
) -> Component:
    counted = without(parts, spans)
    status = policy.effective_status(open_levels, is_maintained=any(end > period.now for _, end in spans))
    share = available_share(unavailable(counted), period.now - period.since)
    return Component(service, status, _days(parts, spans, period), share)


def _days(parts: Sequence[Hurt], spans: Sequence[tuple[datetime, datetime]], period: Period) -> list[Day]:
    first = period.since.astimezone(period.zone).date()
    edges = [datetime.combine(first + timedelta(days=day), time(), period.zone) for day in range(DAYS + 1)]
    days = []
    for number in range(DAYS):
        start, end = edges[number], edges[number + 1]
        inside = [part for part in parts if part.start < end and part.end > start]
        maintained = any(left < end and right > start for left, right in spans)
        lost = sum((min(part.end, end) - max(part.start, start) for part in inside), timedelta(0))
        word = policy.day_word(worst(part.level for part in inside), is_maintained=maintained)
        days.append(Day(first + timedelta(days=number), word, lost, number))
    return days


def _hurt(impact: Impact, now: datetime) -> Hurt:
    return Hurt(impact.start, min(impact.end or now, now) if impact.start < now else impact.start, impact.level)


def _maintained(*, since: datetime, now: datetime) -> Mapping[int, list[tuple[datetime, datetime]]]:
    spans: dict[int, list[tuple[datetime, datetime]]] = defaultdict(list)
    for change in boundary.maintenance(since=since, now=now):
        for service in boundary.components_of(change):
            assert change.window_start
            assert change.window_end
            spans[service.pk].append((change.window_start, change.window_end))
    return spans


# --- Incidents -------------------------------------------------------------------------------------------------------


def told(incident: Incident) -> Told:
    """An incident of `boundary.incidents` in the words that may go out."""
    updates, services = boundary.updates_of(incident), boundary.services_of(incident)
    return Told(
        key=incident.alias,
        title=policy.public_title([service.name for service in services], boundary.levels_of(incident)),
        state=updates[0].status,
        components=services,
        began=incident.impact_started_at or incident.detected_at or incident.declared_at,
        ended=None if incident.state in OPEN else incident.resolved_at or updates[0].published_at,
        updates=updates,
    )


def incident_content(key: str) -> dict[str, Any]:
    """The page of one incident; raises Http404 unless it is public."""
    found = boundary.incidents().filter(alias=key).first()
    if found is None:
        raise Http404("There is no such incident.")
    return {"incident": told(found)}


def history_content(query: QueryDict) -> dict[str, Any]:
    """One page of everything that was told, the newest first."""
    try:
        wanted = Wanted({}, read_cursor(query.get("cursor", "")), HISTORY)
    except Malformed as bad:
        raise Http404(bad.message) from bad
    page = page_of(boundary.incidents(), wanted, at="declared_at")
    return {
        "past": [told(one) for one in page.rows],
        "newer": f"/status/history?cursor={page.newer}" if page.newer else "",
        "older": f"/status/history?cursor={page.older}" if page.older else "",
    }


def newest(most: int) -> list[Told]:
    """The newest incidents, for feeds."""
    return [told(one) for one in boundary.incidents().order_by("-declared_at", "-pk")[:most]]


# --- Maintenance -----------------------------------------------------------------------------------------------------


def coming(*, now: datetime) -> list[Window]:
    """Maintenance that is under way or to come, the next first."""
    return [window_of(change) for change in boundary.maintenance(since=now, now=now)[:COMING]]


def window_of(change: Change) -> Window:
    """Announced maintenance out of a change of `boundary.maintenance`."""
    assert change.window_start
    assert change.window_end
    title, text = words_of(change.public_note)
    return Window(change, title, text, boundary.components_of(change), change.window_start, change.window_end)


# --- JSON ------------------------------------------------------------------------------------------------------------


def json_content(*, now: datetime) -> dict[str, Any]:
    """The page as JSON."""
    page = content_of(now=now)
    return {
        "status": page["statement"].status,
        "sentence": page["statement"].sentence,
        "components": [_component_json(one) for one in page["components"]],
        "incidents": [_told_json(one) for one in (*page["ongoing"], *page["past"])],
        "maintenance": [_window_json(one) for one in (*page["maintained"], *page["coming"])],
    }


def _component_json(one: Component) -> dict[str, Any]:
    hurt = [
        {"day": day.day, "status": day.word, "seconds": int(day.lost.total_seconds())} for day in one.days if day.lost
    ]
    share = None if one.share is None else round(one.share, 6)
    return {
        "slug": one.service.slug,
        "name": one.service.name,
        "status": one.status,
        "available_90_days": share,
        "days_hurt": hurt,
    }


def _told_json(one: Told) -> dict[str, Any]:
    return {
        "id": one.key,
        "url": f"{settings.BASE_URL}{one.address}",
        "title": one.title,
        "status": one.state,
        "components": [service.slug for service in one.components],
        "began_at": one.began,
        "ended_at": one.ended,
        "updates": [{"status": said.status, "message": said.message, "at": said.published_at} for said in one.updates],
    }


def _window_json(one: Window) -> dict[str, Any]:
    return {
        "title": one.title,
        "text": one.text,
        "components": [service.slug for service in one.components],
        "start": one.start,
        "end": one.end,
    }
