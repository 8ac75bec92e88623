"""Delivery metrics in the words of the API."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django.conf import settings

from changes.insights.definitions import DEFINITIONS, counted
from changes.insights.history import Window
from changes.insights.metrics import WORK_BEGINS, WORK_ENDS, Metric, delivery_of
from changes.insights.period import Asked
from changes.insights.queries import Known


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def metric_json(metric: Metric) -> dict[str, Any]:
    """One metric with everything that was counted and left out."""
    return {
        "value": metric.value,
        "unit": metric.unit,
        "numerator": metric.numerator,
        "denominator": metric.denominator,
        "n": metric.n,
        "too_few": metric.value is None,
        "median": metric.median,
        "p90": metric.p90,
        "formula": DEFINITIONS[metric.key].formula,
        "counted": {group.code: group.count for group in metric.counted},
        "excluded": [
            {"reason": group.code, "count": group.count, "detail": counted(group.code, group.count)}
            for group in metric.excluded
        ],
    }


def delivery_json(known: Known, window: Window) -> dict[str, Any]:
    """Every delivery metric of one service."""
    seen = known.seen(window)
    delivery = delivery_of(known.history, seen)
    return {
        "service": known.service.slug,
        "team": known.service.team.slug,
        "url": f"{settings.BASE_URL}/insights?{urlencode({'service': known.service.slug})}",
        "counted_from": _moment(seen.start),
        "is_cut": not known.covers(window),
        **{metric.key: metric_json(metric) for metric in delivery.metrics},
    }


def answer_json(asked: Asked, known: list[Known], *, has_more: bool) -> dict[str, Any]:
    """The answer for one service or a page of them, never blended."""
    window = asked.window
    return {
        "from": _moment(window.start),
        "to": _moment(window.end),
        "as_of": _moment(window.now),
        "time_zone": str(window.office),
        "working_hours": f"Monday to Friday, {WORK_BEGINS:02}:00 to {WORK_ENDS}:00",
        "results": [delivery_json(one, window) for one in known],
        "next": _next(asked, known[-1].service.slug) if has_more else None,
    }


def _next(asked: Asked, last: str) -> str:
    period = {"from": _moment(asked.window.start), "to": _moment(asked.window.end)}
    query = {**({"team": asked.team} if asked.team else {}), **period, "after": last}
    return f"{settings.BASE_URL}/api/v1/metrics/delivery?{urlencode(query)}"
