"""Freezes in words: what they cover, when, how they repeat, what became of them. Reads only what it is given."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from dateutil import rrule as rules

from changes.freezes import recurrence
from changes.freezes.content import LABELS
from changes.freezes.models import Freeze, FreezeOverride
from changes.freezes.queries import covers_in_words, terms_of
from changes.narration import Panel, Told, actor_in_words
from workflow import moments, tones
from workflow.lines import listed
from workflow.models import Entry

NUMBERS = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", -1: "last", -2: "second to last"}
SHOWN_TIMES = 5


class FreezeLine(NamedTuple):
    """A freeze as a line of the list; `window` is the time that matters now, None when there is none to come."""

    freeze: Freeze
    look: str
    covers: str
    repeats: str
    window: recurrence.Window | None
    waiting: int


@dataclass(frozen=True, slots=True)
class Board:
    """All freezes by what they are to the reader now."""

    in_force: list[FreezeLine]
    coming: list[FreezeLine]
    past: list[FreezeLine]
    sentence: str


def board_of(known: Iterable[Freeze], past: Iterable[Freeze], *, now: datetime) -> Board:
    """The freezes in force, coming ones by when they begin, and past ones."""
    lines = [line_of(freeze, now=now) for freeze in known]
    in_force = [line for line in lines if line.window and line.window.start <= now]
    coming = sorted(
        (line for line in lines if line.window and line.window.start > now), key=lambda line: _begins(line, now)
    )
    return Board(in_force, coming, [line_of(freeze, now=now) for freeze in past], _sentence(in_force, coming))


def _begins(line: FreezeLine, now: datetime) -> datetime:
    return line.window.start if line.window else now


def _sentence(in_force: Sequence[FreezeLine], coming: Sequence[FreezeLine]) -> str:
    hard = sum(line.freeze.is_hard for line in in_force)
    soft = len(in_force) - hard
    if in_force:
        parts = [f"{count} {kind}" for count, kind in ((hard, "hard"), (soft, "soft")) if count]
        return f"In force now: {' and '.join(parts)} {moments.plural('freeze', len(in_force))}."
    if coming and coming[0].window:
        return f"No freeze is in force. The next, {coming[0].freeze.name}, begins {_at(coming[0].window.start)}."
    return "No freeze is in force, and none is planned."


def line_of(freeze: Freeze, *, now: datetime) -> FreezeLine:
    """A freeze as a line; its scope and overrides must be loaded."""
    waiting = [one for one in freeze.overrides.all() if _is_waiting(one, now)]
    found = times_of(freeze, now=now, most=1)
    return FreezeLine(
        freeze=freeze,
        look="hard" if freeze.is_hard else "soft",
        covers=covers_in_words(freeze),
        repeats=repeats_in_words(freeze.rrule, freeze.time_zone),
        window=found[0] if found else None,
        waiting=len(waiting),
    )


def _is_waiting(override: FreezeOverride, now: datetime) -> bool:
    return override.confirmed_at is None and override.revoked_at is None and override.expires_at > now


def times_of(freeze: Freeze, *, now: datetime, most: int = SHOWN_TIMES) -> list[recurrence.Window]:
    """The present time and the next ones; empty when it is over."""
    if freeze.last_end is not None and freeze.last_end <= now:
        return []
    return recurrence.next_windows(terms_of(freeze), now, most=most)


# --- How it repeats --------------------------------------------------------------------------------------------------


def repeats_in_words(rrule: str, time_zone: str) -> str:
    """“every week on Friday”, “every 2 months on the last Friday, until 30 June 2027”; empty for one that does not."""
    if not rrule:
        return ""
    rule = recurrence.read_rule(rrule, time_zone)
    parts = dict(rule.parts)
    days = parts.get("byweekday", ())
    if set(parts) - {"byweekday", "bymonthday", "wkst"} or ("byweekday" in parts and "bymonthday" in parts):
        return f"by the rule {rrule}"
    unit = {rules.DAILY: "day", rules.WEEKLY: "week", rules.MONTHLY: "month", rules.YEARLY: "year"}[rule.frequency]
    often = f"every {unit}" if rule.interval == 1 else f"every {rule.interval} {unit}s"
    on = listed([_day(day) for day in days] or [f"day {_month_day(day)}" for day in parts.get("bymonthday", ())])
    return often + (f" on {on}" if on else "") + _limit(rule)


def _day(day: rules.weekday) -> str:
    name = moments.WEEKDAYS[day.weekday]
    return f"the {NUMBERS.get(day.n, f'{day.n}.')} {name}" if day.n else name


def _month_day(day: int) -> str:
    return str(day) if day > 0 else f"{-day} from the end"


def _limit(rule: recurrence.Rule) -> str:
    if rule.times:
        return f", {rule.times} times in all"
    if rule.until:
        return f", until {rule.until.day} {moments.MONTHS[rule.until.month - 1]} {rule.until.year}"
    return ""


# --- One freeze ------------------------------------------------------------------------------------------------------


def panel_of(freeze: Freeze, times: Sequence[recurrence.Window], *, now: datetime) -> Panel:
    """Whether it stands in the way now, as a sentence with the reason."""
    it = tones.look("hard" if freeze.is_hard else "soft", "freeze")
    covers = covers_in_words(freeze)
    does = f"It forbids changes to {covers}." if freeze.is_hard else f"It warns before changes to {covers}."
    if freeze.ended_at:
        return Panel("mute", "circle-off", f"Ended {_at(freeze.ended_at)}", freeze.reason)
    if not times:
        last = freeze.last_end or freeze.end
        return Panel("mute", "circle-off", f"Over since {_at(last)}", freeze.reason)
    window = times[0]
    because = f"{does} {freeze.reason}".strip()
    if window.start <= now:
        return Panel(it.tone, it.icon, f"In force until {_at(window.end)}", because)
    return Panel("live", it.icon, f"Begins {_at(window.start)}, until {_at(window.end)}", because)


def _at(at: datetime) -> str:
    return f"{moments.stamp(at)} {moments.zone(at)}"


class OverrideLine(NamedTuple):
    """An override as a row: how it stands, in words."""

    override: FreezeOverride
    tone: str
    icon: str
    title: str
    is_waiting: bool = False
    is_revocable: bool = False


def override_lines(overrides: Iterable[FreezeOverride], *, now: datetime) -> list[OverrideLine]:
    """The overrides, each with how it stands."""
    return [_override_line(override, now) for override in overrides]


def _override_line(override: FreezeOverride, now: datetime) -> OverrideLine:
    whom = listed([service.slug for service in override.services.all()]) or "everything that it covers"
    if override.revoked_at:
        return OverrideLine(override, "mute", "circle-off", f"Revoked {_at(override.revoked_at)}: {whom}")
    if override.expires_at <= now:
        how = "Was allowed" if override.confirmed_at else "Was never confirmed"
        return OverrideLine(override, "mute", "clock-x", f"{how}: {whom}, until {_at(override.expires_at)}")
    if override.confirmed_at:
        title = f"Allowed: {whom}, until {_at(override.expires_at)}"
        return OverrideLine(override, "ok", "user-check", title, is_revocable=True)
    title = f"Waits for a second person: {whom}, until {_at(override.expires_at)}"
    return OverrideLine(override, "warn", "hourglass", title, is_waiting=True, is_revocable=True)


_DEEDS = {
    "declared": ("snowflake", "live", "declared it"),
    "created": ("snowflake", "live", "declared it"),
    "changed": ("pencil", "mute", "changed it"),
    "ended": ("circle-off", "mute", "ended it"),
    "override_asked": ("hourglass", "warn", "asked for an override"),
    "override_confirmed": ("user-check", "ok", "confirmed an override"),
    "override_revoked": ("circle-off", "mute", "revoked an override"),
}


def told_of(entries: Iterable[Entry], names: Mapping[str, str]) -> list[Told]:
    """What happened to it, in the given order."""
    return [_told(entry, names) for entry in entries]


def _told(entry: Entry, names: Mapping[str, str]) -> Told:
    icon, tone, text = _DEEDS.get(entry.verb, ("message", "mute", entry.verb.replace("_", " ")))
    about = listed([str(slug) for slug in entry.data.get("services", [])]) if "override" in entry.data else ""
    reason = str(entry.data.get("reason", "")) if entry.verb in {"ended", "override_asked"} else ""
    more = f" for {about}" if about else ""
    if entry.verb == "changed" and entry.data.get("changed"):
        more = f": {listed([LABELS[name].lower() for name in LABELS if name in entry.data['changed']])}"
    if entry.verb == "override_revoked":
        reason = str(entry.data.get("because", ""))
    return Told(
        entry.occurred_at,
        icon,
        tone,
        f"{text}{more}{f': {reason}' if reason else ''}",
        actor_in_words(entry.actor, names),
    )
