"""A change as a line of a list. The words are worked out once per line; its HTML is a pure function of them.

Nearly every line was shown before, to somebody in the same zone on the same day, so the HTML is kept by its words.
"""

import hashlib
from collections.abc import Iterable
from datetime import date, datetime
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

from django.template.loader import get_template
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe

from changes.pipelines.order import CLOCK_SKEW, TERMINAL_CONFLICT
from changes.policy import PROOF_WITHIN
from changes.queries import ChangeRow
from changes.states import Authorization, State, Verdict
from workflow import moments, tones

PLANNED = frozenset({State.DRAFT, State.SUBMITTED, State.APPROVED})
"""The states in which the window of a change is still to come."""
KEPT = 2048
"""How many lines of HTML a process keeps; about 1.5 kB each."""


class Line(NamedTuple):
    """Everything that a line shows, as text; `remarks` are (tone, words)."""

    ref: str
    title: str
    service: str
    run: str
    risk: str
    remarks: tuple[tuple[str, str], ...]
    state: tuple[str, str]
    way: tuple[str, str]
    environment: str
    sha: str
    machine_time: str
    time: str


class Day(NamedTuple):
    """A heading and the lines under it."""

    heading: str
    lines: SafeString


def line_of(row: ChangeRow, *, now: datetime) -> Line:
    """The words of a line, in the reader's zone."""
    local = (row.started_at or row.finished_at or row.at).astimezone(timezone.get_current_timezone())
    run = f"{row.pipeline}, run {row.run_id}" if row.run_id else ""
    if row.attempt and row.attempt > 1:
        run += f", attempt {row.attempt}"
    is_by_verdict = row.authorization == Authorization.AUTO_EXEMPT and row.verdict
    return Line(
        ref=row.ref,
        title=row.title,
        service=row.service if row.further_services < 1 else f"{row.service} and {row.further_services} more",
        run=run,
        risk=row.risk,
        remarks=tuple(_remarks(row, now)) if _is_remarkable(row) else (),
        state=("outcome", row.outcome) if row.outcome else ("change", row.state),
        way=("verdict", row.verdict) if is_by_verdict else ("way", row.authorization),
        environment=row.environment,
        sha=row.sha[:7],
        machine_time=local.isoformat(timespec="seconds"),
        time=_interval(local, row.finished_at),
    )


def _is_remarkable(row: ChangeRow) -> bool:
    is_owed = row.verdict == Verdict.UNPROVEN or row.review_due_at
    return bool(row.flags or row.customer_impacting or is_owed or _is_planned(row))


def _is_planned(row: ChangeRow) -> bool:
    return row.window_start is not None and row.state in PLANNED


def _interval(start: datetime, end: datetime | None) -> str:
    """`moments.interval` for a start that is local already; the usual case of one day costs no further look-up."""
    local_end = end.astimezone(start.tzinfo) if end else start
    if local_end.date() != start.date():
        return moments.interval(start, end)
    first = f"{start.hour:02}:{start.minute:02}"
    return f"{first}–{local_end.hour:02}:{local_end.minute:02}" if local_end != start else first


def _remarks(row: ChangeRow, now: datetime) -> Iterable[tuple[str, str]]:
    flags = row.flags.split()
    if row.window_start and row.window_end and row.state in PLANNED:
        yield "", f"Planned {moments.stamp(row.window_start)}–{moments.clock(row.window_end)}"
    if row.verdict == Verdict.UNPROVEN and row.finished_at and now < row.finished_at + PROOF_WITHIN:
        tone = tones.look(Verdict.UNPROVEN.value, "verdict").tone
        yield tone, f"Proof due {moments.stamp(row.finished_at + PROOF_WITHIN)}"
    if TERMINAL_CONFLICT in flags:
        yield tones.look("unknown", "outcome").tone, "Two different ends reported"
    if CLOCK_SKEW in flags:
        yield "", "Clock off"
    if row.customer_impacting:
        yield "", "Customers notice"
    if row.review_due_at:
        tone = tones.look("submitted" if row.review_due_at > now else "rejected").tone
        yield tone, f"Review due {moments.stamp(row.review_due_at)}"


@lru_cache(maxsize=KEPT)
def html_of(line: Line) -> SafeString:
    """The table row that shows it."""
    return mark_safe(get_template("changes/_row.html").render({"line": line}))  # noqa: S308 - a template escapes


def lines_of(rows: Iterable[ChangeRow], *, now: datetime) -> list[tuple[date, Line]]:
    """Each row with the reader's day it belongs to."""
    zone = timezone.get_current_timezone()
    return [(row.at.astimezone(zone).date(), line_of(row, now=now)) for row in rows]


def days_of(lines: Iterable[tuple[date, Line]]) -> list[Day]:
    """The lines under their days, in the given order."""
    return [
        Day(moments.long_day(day), mark_safe("".join(html_of(line) for _, line in together)))  # noqa: S308 - as above
        for day, together in groupby(lines, key=lambda pair: pair[0])
    ]


def digest_of(lines: object) -> str:
    """Tells whether anything that is shown has changed."""
    return hashlib.blake2b(repr(lines).encode(), digest_size=9).hexdigest()
