"""Everything that a page of the calendar shows, gathered."""

from datetime import datetime
from typing import Any

from changes.calendar import agenda
from changes.calendar.board import MOST_COLLISIONS, MOST_OF_DAY, Board, Found
from changes.calendar.filters import Wanted
from changes.calendar.period import MONTH, WEEK, Period, month_of, week_of
from changes.calendar.queries import surroundings
from changes.freezes.queries import all_windows


def content_of(wanted: Wanted, *, now: datetime) -> dict[str, Any]:
    """The content of templates/calendar/calendar.html."""
    found, period = found_for(wanted), wanted.period
    board = Board(period, found, query=wanted.query, now=now)
    today = now.astimezone(period.zone).date()
    week = week_of(today if period.contains(today) else period.first, period.zone)
    month = month_of(today if period.contains(today) else period.first, period.zone)
    present = week_of(today, period.zone) if period.kind == WEEK else month_of(today, period.zone)
    return {
        "board": board,
        "wanted": wanted,
        "period": period,
        "fields": wanted.fields(found.around, agenda.environments()),
        "views": [("Week", board.url(week), period.kind == WEEK), ("Month", board.url(month), period.kind == MONTH)],
        "earlier": _url(board, period.beside(-1)),
        "later": _url(board, period.beside(1)),
        "present": board.url(present),
        "is_present": present == period,
    }


def _url(board: Board, period: Period) -> str:
    return board.url(period) if period.is_known else ""


def found_for(wanted: Wanted) -> Found:
    """What the database knows about the period. Seven statements, and three more when there are freezes."""
    period, around = wanted.period, surroundings()
    days = [period.span_of(day) for day in period.days]
    planned, shown = agenda.planned(period.span, wanted.filters, around)
    return Found(
        entries=agenda.entries(days, wanted.filters, most=MOST_OF_DAY[period.kind]),
        deploys=agenda.deploys(days, wanted.filters),
        freezes=all_windows(*period.span),
        planned=planned,
        shown=shown,
        collisions=agenda.collisions(planned, shown, around, most=MOST_COLLISIONS),
        around=around,
    )
