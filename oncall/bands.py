"""Two weeks of a schedule as plain numbers for an inline SVG: a row for all together, and one for each rotation."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.utils import timezone

from accounts.zones import instant
from oncall import rota
from oncall.watching import Watch
from workflow import moments
from workflow.lines import listed

DAYS = 14
HEAD, ROW, BAR, LABEL = 26, 54, 26, 20
COLOURS = 6
PER_LETTER = 0.85
"""How many percent of the width a letter needs."""


class Band(NamedTuple):
    """A rectangle and its words: left and width in percent, top in pixels; `label` is empty where there is no room."""

    css: str
    x: str
    width: str
    y: int
    label: str
    told: str


class Column(NamedTuple):
    """A day: left and width in percent, its word, and whether it is a Saturday or Sunday, or today."""

    x: str
    width: str
    word: str
    is_weekend: bool
    is_today: bool


class Row(NamedTuple):
    """A row of bands and its name; `y` is where the name stands, in pixels."""

    name: str
    y: int
    top: int


class Chart(NamedTuple):
    """Everything that the SVG draws; `sentence` says it to those who do not see it."""

    sentence: str
    height: int
    columns: list[Column]
    rows: list[Row]
    bands: list[Band]
    now: str


def chart_of(watch: Watch, *, now: datetime) -> Chart:
    """Two weeks from the reader's midnight on; `watch` must reach so far."""
    zone = ZoneInfo(timezone.get_current_timezone_name())
    first = datetime.combine(now.astimezone(zone).date(), time.min)
    edges = [instant(first + timedelta(days=number), zone) for number in range(DAYS + 1)]
    scale = _Scale(edges[0], edges[-1])
    lanes: list[tuple[str, Sequence[rota.Piece]]] = [("Everybody together", watch.final(edges[0], edges[-1]))]
    for rotation, pure in zip(watch.rotations, watch.plan.rotations, strict=True):
        pieces = rota.lane(watch.plan, pure, edges[0], edges[-1]) if watch.plan.is_enabled else []
        if pieces or len(watch.rotations) == 1:
            lanes.append((rotation.name, pieces))
    columns = [_column(scale, start, end, zone, now) for start, end in pairwise(edges)]
    rows = [Row(name, HEAD + place * ROW + LABEL - 5, HEAD + place * ROW) for place, (name, _) in enumerate(lanes)]
    bands = [
        _band(watch, piece, scale, HEAD + place * ROW + LABEL)
        for place, (_, pieces) in enumerate(lanes)
        for piece in pieces
        if piece.people or not place
    ]
    gaps = len(rota.gaps(lanes[0][1]))
    counted = f"{gaps} {moments.plural('gap', gaps)}"
    sentence = f"{watch.schedule.name} for {DAYS} days from today, with {counted}. The table has each shift."
    return Chart(sentence, HEAD + ROW * len(lanes), columns, rows, bands, scale.percent(now))


class _Scale(NamedTuple):
    start: datetime
    end: datetime

    def share(self, at: datetime) -> float:
        return (at - self.start) / (self.end - self.start) * 100

    def percent(self, at: datetime) -> str:
        return f"{self.share(at):.3f}%"


def _column(scale: _Scale, start: datetime, end: datetime, zone: ZoneInfo, now: datetime) -> Column:
    local = start.astimezone(zone)
    word = f"{moments.WEEKDAYS[local.weekday()][:3]} {local.day}"
    width = f"{scale.share(end) - scale.share(start):.3f}%"
    return Column(scale.percent(start), width, word, local.weekday() > 4, start <= now < end)


def _band(watch: Watch, piece: rota.Piece, scale: _Scale, y: int) -> Band:
    people = watch.named(piece.people)
    names = listed([person.name for person in people]) or "Nobody"
    width = scale.share(piece.end) - scale.share(piece.start)
    css = _colour(watch, piece.people)
    if piece.is_override:
        css += " dl-band-instead"
    words = [names, *(person.name.split()[0] for person in people[:1])]
    told = f"{names}, {moments.stamp(piece.start)} to {moments.stamp(piece.end)}"
    return Band(css, scale.percent(piece.start), f"{width:.3f}%", y, _fitting(words, width), told)


def _fitting(words: Sequence[str], width: float) -> str:
    """The first of these for which a band of that width has room; empty if none has."""
    return next((word for word in words if len(word) * PER_LETTER < width), "")


def _colour(watch: Watch, people: rota.People) -> str:
    if not people:
        return "dl-band-gap"
    order = sorted(watch.people)
    return f"dl-band-{order.index(min(people)) % COLOURS}"
