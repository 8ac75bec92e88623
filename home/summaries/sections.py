"""The sections of the summaries: each reads its part of a day and says it in lines.

`DAILY` and `WEEKLY` are lists: a room that has more to tell adds a function. A section without lines says so in a few
honest words. All times are of the channel's zone, which the caller activates.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import NamedTuple

from changes.calendar import agenda
from changes.calendar.agenda import Planned
from changes.calendar.policy import Span
from changes.calendar.queries import sentences, surroundings
from changes.freezes.queries import FreezeWindow, all_windows
from changes.messages import ENDINGS, change_url
from changes.models import Change
from changes.states import Outcome, Risk, State
from home.summaries import queries
from home.summaries.policy import ONE_DAY
from home.summaries.queries import COUNTED, Day
from incidents.messages import DONE, incident_url, severity_word
from incidents.models import Incident
from incidents.queries import open_to_all
from notifications.parts import Line, Part
from workflow import moments

SHOWN = 10
"""How many lines of a section are written out."""
SHOWN_OF_DAY = 6
WEEK = 7 * ONE_DAY
MOST_COLLISIONS = 50


class Section(NamedTuple):
    """What a section says: its heading, its lines, and the words that stand for none. `total` is how many there are."""

    heading: str
    lines: Sequence[Line]
    nothing: str
    total: int = 0

    @property
    def part(self) -> Part:
        """The section as a part of a message."""
        if not self.lines:
            return Part(self.heading, [Line(self.nothing)], is_list=False)
        rest = self.total - len(self.lines)
        more = f"more than {COUNTED - len(self.lines)}" if self.total > COUNTED else str(rest)
        return Part(self.heading, [*self.lines, *([Line(f"and {more} more")] if rest > 0 else [])])


class Reading:
    """What the sections of one summary read together, each thing once."""

    def __init__(self, day: Day) -> None:
        self.day = day

    @cached_property
    def changes(self) -> dict[str, list[Change]]:
        """The changes of the day by what there is to say about them (`queries.changes_of`)."""
        return queries.changes_of(self.day)

    def freezes(self, start: datetime, end: datetime) -> list[FreezeWindow]:
        """The freezes that touch this time and something of the audience's, by time."""
        found, own = all_windows(start, end), queries.freezes_for(self.day.audience.teams)
        return [window for window in found if own is None or window.freeze_id in own]

    @cached_property
    def week(self) -> Span:
        """The seven days from this one on."""
        return Span(self.day.start, self.day.audience.morning.midnight(self.day.day + WEEK))


Reader = Callable[[Reading], Sequence[Section]]


# --- Every day -----------------------------------------------------------------------------------------------------


def felt_yesterday(read: Reading) -> list[Section]:
    """What customers could notice yesterday, and how it ended."""
    changes = read.changes["yesterday"]
    lines = [_line(change, _happened(change)) for change in changes[:SHOWN]]
    return [Section("Customers could notice yesterday", lines, "Nothing that customers could notice.", len(changes))]


def felt_today(read: Reading) -> list[Section]:
    """What customers may notice today: planned windows, and what has begun already."""
    begun, planned = read.changes["today"], read.changes["planned"]
    lines = [_line(change, _happened(change)) for change in begun]
    lines += [_line(change, _window(change)) for change in planned]
    nothing = "Nothing is planned that customers may notice."
    return [Section("Customers may notice today", lines[:SHOWN], nothing, len(lines))]


def unproven(read: Reading) -> list[Section]:
    """Deploys that could not be exempted from review and that nobody has looked at."""
    changes = read.changes["unproven"]
    lines = [_line(change, f"since {moments.clock(change.at)} {_day(change.at)}") for change in changes[:SHOWN]]
    return [Section("Unproven deploys", lines, "Every deploy was proven or looked at.", len(changes))]


def open_incidents(read: Reading) -> list[Section]:
    """The incidents at work on services of the audience, the worst first; restricted ones are in no channel."""
    found = open_to_all(teams=read.day.audience.teams, most=COUNTED + 1)
    lines = [_incident(incident, read.day.now) for incident in found[:SHOWN]]
    return [Section("Open incidents", lines, "None.", len(found))]


def overdue_reviews(read: Reading) -> list[Section]:
    """Reviews that somebody should have made by now."""
    changes, now = read.changes["overdue"], read.day.now
    lines = [
        _line(change, f"overdue by {moments.rough((now - change.review_due_at).total_seconds())}")
        for change in changes[:SHOWN]
        if change.review_due_at
    ]
    return [Section("Overdue reviews", lines, "None.", len(changes))]


def freezes_today(read: Reading) -> list[Section]:
    """The freezes in force at some time of the day."""
    windows = read.freezes(read.day.start, read.day.end)
    lines = [Line(_freeze(window)) for window in windows[:SHOWN]]
    return [Section("Freezes", lines, "No freeze today.", len(windows))]


def waiting_for_approval(read: Reading) -> list[Section]:
    """What people were asked to approve and have not decided."""
    changes = read.changes["waiting"]
    lines = [_line(change, _window(change)) for change in changes[:SHOWN]]
    return [Section("Waiting for approval", lines, "Nothing waits.", len(changes))]


# --- Every week ----------------------------------------------------------------------------------------------------


