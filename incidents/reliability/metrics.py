"""The reliability metrics. Pure: no database, no clock.

Each duration is the difference of two times of one incident, as people told them; an incident that lacks one of the two
is left out and counted, never measured to now. What was cancelled or merged counts nowhere. n, median and p90 (nearest
rank) come first; there is no mean, because a few long ones would make it.
"""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from incidents.availability import Hurt, available_share, percent, pieces, unavailable, without

FORMULAS: dict[str, tuple[str, str, str]] = {
    "time_to_detect": ("impact_started_at", "detected_at", "detected − impact started"),
    "time_to_acknowledge": ("detected_at", "acknowledged_at", "acknowledged − detected"),
    "time_to_mitigate": ("impact_started_at", "mitigated_at", "mitigated − impact started"),
    "time_to_resolve": ("impact_started_at", "resolved_at", "resolved − impact started"),
    "public_lag": ("detected_at", "first_public_post_at", "first public post − detected"),
}
"""For each duration the time it is counted from, the time it is counted to, and the formula in words."""


@dataclass(frozen=True, slots=True)
class Told:
    """An incident as the metrics see it: its times by name, None where nobody knows, and the causes found in it."""

    id: int
    times: Mapping[str, datetime | None]
    customer_impacting: bool | None
    causes: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Duration:
    """A metric in seconds. `unknown` incidents lack one of the two times, `backwards` ones tell them the wrong way."""

    name: str
    formula: str
    n: int
    median: float | None
    p90: float | None
    unknown: int
    backwards: int


def durations(incidents: Sequence[Told]) -> list[Duration]:
    """All five."""
    return [_duration(name, incidents) for name in FORMULAS]


def _duration(name: str, incidents: Sequence[Told]) -> Duration:
    start, end, formula = FORMULAS[name]
    pairs = [(one.times.get(start), one.times.get(end)) for one in incidents]
    known = [(ended - began).total_seconds() for began, ended in pairs if began and ended]
    spans = [seconds for seconds in known if seconds >= 0]
    return Duration(
        name=name,
        formula=formula,
        n=len(spans),
        median=statistics.median(spans) if spans else None,
        p90=p90(spans),
        unknown=len(pairs) - len(known),
        backwards=len(known) - len(spans),
    )


def p90(spans: Iterable[float]) -> float | None:
    """The value that nine in ten do not exceed, by nearest rank; None of nothing."""
    ordered = sorted(spans)
    return ordered[math.ceil(0.9 * len(ordered)) - 1] if ordered else None


@dataclass(frozen=True, slots=True)
class Availability:
    """How available a service was: the share (0 to 1), the time lost, and what announced maintenance excuses."""

    share: float | None
    lost: timedelta
    excused: timedelta

    @property
    def percent(self) -> str:
        """The share as people write it."""
        return percent(self.share)


def availability(
    hurts: Iterable[Hurt], maintained: Sequence[tuple[datetime, datetime]], *, start: datetime, end: datetime
) -> Availability:
    """1 − lost ÷ time in [start, end): the worst of each moment counts, never the sum, maintenance left out."""
    parts = pieces(hurts, start, end)
    whole, counted = unavailable(parts), unavailable(without(parts, maintained))
    return Availability(available_share(counted, end - start), counted, whole - counted)


@dataclass(frozen=True, slots=True)
class Rate:
    """A share with what it is made of; None of nothing."""

    numerator: int
    denominator: int

    @property
    def value(self) -> float | None:
        """Numerator ÷ denominator."""
        return self.numerator / self.denominator if self.denominator else None


def repeat_rate(incidents: Sequence[Told], *, earlier: frozenset[int]) -> Rate:
    """Incidents with a cause that had hurt before ÷ incidents of which a cause is known; in the order that is given.

    `earlier` are the causes of incidents before the first one.
    """
    seen, repeats, known = set(earlier), 0, 0
    for one in incidents:
        if not one.causes:
            continue
        known += 1
        repeats += bool(one.causes & seen)
        seen |= one.causes
    return Rate(repeats, known)


def felt_by_month(incidents: Iterable[Told]) -> dict[str, int]:
    """Customer-impacting incidents by the month in which they began, as `2026-11`; a month without one is missing."""
    found: dict[str, int] = {}
    for one in incidents:
        began = one.times.get("impact_started_at") or one.times.get("detected_at") or one.times.get("declared_at")
        if one.customer_impacting and began:
            found[f"{began:%Y-%m}"] = found.get(f"{began:%Y-%m}", 0) + 1
    return dict(sorted(found.items()))
