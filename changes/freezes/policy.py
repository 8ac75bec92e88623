"""The rules of freezes: who may declare, end and override one, and what one may say. Pure: no database, no clock."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from changes.freezes import recurrence
from changes.freezes.recurrence import BadRule
from workflow.decisions import Decision

ALLOWED, REFUSED = "allowed", "refused"
LONGEST_OVERRIDE = timedelta(days=7)
"""How long leave to change something in a freeze may last at most; then it is asked for again."""
FIRST_YEAR, LAST_YEAR = 2000, 2100


@dataclass(frozen=True, slots=True)
class Standing:
    """What somebody is in the organisation, as far as one freeze is concerned.

    `leads_covered`: leads a team that the freeze covers, or that owns a service which it covers.
    """

    is_admin: bool
    leads_covered: bool
    leads_any: bool


def may_decide_on_freeze(standing: Standing, *, is_wide: bool) -> Decision:
    """Leads of a team that a freeze covers, and administrators, declare, end and override it.

    One that covers every service is for the leads of all teams.
    """
    rule = "may_decide_on_freeze"
    if standing.is_admin or standing.leads_covered or (is_wide and standing.leads_any):
        return Decision(rule, ALLOWED, "Leads a team that it covers, or administers.")
    if is_wide:
        return Decision(rule, REFUSED, "Only a lead of a team, or an administrator, can do this.")
    because = "Only a lead of a team that owns one of these services, or an administrator, can do this."
    return Decision(rule, REFUSED, because)


class Fault(NamedTuple):
    """What is wrong with the terms of a freeze: the field, the rule and a sentence."""

    field: str
    rule: str
    because: str


def freeze_is_sound(terms: recurrence.Terms, *, is_known_zone: bool) -> Decision:
    """A freeze ends after it begins, in years that somebody will see, and repeats by a rule that comes again."""
    found = fault_of(terms, is_known_zone=is_known_zone)
    if found is None:
        return Decision("freeze_is_sound", ALLOWED, "It can be declared so.")
    return Decision(found.rule, REFUSED, found.because)


def fault_of(terms: recurrence.Terms, *, is_known_zone: bool) -> Fault | None:
    """The first thing that is wrong with these terms, None if nothing is."""
    for field, moment in (("start", terms.start), ("end", terms.end)):
        if not FIRST_YEAR <= moment.year < LAST_YEAR:
            because = f"The year must be between {FIRST_YEAR} and {LAST_YEAR}."
            return Fault(field, "freeze_is_sound", because)
    if terms.end <= terms.start:
        return Fault("end", "freeze_ends_after_start", "The end must be after the start.")
    if not terms.rrule:
        return None
    if not is_known_zone:
        because = "A freeze that repeats needs the time zone whose clocks it follows, such as Europe/Berlin."
        return Fault("time_zone", "time_zone_needed", because)
    try:
        recurrence.check(terms)
    except BadRule as bad:
        return Fault("rrule", "recurrence", str(bad))
    return None


def freeze_lies_ahead(*, last_end: datetime | None, now: datetime) -> Decision:
    """A freeze is declared before it is over; the past is not rewritten."""
    if last_end is not None and last_end <= now:
        return Decision("freeze_lies_ahead", REFUSED, "This time is over already. Choose one that is still to come.")
    return Decision("freeze_lies_ahead", ALLOWED, "It is still to come, or goes on.")


def freeze_is_running(*, ended_at: datetime | None, last_end: datetime | None, now: datetime) -> Decision:
    """Only a freeze that is in force or still to come can be ended or overridden."""
    if ended_at is not None:
        return Decision("freeze_is_running", REFUSED, "This freeze was ended already.")
    if last_end is not None and last_end <= now:
        return Decision("freeze_is_running", REFUSED, "This freeze is over already.")
    return Decision("freeze_is_running", ALLOWED, "It is in force or still to come.")


def freeze_keeps_its_past(before: recurrence.Terms, after: recurrence.Terms, *, now: datetime) -> Decision:
    """What a freeze said of times that have come stays so: once begun it keeps its start; if it repeats, its times."""
    rule = "freeze_keeps_its_past"
    if now < before.start:
        return Decision(rule, ALLOWED, "It has not begun.")
    if after.start != before.start:
        return Decision(rule, REFUSED, "It has begun, so its start stays. End it and declare another one.")
    if before.rrule and (after.end, after.rrule, after.time_zone) != (before.end, before.rrule, before.time_zone):
        return Decision(rule, REFUSED, "It has begun to repeat, so its times stay. End it and declare another one.")
    return Decision(rule, ALLOWED, "Nothing that is past differs.")


# --- Overrides -------------------------------------------------------------------------------------------------------


def nothing_to_override(*, is_hard: bool) -> Decision:
    """A soft freeze only warns, so there is nothing to override."""
    if is_hard:
        return Decision("nothing_to_override", ALLOWED, "A hard freeze forbids, so leave can be given.")
    return Decision("nothing_to_override", REFUSED, "A soft freeze only warns. Go ahead without an override.")


def override_is_short(*, expires_at: datetime, now: datetime, begins: datetime | None = None) -> Decision:
    """Leave to change something in a freeze ends within seven days: of now, or of when the freeze `begins` later.

    It ends after that too, since leave that ends before its freeze begins would let nothing through.
    """
    if expires_at <= now:
        return Decision("override_is_short", REFUSED, "This time has passed. Choose when the override shall end.")
    if begins is not None and expires_at <= begins:
        because = f"The freeze begins only on {begins.astimezone(UTC):%A %d %B, %H:%M} UTC. Choose an end after that."
        return Decision("override_is_short", REFUSED, because)
    if expires_at > max(now, begins or now) + LONGEST_OVERRIDE:
        because = f"An override lasts {LONGEST_OVERRIDE.days} days at most. Choose an earlier end."
        return Decision("override_is_short", REFUSED, because)
    return Decision("override_is_short", ALLOWED, "It ends soon enough.")


def override_confirmed_by_another(*, requested_by: str, confirmer: str) -> Decision:
    """Who asked for an override cannot confirm it, nor with another account of the same mailbox.

    Nobody is excepted; a token counts as its owner.
    """
    if requested_by == confirmer:
        return Decision("four_eyes", REFUSED, "You asked for this override, so somebody else must confirm it.")
    return Decision("four_eyes", ALLOWED, "Another person than the one who asked.")


def override_is_open(*, is_confirmed: bool, expires_at: datetime, now: datetime, is_revoked: bool = False) -> Decision:
    """An override is confirmed once, before it expires, and not after it was revoked."""
    if is_revoked:
        return Decision("override_is_open", REFUSED, "This override was revoked. Ask for a new one.")
    if is_confirmed:
        return Decision("override_is_open", REFUSED, "This override was confirmed already.")
    if expires_at <= now:
        return Decision("override_is_open", REFUSED, "This override has expired. Ask for a new one.")
    return Decision("override_is_open", ALLOWED, "It waits for a second person.")


def override_revocable(*, is_revoked: bool, expires_at: datetime, now: datetime) -> Decision:
    """Leave, or the question for it, is revoked once and while it lasts."""
    if is_revoked:
        return Decision("override_revocable", REFUSED, "This override was revoked already.")
    if expires_at <= now:
        return Decision("override_revocable", REFUSED, "This override has expired by itself.")
    return Decision("override_revocable", ALLOWED, "It lasts, or waits.")


def override_can_be_confirmed(*, others: int) -> Decision:
    """Somebody else must be there who may confirm; said when it is asked for, not when it is urgent."""
    if others:
        return Decision("quorum_unsatisfiable", ALLOWED, "Somebody else can confirm it.")
    because = "Nobody but you could confirm this: it takes another lead of a covered team, or an administrator."
    return Decision("quorum_unsatisfiable", REFUSED, because)
