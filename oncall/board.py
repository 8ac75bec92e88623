"""Everything that the pages of the watch show, gathered."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from accounts.callers import Caller
from accounts.contacts.queries import mail_leaves, reachable
from accounts.models import User
from oncall import actions, policy, queries, restrictions, rota, watching
from oncall.bands import Chart, chart_of
from oncall.declared import DeclaredSchedule
from oncall.models import HandoverNote, Override, Rotation, Schedule, SwapRequest
from oncall.queries import Standing
from oncall.watching import Turn, Watch
from workflow import moments
from workflow.decisions import REFUSED
from workflow.lines import listed

AHEAD, BACK = timedelta(days=56), timedelta(days=56)
MOST_SHIFTS = 12
UNITS = {"hourly": "hour", "daily": "day", "weekly": "week"}


class Mine(NamedTuple):
    """A shift of the reader's."""

    schedule: Schedule
    start: datetime
    end: datetime


class Stint(NamedTuple):
    """A piece of the final schedule as a row: who, in words, and whether it is nobody, or the reader."""

    start: datetime
    end: datetime
    who: str
    is_gap: bool
    is_mine: bool


class Carried(NamedTuple):
    """How long somebody had the watch, in hours, and how many pages they got."""

    person: User
    hours: int
    nights: int
    weekends: int
    pages: int


class Unreached(NamedTuple):
    """Somebody who takes turns and whom no page would reach, and why."""

    person: User
    because: str


class Line(NamedTuple):
    """A schedule in the list; `unheard` are the times when somebody has the watch and a page reaches none of them."""

    standing: Standing
    unheard: list[rota.Span]


@dataclass(frozen=True, slots=True)
class Page:
    """The content of templates/oncall/list.html."""

    sentence: str
    rows: list[Line]
    mine: list[Mine]
    asked: Sequence[SwapRequest]
    gaps: int
    may_sync: bool


def page_of(reader: User, *, now: datetime) -> Page:
    """Who has which watch now and next, and what is the reader's."""
    known = watching.watches(queries.schedules(), now, now + AHEAD)
    mine = sorted((shift for watch in known for shift in shifts_of(watch, reader, now=now)), key=lambda one: one.start)
    heard = _heard(reachable({pk for watch in known for pk in watch.people}))
    standings = [queries.standing_of(watch, now) for watch in known]
    rows = [Line(one, unheard(one, heard)) for one in standings]
    gaps = sum(bool(row.standing.gaps) for row in rows if row.standing.watch.schedule.is_enabled)
    asked = SwapRequest.objects.filter(asked=reader, state="open", end__gt=now).select_related("schedule", "asked_by")
    return Page(
        sentence=_sentence(mine, now=now),
        rows=rows,
        mine=mine[:MOST_SHIFTS],
        asked=list(asked),
        gaps=gaps,
        may_sync=reader.is_admin or reader.memberships.filter(is_lead=True).exists(),
    )


def _heard(reasons: Mapping[int, str]) -> rota.People:
    return frozenset(pk for pk, because in reasons.items() if not because)


def unheard(standing: Standing, heard: rota.People) -> list[rota.Span]:
    """When, in the next two weeks, somebody has the watch and a page reaches none of them.

    Nothing where this installation sends no mail at all, because then that is what is wrong, and not the watch.
    """
    return rota.gaps((one for one in standing.pieces if one.people), reachable=heard) if mail_leaves() else []


def shifts_of(watch: Watch, reader: User, *, now: datetime) -> list[Mine]:
    """When the reader has this watch in the next eight weeks."""
    found: list[Mine] = []
    for piece in watch.final(now, now + AHEAD) if reader.pk in watch.people else ():
        if reader.pk not in piece.people:
            continue
        if found and found[-1].end == piece.start:
            found[-1] = found[-1]._replace(end=piece.end)
        else:
            found.append(Mine(watch.schedule, piece.start, piece.end))
    return found


def _sentence(mine: Sequence[Mine], *, now: datetime) -> str:
    present = [one for one in mine if one.start <= now]
    coming = next((one for one in mine if one.start > now), None)
    parts = []
    if present:
        names = listed([one.schedule.name for one in present])
        parts.append(f"You have the watch of {names} until {_at(min(one.end for one in present))}.")
    if coming:
        parts.append(f"Your next one, {coming.schedule.name}, begins {_at(coming.start)}.")
    return " ".join(parts) or "You have no watch in the next eight weeks."


def _at(at: datetime) -> str:
    return f"{moments.stamp(at)} {moments.zone(at)}"


# --- One schedule ----------------------------------------------------------------------------------------------------


class Turned(NamedTuple):
    """A rotation as a row: its people in order, how often it hands over, when it counts."""

    rotation: Rotation
    people: str
    often: str
    limits: str
    is_over: bool