def coming_by_day(read: Reading) -> list[Section]:
    """What is planned for each of the next seven days, high risks marked; then what collides."""
    around = surroundings()
    found, shown = agenda.planned(read.week, {}, around)
    morning = read.day.audience.morning
    by_day = [(first := read.day.day + number * ONE_DAY, _of_day(found, first, read)) for number in range(7)]
    told = [
        Section(f"{moments.WEEKDAYS[day.weekday()]} {_date(morning.begins(day))}", lines, "", count)
        for day, (lines, count) in by_day
        if lines
    ]
    met = agenda.collisions(found, shown, around, most=MOST_COLLISIONS)
    hands = agenda.hands(found)
    lines = [
        Line(
            f"and CHG-{hit.other.id}: {sentences(hit.touches, around, implementer=hands[hit.one.implementer_id])}"
            f"{' One of them must move.' if hit.blocks else ''}",
            label=f"CHG-{hit.one.id}",
            url=change_url(f"CHG-{hit.one.id}"),
        )
        for hit in met[:SHOWN]
    ]
    planned = told or [Section("The next seven days", [], "Nothing is planned.")]
    return [*planned, Section("Collisions", lines, "None.", len(met))]


def freezes_of_week(read: Reading) -> list[Section]:
    """The freezes of the next seven days."""
    windows = read.freezes(*read.week)
    lines = [Line(_freeze(window)) for window in windows[:SHOWN]]
    return [Section("Freezes", lines, "No freeze this week.", len(windows))]


def emergencies(read: Reading) -> list[Section]:
    """The emergencies of last week, to learn from."""
    changes = queries.emergencies_of(read.day, since=_a_week_before(read))
    lines = [_line(change, _happened(change)) for change in changes[:SHOWN]]
    return [Section("Emergencies of last week", lines, "None.", len(changes))]


def delivered(read: Reading) -> list[Section]:
    """What each team's pipelines brought to production last week."""
    rows = queries.delivered_by_team(since=_a_week_before(read), until=read.day.start)
    lines = [
        Line(
            f"{row.deploys:,} {moments.plural('deploy', row.deploys)}, {row.bad:,} failed or rolled back, "
            f"{row.unproven:,} unproven",
            label=f"{row.team}:",
        )
        for row in rows[:COUNTED]
    ]
    return [Section("Delivered last week", lines, "No deploy was logged.", len(rows))]


DAILY: tuple[Reader, ...] = (
    open_incidents,
    felt_yesterday,
    felt_today,
    unproven,
    overdue_reviews,
    freezes_today,
    waiting_for_approval,
)
WEEKLY: tuple[Reader, ...] = (coming_by_day, freezes_of_week, emergencies, delivered)


def sections(readers: Iterable[Reader], day: Day) -> list[Section]:
    """What these sections say about a day, in their order."""
    read = Reading(day)
    return [section for reader in readers for section in reader(read)]


# --- Lines ---------------------------------------------------------------------------------------------------------


def _line(change: Change, fact: str) -> Line:
    return Line(f"{change.title} ({change.service.slug}), {fact}", label=change.ref, url=change_url(change.ref))


def _incident(incident: Incident, now: datetime) -> Line:
    services = ", ".join(sorted(service.slug for service in incident.services.all()))
    age = moments.rough((now - incident.declared_at).total_seconds())
    words = f"{severity_word(incident)}, {incident.title} ({services}), {DONE[incident.state]}, open for {age}"
    return Line(words, label=incident.ref, url=incident_url(incident.ref))


def _happened(change: Change) -> str:
    if not change.outcome:
        return f"under way since {moments.clock(change.started_at or change.at)}"
    ending = ENDINGS[Outcome(change.outcome)]
    return f"{ending} at {moments.clock(change.finished_at)}" if change.finished_at else ending


def _window(change: Change) -> str:
    if change.window_start is None or change.window_end is None:
        return "without a window"
    day, times = _day(change.window_start), moments.interval(change.window_start, change.window_end)
    risk = ", high risk" if change.risk == Risk.HIGH else ""
    return f"{day}, {times}, {_allowed(change.state)}{risk}"


def _allowed(state: str) -> str:
    return "not yet approved" if state == State.SUBMITTED else "approved"


def _of_day(found: Iterable[Planned], day: object, read: Reading) -> tuple[list[Line], int]:
    zone, first = read.day.audience.morning, read.day.day
    mine = [one for one in found if max(zone.day_at(one.booking.span.start), first) == day]
    return [_planned(one) for one in mine[:SHOWN_OF_DAY]], len(mine)


def _planned(one: Planned) -> Line:
    remarks = [
        moments.interval(*one.booking.span),
        f"by {one.implementer}",
        "under way" if one.state == State.IN_PROGRESS else _allowed(one.state),
        "customers may notice" if one.customer_impacting else "",
        "high risk" if one.risk == Risk.HIGH else "",
    ]
    return Line(f"{one.title}, {', '.join(filter(None, remarks))}", label=one.ref, url=change_url(one.ref))


def _freeze(window: FreezeWindow) -> str:
    kind = "hard" if window.is_hard else "soft"
    times = f"{_day(window.start)}, {moments.clock(window.start)} to {_day(window.end)}, {moments.clock(window.end)}"
    return f"{window.name} ({kind}) for {window.covers}: {times}"


def _day(at: datetime) -> str:
    return f"{moments.WEEKDAYS[moments.here(at).weekday()][:3]} {_date(at)}"


def _date(at: datetime) -> str:
    local = moments.here(at)
    return f"{local.day} {moments.MONTHS[local.month - 1][:3]}"


def _a_week_before(read: Reading) -> datetime:
    return read.day.audience.morning.midnight(read.day.day - timedelta(days=7))
