"""Everything that the pages of insights show, gathered."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django.conf import settings

from catalog.models import Service
from changes.insights import queries
from changes.insights.cards import Trend, cards_of, in_words, trend_of, verdict_of
from changes.insights.charts import deployments_chart, lead_time_chart, lines_of
from changes.insights.definitions import Definition, counted
from changes.insights.history import Window
from changes.insights.links import Links, page_url
from changes.insights.metrics import PER_DAY, Delivery, Group, Metric, delivery_of
from changes.insights.period import PERIODS, SLUG, USUAL, days_until
from changes.models import Change
from changes.queries import filter_choices
from workflow import moments

PARAMETERS = ("service", "team", "after", "days")
MOST_NAMED = 100
"""How many changes of a group are named; the number says how many there are."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a page shows: a period of days, one service or those of a team, and what could not be read."""

    days: int
    service: str = ""
    team: str = ""
    after: str = ""
    complaints: list[str] = field(default_factory=list)


class Chip(NamedTuple):
    """A filter in force, and the address without it."""

    label: str
    value: str
    remove_url: str


class Cell(NamedTuple):
    """One metric of one service in the table of all."""

    title: str
    value: str
    per: str
    is_known: bool
    basis: str
    trend: Trend | None


class Row(NamedTuple):
    """One service in the table of all."""

    service: Service
    url: str
    cells: list[Cell]
    is_cut: bool


class NamedRows(NamedTuple):
    """The changes of a group by name, newest first; `total` may be more."""

    code: str
    words: str
    changes: list[Change]
    total: int
    is_counted: bool


def read_wanted(query: Mapping[str, str]) -> Wanted:
    """What a query string asks for; what cannot be read goes into `complaints`."""
    complaints = [f"“{name[:40]}” is no filter of this page." for name in query if name not in PARAMETERS]
    slugs = {}
    for name in ("service", "team", "after"):
        text = query.get(name, "")
        slugs[name] = text if SLUG.match(text) else ""
        if text and not slugs[name]:
            complaints.append(f"“{text[:40]}” is no {name}.")
    text = query.get("days", "") or str(USUAL.days)
    days = next((days for days in PERIODS if str(days) == text), 0)
    if not days:
        complaints.append(f"“{text[:40]}” is no period. Choose 30, 90 or 365 days. These are {USUAL.days}.")
    return Wanted(days or USUAL.days, **slugs, complaints=complaints)


@dataclass(frozen=True, slots=True)
class Periods:
    """The period of a page, the one before, and both together."""

    window: Window
    before: Window
    both: Window


def periods_of(days: int, *, now: datetime, zone: ZoneInfo) -> Periods:
    """So many days up to today where the reader lives."""
    frame = Window(now, now, now, zone, ZoneInfo(settings.ORGANISATION_TIME_ZONE))
    today = now.astimezone(zone).date()
    window = days_until(today, days, frame)
    before = days_until(today - timedelta(days=days), days, frame)
    return Periods(window, before, Window(before.start, window.end, now, zone, frame.office))


# --- All services, or one --------------------------------------------------------------------------------------------


def content_of(wanted: Wanted, *, now: datetime, zone: ZoneInfo) -> dict[str, Any]:
    """The content of templates/insights/insights.html. Five statements, whatever there is."""
    periods = periods_of(wanted.days, now=now, zone=zone)
    page = queries.services_of(service=wanted.service, team=wanted.team, after=wanted.after)
    known = queries.known_of(page.services, periods.both)
    content = _frame(wanted, periods) | {"is_empty": not known}
    if wanted.service and known:
        return content | _one(known[0], wanted, periods)
    last = page.services[-1].slug if page.has_more else ""
    further = page_url(days=wanted.days, team=wanted.team, after=last) if last else ""
    return content | {"rows": [_row(one, wanted, periods) for one in known], "further": further}


def _frame(wanted: Wanted, periods: Periods) -> dict[str, Any]:
    choices = filter_choices()
    chips = []
    if wanted.service:
        chips.append(Chip("Service", wanted.service, page_url(days=wanted.days, team=wanted.team)))
    if wanted.team:
        chips.append(Chip("Team", wanted.team, page_url(days=wanted.days, service=wanted.service)))
    options = {name: [slug for kind, slug in choices if kind == name] for name in ("service", "team")}
    urls = [
        (days, page_url(days=days, service=wanted.service, team=wanted.team), days == wanted.days) for days in PERIODS
    ]
    fields = [("service", "Service", wanted.service), ("team", "Team", wanted.team)]
    return {
        "wanted": wanted,
        "period": period_in_words(periods.window),
        "periods": urls,
        "chips": chips,
        "fields": [(name, label, value, options[name]) for name, label, value in fields],
        "all_url": page_url(days=wanted.days, team=wanted.team),
    }


