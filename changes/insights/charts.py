"""Bars by week or month as plain numbers for an inline SVG, and the same numbers as lines of a table. No database."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from changes.insights.history import Window
from changes.insights.links import Links
from changes.insights.metrics import change_fail_rate, change_lead_time
from changes.insights.period import Bucket, buckets_of
from changes.insights.queries import Known
from workflow import moments

TOP, HEIGHT = 8, 160
"""Where the drawing begins, and how high its tallest bar may be, in pixels."""
STEPS = (1, 2, 5)
HOURS = (1, 2, 6, 12, 24, 48, 96, 168, 336, 720)
MOST_LABELS = 7


class Bar(NamedTuple):
    """A rectangle: left and width in percent, top and height in pixels."""

    css: str
    x: str
    width: str
    y: int
    height: int


class Tick(NamedTuple):
    """A line across and its word; `y` in pixels."""

    y: int
    word: str


class Label(NamedTuple):
    """A word under a bar, in percent from the left."""

    x: str
    word: str


class Chart(NamedTuple):
    """Everything that the SVG draws; `sentence` says it to those who do not see it."""

    sentence: str
    bars: list[Bar]
    ticks: list[Tick]
    labels: list[Label]


class Line(NamedTuple):
    """One week or month: deployments that were no rollback, those that failed, and the commits that arrived."""

    bucket: Bucket
    deployments: int
    deployments_url: str
    failed: int
    failed_url: str
    rate: str
    lead_time: float | None
    commits: int


def lines_of(known: Known, window: Window, links: Links) -> list[Line]:
    """The weeks or months of the period, oldest first."""
    return [_line(known, bucket, links) for bucket in buckets_of(window)]


def _line(known: Known, bucket: Bucket, links: Links) -> Line:
    fails = change_fail_rate(known.history, bucket.window)
    lead = change_lead_time(known.history, bucket.window)
    every = fails.group("deployments")
    failed = [id_ for code in ("failed", "rolled_back", "caused_incident") for id_ in fails.group(code).ids]
    whole = links.definition("change_fail_rate")
    return Line(
        bucket,
        every.count,
        links.changes(every.ids, bucket.window) or (f"{whole}#deployments" if every.count else ""),
        len(failed),
        links.changes(failed, bucket.window) or (f"{whole}#failed" if failed else ""),
        f"{fails.value * 100:.1f} %" if fails.value is not None else "",
        lead.value,
        lead.n,
    )


def deployments_chart(lines: Sequence[Line]) -> Chart:
    """Deployments by week or month; those that failed stand on top of the others."""
    step = _step(max((line.deployments for line in lines), default=0))
    most = 4 * step
    bars = []
    for place, line in enumerate(lines):
        fine = _pixels(line.deployments - line.failed, most)
        bad = _pixels(line.failed, most)
        bars += [_bar("dl-fine", place, len(lines), TOP + HEIGHT - fine, fine)] if fine else []
        bars += [_bar("dl-broken", place, len(lines), TOP + HEIGHT - fine - bad - 1, bad)] if bad else []
    ticks = [Tick(_top(number * step, most), str(number * step)) for number in range(5)]
    total, failed = sum(line.deployments for line in lines), sum(line.failed for line in lines)
    unit = _unit(lines)
    sentence = f"Deployments by {unit}: {total} in {len(lines)} {unit}s, of which {failed} failed. The table has each."
    return Chart(sentence, bars, ticks, _labels(lines))


def lead_time_chart(lines: Sequence[Line]) -> Chart:
    """The median lead time by week or month; none where there are too few commits."""
    longest = max((line.lead_time or 0 for line in lines), default=0)
    step = next((hours * 3600 for hours in HOURS if 4 * hours * 3600 >= longest), HOURS[-1] * 3600)
    while 4 * step < longest:
        step *= 2
    bars = []
    for place, line in enumerate(lines):
        height = _pixels(line.lead_time or 0, 4 * step)
        bars += [_bar("dl-fine", place, len(lines), TOP + HEIGHT - height, height)] if height else []
    ticks = [Tick(_top(number * step, 4 * step), _hours(number, step)) for number in range(5)]
    known = [line.lead_time for line in lines if line.lead_time is not None]
    unit = _unit(lines)
    said = f"between {moments.duration(min(known))} and {moments.duration(max(known))}" if known else "not known yet"
    sentence = f"Median change lead time by {unit}: {said}. {len(known)} of {len(lines)} {unit}s have enough commits."
    return Chart(sentence, bars, ticks, _labels(lines))


def _hours(number: int, step: int) -> str:
    """The word of a line in so many steps of seconds: `36 h`, `2 days`."""
    days, rest = divmod(step, moments.DAY)
    if not number or rest:
        return f"{number * step // moments.HOUR} h" if number else "0"
    return f"{number * days} {moments.plural('day', number * days)}"


def _unit(lines: Sequence[Line]) -> str:
    return "month" if lines and lines[0].bucket.is_month else "week"


def _step(most: float) -> int:
    """The distance of four lines that reach as high as the tallest bar: 1, 2, 5, 10, 20 and so on."""
    for power in range(12):
        for step in STEPS:
            if 4 * step * 10**power >= most:
                return int(step * 10**power)
    return 10**12


def _pixels(value: float, most: float) -> int:
    return max(2, round(value / most * HEIGHT)) if value > 0 else 0


def _top(value: float, most: float) -> int:
    return TOP + HEIGHT - round(value / most * HEIGHT)


def _bar(css: str, place: int, count: int, y: int, height: int) -> Bar:
    share = 100 / count
    return Bar(css, f"{(place + 0.17) * share:.2f}%", f"{share * 0.66:.2f}%", y, height)


def _labels(lines: Sequence[Line]) -> list[Label]:
    share, every = 100 / max(1, len(lines)), math.ceil(len(lines) / MOST_LABELS)
    return [
        Label(f"{(place + 0.5) * share:.2f}%", line.bucket.label)
        for place, line in enumerate(lines)
        if place % every == 0
    ]