@dataclass(frozen=True, slots=True)
class Dossier:
    """The content of templates/oncall/schedule.html."""

    schedule: Schedule
    standing: Standing
    chart: Chart
    stints: list[Stint]
    rotations: list[Turned]
    overrides: list[Override]
    swaps: list[SwapRequest]
    carried: list[Carried]
    notes: list[HandoverNote]
    unreached: list[Unreached]
    unheard: list[rota.Span]
    choosable: list[User]
    may_change: bool
    may_override: bool


def dossier_of(schedule: Schedule, reader: User, *, now: datetime) -> Dossier:
    """The page of one schedule."""
    watch = watching.watch_of(schedule, now - BACK, now + AHEAD)
    hand = replace(queries.hand_among(watch.crew, reader), has_turns=watch.has_turns(reader.pk))
    is_ours = policy.changed_here(schedule.truth).outcome != REFUSED
    swaps = schedule.swaps.filter(state="open", end__gt=now).select_related("asked", "asked_by")
    reasons, standing = reachable(list(watch.people)), queries.standing_of(watch, now)
    return Dossier(
        schedule=schedule,
        standing=standing,
        chart=chart_of(watch, now=now),
        stints=[_stint(watch, piece, reader) for piece in standing.pieces],
        rotations=[_turned(rotation, watch.turns[rotation.pk], now=now) for rotation in watch.rotations],
        overrides=[one for one in watch.overrides if one.end > now],
        swaps=list(swaps),
        carried=carried(watch, queries.pages_received(schedule, now - BACK), now=now),
        notes=list(schedule.handovers.select_related("author").order_by("-written_at")[:5]),
        unreached=[Unreached(one, reasons[one.pk]) for one in watch.named(watch.people) if reasons[one.pk]],
        unheard=unheard(standing, _heard(reasons)),
        choosable=choosable(watch),
        may_change=is_ours and policy.may_change_schedule(hand).outcome != REFUSED,
        may_override=is_ours and policy.may_override(hand).outcome != REFUSED,
    )


def choosable(watch: Watch) -> list[User]:
    """Who may be asked to take a watch: the team's people and those with turns in it, by name."""
    people = {**watch.people, **{one.pk: one for one, _ in watch.crew if one.is_active}}
    return sorted(people.values(), key=lambda person: (person.name, person.email))


def _stint(watch: Watch, piece: rota.Piece, reader: User) -> Stint:
    people = watch.named(piece.people)
    who = listed([person.name for person in people]) or "Nobody"
    return Stint(piece.start, piece.end, who, not people, people == [reader])


def _turned(rotation: Rotation, turns: Iterable[Turn], *, now: datetime) -> Turned:
    people = [str(turn) for turn in turns]
    limits = restrictions.in_words(restrictions.read_stored(rotation.restrictions))
    return Turned(
        rotation, ", ".join(people), _often(rotation), limits, rotation.end is not None and rotation.end <= now
    )


def _often(rotation: Rotation) -> str:
    unit = UNITS[rotation.type]
    return f"every {unit}" if rotation.length == 1 else f"every {rotation.length} {unit}s"


def carried(watch: Watch, pages: Mapping[int, int], *, now: datetime) -> list[Carried]:
    """How long everybody had the watch in the last eight weeks, who had it longest first."""
    found = rota.loads(watch.final(now - BACK, now), watch.plan.zone)
    lines = [
        Carried(watch.people[pk], _hours(load.whole), _hours(load.nights), _hours(load.weekends), pages.get(pk, 0))
        for pk, load in found.items()
    ]
    return sorted(lines, key=lambda one: (-one.hours, one.person.name))


def _hours(lasts: timedelta) -> int:
    return round(lasts.total_seconds() / 3600)


# --- A preview -------------------------------------------------------------------------------------------------------


class Moved(NamedTuple):
    """That in [start, end) other people have the watch than before; names in words."""

    start: datetime
    end: datetime
    before: str
    after: str


def preview_of(slug: str, declared: DeclaredSchedule, *, by: Caller) -> dict[str, Any]:
    """What templates/oncall/rotation.html shows of an edit before it is kept; raises as the edit does."""
    preview = actions.preview_schedule(slug, declared, by=by, days=AHEAD.days)
    return {"preview": preview, "moved": moved(preview), "hours": hours_in_words(preview)}


def moved(preview: queries.Preview, *, most: int = 40) -> list[Moved]:
    """The first differences of a preview as rows."""
    return [
        Moved(one.start, one.end, _names(preview, one.before), _names(preview, one.after))
        for one in preview.differences[:most]
    ]


def _names(preview: queries.Preview, ids: Iterable[int]) -> str:
    return listed(sorted(preview.people[pk].name for pk in ids)) or "Nobody"


def hours_in_words(preview: queries.Preview) -> str:
    """“Ann Lee −12 h, Bo Okafor +12 h”; empty when nobody's hours change."""
    parts: list[Any] = []
    for person, change in preview.hours:
        hours = change.total_seconds() / 3600
        parts.append(f"{person.name} {'+' if hours > 0 else '−'}{abs(hours):g} h")
    return ", ".join(parts)
