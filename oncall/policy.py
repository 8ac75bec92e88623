"""The rules of the watch: who may change it, and what may be changed. Pure: no database, no clock."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from oncall.models import SCHEDULE_NAME, Schedule
from workflow.decisions import Decision

ALLOWED, REFUSED = "allowed", "refused"
LONGEST_OVERRIDE = timedelta(days=92)
MOST_TURNS, MOST_ROTATIONS = 100, 30
LONGEST = {"hourly": 24 * 31, "daily": 366, "weekly": 52}
"""How long a shift may be, in the unit of its rotation."""


@dataclass(frozen=True, slots=True)
class Hand:
    """What somebody is to a schedule: administrator, lead or member of its team, or somebody who has turns in it."""

    is_admin: bool
    is_lead: bool
    is_member: bool
    has_turns: bool = False


def may_change_schedule(hand: Hand) -> Decision:
    """Leads of the team that keeps a watch, and administrators, change its rotations."""
    if hand.is_admin or hand.is_lead:
        return Decision("may_change_schedule", ALLOWED, "Leads its team, or administers.")
    because = "Only a lead of the schedule's team, or an administrator, can change its rotations."
    return Decision("may_change_schedule", REFUSED, because)


def may_change_escalation(hand: Hand) -> Decision:
    """Whom a page reaches in turn is decided by the leads of the team, and administrators."""
    rule = "may_change_escalation"
    if hand.is_admin or hand.is_lead:
        return Decision(rule, ALLOWED, "Leads the team, or administers.")
    return Decision(rule, REFUSED, "Only a lead of the team, or an administrator, decides whom a page reaches.")


def may_override(hand: Hand) -> Decision:
    """Everybody of the team, everybody who has turns in the schedule, and administrators override a watch."""
    if hand.is_admin or hand.is_lead or hand.is_member or hand.has_turns:
        return Decision("may_override", ALLOWED, "Is one of those who keep this watch.")
    because = "Only members of the schedule's team, and those who have turns in it, can do this."
    return Decision("may_override", REFUSED, because)


def changed_here(truth: str, *, is_override: bool = False) -> Decision:
    """A schedule whose truth is in Opsgenie is changed there and only read here."""
    if truth == Schedule.Truth.REMOTE:
        what = "Overrides of this schedule are" if is_override else "This schedule is"
        return Decision("changed_in_opsgenie", REFUSED, f"{what} changed in Opsgenie, and only read here.")
    return Decision("changed_in_opsgenie", ALLOWED, "It is changed here.")


def name_fits(name: str) -> Decision:
    """A schedule has a name that Opsgenie takes: at most 100 letters, digits, spaces, dots, dashes, underscores."""
    if re.match(SCHEDULE_NAME, name) and name.strip():
        return Decision("schedule_name", ALLOWED, "Opsgenie takes it.")
    because = "A name has at most 100 characters: letters from A to Z, digits, spaces, dots, dashes and underscores."
    return Decision("schedule_name", REFUSED, because)


def rotation_is_sound(kind: str, *, length: int, start: datetime, end: datetime | None, turns: int) -> Decision:
    """A rotation has shifts of a bearable length, ends after it begins, and somebody, or on purpose nobody, in it."""
    rule = "rotation_is_sound"
    if not 1 <= length <= LONGEST[kind]:
        return Decision(rule, REFUSED, f"The length of an {kind} shift is a number from 1 to {LONGEST[kind]}.")
    if end is not None and end <= start:
        return Decision(rule, REFUSED, "A rotation ends after it begins.")
    if not 1 <= turns <= MOST_TURNS:
        return Decision(rule, REFUSED, f"A rotation has from 1 to {MOST_TURNS} participants.")
    return Decision(rule, ALLOWED, "People can take turns so.")


def override_is_sound(*, start: datetime, end: datetime) -> Decision:
    """An override ends after it begins and lasts at most 92 days."""
    if end <= start:
        return Decision("override_is_sound", REFUSED, "The end must be after the start.")
    if end - start > LONGEST_OVERRIDE:
        because = f"An override lasts {LONGEST_OVERRIDE.days} days at most. Change the rotation instead."
        return Decision("override_is_sound", REFUSED, because)
    return Decision("override_is_sound", ALLOWED, "It can be.")


@dataclass(frozen=True, slots=True)
class Claim:
    """That an override has these rotations over [start, end); none means all of them."""

    start: datetime
    end: datetime
    rotations: Collection[int]
    who: str = ""


def overrides_lie_apart(new: Claim, others: Sequence[Claim]) -> Decision:
    """No two overrides replace the same rotation at the same time, because nobody could tell which one counts."""
    for other in others:
        shares = not new.rotations or not other.rotations or set(new.rotations) & set(other.rotations)
        if shares and new.start < other.end and other.start < new.end:
            because = f"{other.who} has an override in this time already. Take that one back first."
            return Decision("overrides_overlap", REFUSED, because)
    return Decision("overrides_overlap", ALLOWED, "No other override is in this time.")


def has_the_watch(*, is_whole: bool) -> Decision:
    """Only a watch that one has oneself, in all of the time, can be given away."""
    if is_whole:
        return Decision("has_the_watch", ALLOWED, "Has the watch in all of this time.")
    return Decision(
        "has_the_watch", REFUSED, "You do not have the watch in all of this time, so you cannot give it away."
    )


def still_has_the_watch(*, is_whole: bool) -> Decision:
    """A swap counts only while who asked for it still has the watch in all of its time."""
    if is_whole:
        return Decision("still_has_the_watch", ALLOWED, "Still has the watch in all of this time.")
    because = "Who asked no longer has the watch in all of this time. Decline, and let them ask anew."
    return Decision("still_has_the_watch", REFUSED, because)


def may_answer_swap(*, is_asked: bool) -> Decision:
    """Only who was asked agrees to a swap, or declines it; nobody agrees for another."""
    if is_asked:
        return Decision("may_answer_swap", ALLOWED, "Was asked.")
    return Decision("may_answer_swap", REFUSED, "Only the person who was asked can answer.")