def period_in_words(window: Window) -> str:
    """“27 Aug – 24 Nov 2026”."""
    first = window.start.astimezone(window.zone).date()
    last = (window.end - timedelta(microseconds=1)).astimezone(window.zone).date()
    start, end = (f"{day.day} {moments.MONTHS[day.month - 1][:3]}" for day in (first, last))
    return f"{start}{'' if first.year == last.year else f' {first.year}'} – {end} {last.year}"


def _compared(known: queries.Known, periods: Periods) -> tuple[Delivery, Delivery | None]:
    delivery = delivery_of(known.history, known.seen(periods.window))
    return delivery, delivery_of(known.history, periods.before) if known.covers(periods.before) else None


def _one(known: queries.Known, wanted: Wanted, periods: Periods) -> dict[str, Any]:
    window = known.seen(periods.window)
    delivery, before = _compared(known, periods)
    links = Links(known, days=wanted.days)
    cards = cards_of(delivery, before, links, window)
    lines = lines_of(known, window, links)
    return {
        "known": known,
        "cut_at": window.start if not known.covers(periods.window) else None,
        "five": cards[:5],
        "ours": cards[5:],
        "verdict": verdict_of(cards),
        "lines": list(reversed(lines)),
        "deployments": deployments_chart(lines),
        "lead_times": lead_time_chart(lines),
        "unit": "month" if lines and lines[0].bucket.is_month else "week",
        "has_deployed": bool(delivery.off_hours.denominator or delivery.cycle_time.denominator),
    }


def _row(known: queries.Known, wanted: Wanted, periods: Periods) -> Row:
    delivery, before = _compared(known, periods)
    earlier = {metric.key: metric for metric in before.metrics} if before else {}
    url = page_url(days=wanted.days, service=known.service.slug)
    cells = [_cell(metric, earlier.get(metric.key)) for metric in delivery.metrics[:5]]
    return Row(known.service, url, cells, not known.covers(periods.window))


TITLES = {
    "change_lead_time": "Lead time",
    "deployment_frequency": "Frequency",
    "failed_deployment_recovery_time": "Recovery",
    "change_fail_rate": "Fail rate",
    "deployment_rework_rate": "Rework rate",
}


def _cell(metric: Metric, before: Metric | None) -> Cell:
    value, per = in_words(metric)
    return Cell(
        TITLES[metric.key],
        value,
        per,
        metric.value is not None,
        _basis(metric),
        trend_of(metric, before),
    )


def _basis(metric: Metric) -> str:
    if not metric.denominator:
        return ""
    if metric.unit == PER_DAY:
        return f"{metric.numerator:,} in {metric.denominator:.0f} days"
    return f"{metric.numerator:,} of {metric.denominator:,.0f}"


# --- One metric ------------------------------------------------------------------------------------------------------


def content_of_metric(known: queries.Known, definition: Definition, *, days: int, periods: Periods) -> dict[str, Any]:
    """The content of templates/insights/metric.html: what it means, and every row that it counts or leaves out."""
    window = known.seen(periods.window)
    delivery, before = _compared(known, periods)
    links = Links(known, days=days)
    place = next(n for n, metric in enumerate(delivery.metrics) if metric.key == definition.key)
    metric, card = delivery.metrics[place], cards_of(delivery, before, links, window)[place]
    return {
        "known": known,
        "definition": definition,
        "card": card,
        "metric": metric,
        "period": period_in_words(periods.window),
        "back": page_url(days=days, service=known.service.slug),
        "figures": figures_of(metric),
        "groups": named_rows(metric),
    }


def figures_of(metric: Metric) -> list[tuple[str, str]]:
    """The numbers behind the number, as (term, fact)."""
    figures = [
        ("Numerator", f"{metric.numerator:,}"),
        ("Denominator", f"{metric.denominator:,g}"),
        ("Observations", f"{metric.n:,}"),
    ]
    if metric.median is not None and metric.p90 is not None:
        figures += [("Median", moments.duration(metric.median)), ("p90", moments.duration(metric.p90))]
    return figures


def named_rows(metric: Metric) -> list[NamedRows]:
    """The changes of each group. One statement."""
    groups = [*((group, True) for group in metric.counted), *((group, False) for group in metric.excluded)]
    found = queries.changes_by_id({id_ for group, _ in groups for id_ in group.ids[:MOST_NAMED]})
    return [
        NamedRows(
            group.code,
            counted(group.code, group.count) + _spread(group),
            [found[id_] for id_ in group.ids[:MOST_NAMED] if id_ in found],
            len(group.ids),
            is_counted,
        )
        for group, is_counted in groups
        if group.count
    ]


def _spread(group: Group) -> str:
    total = len(group.ids)
    return f", in {total} {moments.plural('change', total)}" if 0 < total < group.count else ""
