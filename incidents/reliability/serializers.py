"""Reliability in the words of the API. Shape only."""

from typing import Any

from catalog.models import Service
from changes.insights.history import Window
from incidents.availability import WEIGHTS_VERSION
from incidents.reliability.queries import Reliability


def answer_json(found: Reliability, window: Window, service: Service | None) -> dict[str, Any]:
    """The numbers of a period."""
    return {
        "from": window.start,
        "to": window.end,
        "as_of": window.now,
        "service": service.slug if service else None,
        "incidents": found.incidents,
        "durations": [
            {name: getattr(one, name) for name in ("name", "formula", "n", "median", "p90", "unknown", "backwards")}
            for one in found.durations
        ],
        "repeat_rate": found.repeats.value,
        "repeats": found.repeats.numerator,
        "incidents_with_known_cause": found.repeats.denominator,
        "customer_impacting_by_month": found.felt,
        "availability": [
            {
                "service": one.slug,
                "available": None if how.share is None else round(how.share, 8),
                "lost_seconds": int(how.lost.total_seconds()),
                "excused_seconds": int(how.excused.total_seconds()),
            }
            for one, how in found.services
        ],
        "availability_weights_version": WEIGHTS_VERSION,
    }
