"""The calendar as a page shows it: days, cards, freezes, and what is coming in words. Reads nothing."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import NamedTuple
from urllib.parse import urlencode

from changes.calendar.agenda import MOST_DEPLOYS, Entry, Planned, hands
from changes.calendar.period import MONTH, WEEK, Period
from changes.calendar.policy import Collision, Span, lanes
from changes.calendar.queries import Surroundings, sentences
from changes.freezes.queries import FreezeWindow
from changes.states import Authorization, Risk, State
from workflow import moments, tones

QUARTER = timedelta(minutes=15)
FIRST_HOUR = 6
"""The hour at which a week begins to be drawn, unless something happens earlier."""
MOST_LANES = 4
SHORTEST = 5
"""How many quarters of an hour a card is high at least, so that its two lines can be read."""
MOST_COLLISIONS = 500
"""How many collisions of a week or month are looked for."""
NAMED, TOLD = 8, 5
"""How many changes, and how many collisions, the summary names."""


@dataclass(frozen=True, slots=True)
class Card:
    """A change on a day. `place` are classes that put it where it belongs on the drawn week."""

    ref: str
    title: str
    service: str
    times: str
    look: tones.Look
    tone: str
    icon: str
    collision: str = ""
    remark: str = ""
    place: str = ""
    is_over: bool = False


class Shade(NamedTuple):
    """A freeze on one day: its kind (`hard`, `soft`), its words, and the classes that put it behind the hours."""

    kind: str
    words: str
    place: str


class Bar(NamedTuple):
    """A freeze across the week."""

    kind: str
    words: str
    place: str


@dataclass(slots=True)
class Day:
    """One day; `more` counts what did not fit, which `more_url` lists."""

    day: date
    is_today: bool
    is_inside: bool
    deploys: str = ""
    shades: list[Shade] = field(default_factory=list)
    cards: list[Card] = field(default_factory=list)
    more: int = 0
    more_url: str = ""
    deploys_url: str = ""
    now: str = ""

    @property
    def name(self) -> str:
        """“Mon 23”."""
        return f"{moments.WEEKDAYS[self.day.weekday()][:3]} {self.day.day}"

    @property
    def long_name(self) -> str:
        """“Today, Tuesday 24 November”."""
        return moments.long_day(self.day)


@dataclass(frozen=True, slots=True)
class Found:
    """Everything that was read for a page."""

    entries: Sequence[Entry]
    deploys: Mapping[int, int]
    freezes: Sequence[FreezeWindow]
    planned: Sequence[Planned]
    shown: set[int]
    collisions: Sequence[Collision]
    around: Surroundings


class Board:
    """One page of the calendar; `query` are the filters in force, as they stand in an address."""

    def __init__(self, period: Period, found: Found, *, query: Mapping[str, str], now: datetime) -> None:
        self.period, self._found, self._query = period, found, query
        self._now = now.astimezone(period.zone)
        self.collided = _blocking_by_change(found.collisions)
        self.first_hour = self._first_hour() if period.kind == WEEK else 0
        self.days = [self._day(number, day) for number, day in enumerate(period.days)]

    # --- Days ---

    def _day(self, number: int, day: date) -> Day:
        span = self.period.span_of(day)
        entries = [entry for entry in self._found.entries if entry.day == number]
        board = Day(day, day == self._now.date(), self.period.kind == WEEK or self.period.contains(day))
        board.cards = self._cards(entries, span)
        board.more = (entries[0].total if entries else 0) - len(board.cards)
        following = (day + timedelta(days=1)).isoformat()
        board.more_url = self._list_url(window_from=day.isoformat(), window_to=following)
        count = self._found.deploys.get(number, 0)
        board.deploys = _deploys_in_words(count, day, self._now.date())
        board.deploys_url = self._list_url(origin="pipeline", since=day.isoformat(), until=following)
        board.shades = [
            # What is drawn last lies on top, and a hard freeze is the one that counts.
            self._shade(window, span)
            for window in sorted(self._found.freezes, key=lambda one: one.is_hard)
            if Span(window.start, window.end).meets(span)
        ]
        if board.is_today and self.period.kind == WEEK:
            board.now = f"dl-q-{self._quarter(self._now, span)}"
        return board

    def _cards(self, entries: Sequence[Entry], span: Span) -> list[Card]:
        placed = lanes([_drawn(entry, span) for entry in entries])
        fitting = [(entry, place) for entry, place in zip(entries, placed, strict=True)]
        if self.period.kind == WEEK:
            fitting = [(entry, place) for entry, place in fitting if place[0] < MOST_LANES]
        return [self._card(entry, span, lane=lane, width=width) for entry, (lane, width) in fitting]

    def _card(self, entry: Entry, span: Span, *, lane: int, width: int) -> Card:
        is_drawn = self.period.kind == WEEK
        look = tones.look(entry.outcome or entry.state, "outcome" if entry.outcome else "change")
        drawn = _drawn(entry, span)
        start, end = self._quarter(drawn.start, span), self._quarter(drawn.end - QUARTER / 15, span) + 1
        width = next(known for known in (1, 2, 3, 4) if known >= min(width, MOST_LANES))
        tone, icon = _tone_and_icon(entry, look)
        blocks = self.collided.get(entry.id)
        if blocks is not None:
            tone, icon = ("bad" if blocks else "warn"), "arrows-cross"
        return Card(
            ref=entry.ref,
            title=entry.title,
            service=entry.service,
            times=_times(entry, self.period),
            look=look,
            tone=tone,
            icon=icon,
            collision=_mark(blocks),
            remark="Customers notice" if entry.customer_impacting else "",
            place=f"dl-q-{start} dl-qe-{max(end, start + SHORTEST)} dl-l-{lane}-{width}" if is_drawn else "",
            is_over=entry.state in {State.FINISHED, State.CLOSED},
        )

    def _shade(self, window: FreezeWindow, span: Span) -> Shade:
        start, end = max(window.start, span.start), min(window.end, span.end)
        first, last = self._quarter(start, span), self._quarter(end - QUARTER / 15, span) + 1
        return Shade("hard" if window.is_hard else "soft", _frozen_in_words(window), f"dl-q-{first} dl-qe-{last}")

    def _quarter(self, at: datetime, span: Span) -> int:
        """Where on the drawn day a moment is, by the clock on the wall, in quarters of an hour."""
        local = min(max(at, span.start), span.end).astimezone(self.period.zone)
        number = 96 if at >= span.end else local.hour * 4 + local.minute // 15
        return max(number - self.first_hour * 4, 0)

    def _first_hour(self) -> int:
        spans = [self.period.span_of(day) for day in self.period.days]
        starts = [
            max(entry.begins, spans[entry.day].start).astimezone(self.period.zone).hour for entry in self._found.entries
        ]
        return min([FIRST_HOUR, *starts])

    @property
    def hours(self) -> list[tuple[str, str]]:
        """The hours beside the week, every second one, with the class that puts each into its place."""
        even = range(self.first_hour + self.first_hour % 2, 24, 2)
        return [(f"{hour:02}:00", f"dl-q-{(hour - self.first_hour) * 4}") for hour in even if hour > self.first_hour]

    @property
    def drawn_hours(self) -> int:
        """How many hours the week shows."""
        return 24 - self.first_hour

    @property
    def night(self) -> str:
        """What is left out of the drawing."""
        return f"Nothing is planned between 00:00 and {self.first_hour:02}:00." if self.first_hour else ""

    @property
    def weeks(self) -> list[list[Day]]:
        """The days of a month by week."""
        return [self.days[number : number + 7] for number in range(0, len(self.days), 7)]

    # --- Freezes across the week ---

    @property
    def bars(self) -> list[Bar]:
        """The freezes of a week as bars above its days, each at a quarter of a day."""
        span = self.period.span
        seen = sorted(self._found.freezes, key=lambda window: (window.start, window.freeze_id))
        return [self._bar(window) for window in seen if Span(window.start, window.end).meets(span)]

    def _bar(self, window: FreezeWindow) -> Bar:
        start, end = self._column(window.start), self._column(window.end)
        place = f"dl-c-{start} dl-ce-{max(end, start + 1)}"
        return Bar("hard" if window.is_hard else "soft", _frozen_in_words(window), place)

    def _column(self, at: datetime) -> int:
        local = min(max(at, self.period.span.start), self.period.span.end).astimezone(self.period.zone)
        return (local.date() - self.period.days[0]).days * 4 + local.hour // 6

    # --- In words ---

    @property
    def _to_come(self) -> list[Planned]:
        found = self._found
        span = Span(
            max(self._now, self.period.span_of(self.period.first).start), self.period.span_of(self.period.last).end
        )
        return [one for one in found.planned if one.booking.id in found.shown and one.booking.span.meets(span)]

    @property
    def summary(self) -> str:
        """What is coming, as a sentence for the weekly meeting."""
        ahead, kind = self._to_come, self.period.kind
        if self.period.span.end <= self._now:
            return f"This {kind} is over."
        if not ahead:
            is_present = self.period.contains(self._now.date())
            return f"Nothing is planned {'for the rest of' if is_present else 'in'} this {kind}."
        counts = [
            (sum(one.customer_impacting for one in ahead), "that customers notice"),
            (sum(one.risk == Risk.HIGH for one in ahead), "of high risk"),
            (sum(one.state == State.IN_PROGRESS for one in ahead), "in progress"),
            (sum(one.state == State.SUBMITTED for one in ahead), "waiting for approval"),
        ]
        named = [f"{count} {words}" for count, words in counts if count]
        whole = f"{len(ahead)} {moments.plural('change', len(ahead))} still to come"
        return f"{whole}: {', '.join(named)}." if named else f"{whole}."

    @property
    def to_talk_about(self) -> list[tuple[Planned, str, str]]:
        """The changes that customers notice or that are of high risk, as (change, time, why), the first few."""
        heavy = [one for one in self._to_come if one.customer_impacting or one.risk == Risk.HIGH]
        return [(one, self._when(one.booking.span.start), _why_named(one)) for one in heavy[:NAMED]]

    @property
    def collisions(self) -> list[tuple[str, str, str, str, bool]]:
        """The first collisions, as (ref, other ref, time, why, whether it blocks)."""
        return [self._told(hit) for hit in self._found.collisions[:TOLD]]

    @property
    def collision_count(self) -> int:
        """How many there are."""
        return len(self._found.collisions)

    @property
    def is_cut_off(self) -> bool:
        """Whether there may be more than were looked for."""
        return self.collision_count >= MOST_COLLISIONS

    @property
    def untold(self) -> int:
        """How many collisions are not among those that are named."""
        return max(0, self.collision_count - TOLD)

    def _told(self, hit: Collision) -> tuple[str, str, str, str, bool]:
        name = hands(self._found.planned).get(hit.one.implementer_id, "The same person")
        why = sentences(hit.touches, self._found.around, implementer=name)
        when = self._when(max(hit.one.span.start, hit.other.span.start))
        return f"CHG-{hit.one.id}", f"CHG-{hit.other.id}", when, why, hit.blocks

    def _when(self, at: datetime) -> str:
        local = at.astimezone(self.period.zone)
        day = f"{moments.WEEKDAYS[local.weekday()][:3]} {local.day} {moments.MONTHS[local.month - 1][:3]}"
        return f"{day}, {moments.clock(local)}"

    # --- Addresses ---

    def url(self, period: Period | None = None) -> str:
        """The address of another week or month with the same filters."""
        period = period or self.period
        return f"/calendar?{urlencode({period.kind: period.value, **self._query})}"

    def _list_url(self, **more: str) -> str:
        return f"/changes?{urlencode({**self._query, **more})}"

    @property
    def list_url(self) -> str:
        """The same time as a list."""
        return self._list_url(
            window_from=self.period.first.isoformat(), window_to=(self.period.last + timedelta(days=1)).isoformat()
        )


# --- Words -----------------------------------------------------------------------------------------------------------


def _blocking_by_change(collisions: Iterable[Collision]) -> dict[int, bool]:
    found: dict[int, bool] = defaultdict(bool)
    for hit in collisions:
        for booking in (hit.one, hit.other):
            found[booking.id] |= hit.blocks
    return dict(found)


def _mark(blocks: bool | None) -> str:  # noqa: FBT001 - None is a third answer
    if blocks is None:
        return ""
    return "Collides, tier 0: one must move" if blocks else "Collides, a warning"


def _tone_and_icon(entry: Entry, look: tones.Look) -> tuple[str, str]:
    if entry.authorization == Authorization.EMERGENCY:
        emergency = tones.look(Authorization.EMERGENCY.value, "way")
        return emergency.tone, emergency.icon
    if entry.customer_impacting and entry.state in {State.APPROVED, State.IN_PROGRESS}:
        return "exc", "tool"
    return look.tone, look.icon


def _drawn(entry: Entry, span: Span) -> Span:
    """The part of it on this day, as long as its card is high."""
    start = max(entry.begins, span.start)
    return Span(start, max(min(entry.ends, span.end), start + QUARTER * SHORTEST))


def _times(entry: Entry, period: Period) -> str:
    start, end = entry.begins.astimezone(period.zone), entry.ends.astimezone(period.zone)
    return moments.interval(start, end)


def _deploys_in_words(count: int, day: date, today: date) -> str:
    if not count:
        return ""
    number = f"over {MOST_DEPLOYS:,}" if count > MOST_DEPLOYS else str(count)
    return f"{number} {moments.plural('deploy', count)}{' so far' if day == today else ''}"


def _frozen_in_words(window: FreezeWindow) -> str:
    kind = "Hard freeze" if window.is_hard else "Soft freeze"
    return f"{kind}: {window.name}, {window.covers or 'everything'}"


def _why_named(one: Planned) -> str:
    whys = ["customers notice"] if one.customer_impacting else []
    return ", ".join([*whys, "high risk"] if one.risk == Risk.HIGH else whys)


MOST_OF_DAY = {WEEK: 40, MONTH: 4}
"""How many changes a day shows."""
