"""The rules of the public change log. Pure: no database, no clock."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from changes.states import Outcome, State
from workflow.decisions import Decision
from workflow.lines import brief

ALLOWED, REFUSED, WAITS = "allowed", "refused", "waits"
WORKED = frozenset({Outcome.SUCCEEDED, Outcome.SUCCEEDED_WITH_ISSUES})
"""How a change must have ended before customers read about it."""
DONE = frozenset({State.FINISHED, State.CLOSED})
LONGEST_EMBARGO = timedelta(days=366)
TITLE = 120


@dataclass(frozen=True, slots=True)
class Standing:
    """What somebody has to do with a change: it is theirs (they asked for it or do it), or their team's."""

    is_admin: bool
    is_theirs: bool
    is_in_owning_team: bool


def may_write_public_note(standing: Standing) -> Decision:
    """Whoever asked for a change or makes it, the people of the owning team and administrators tell customers of it."""
    rule = "may_write_public_note"
    if standing.is_admin or standing.is_theirs or standing.is_in_owning_team:
        return Decision(rule, ALLOWED, "Has to do with the change.")
    because = "Only whoever asked for the change or makes it, the owning team and administrators write this note."
    return Decision(rule, REFUSED, because)


def change_may_be_told(*, customer_impacting: bool, is_production: bool, has_public_service: bool) -> Decision:
    """Customers read of what they may feel: in production, on at least one service that is public."""
    rule = "change_may_be_told"
    if not customer_impacting:
        return Decision(rule, REFUSED, "Customers do not notice this change, so it is not for the change log.")
    if not is_production:
        return Decision(rule, REFUSED, "This change is not in production, so customers do not notice it.")
    if not has_public_service:
        return Decision(rule, REFUSED, "None of its services is public. Mark the service as public first.")
    return Decision(rule, ALLOWED, "Customers may notice it.")


def note_goes_out(*, state: str, outcome: str, embargo_until: datetime | None, now: datetime) -> Decision:
    """A note goes out after the change has worked and its embargo is over; never before, never after a way back."""
    rule = "note_goes_out"
    if state not in DONE:
        return Decision(rule, WAITS, "It goes out when the change has succeeded.")
    if outcome not in WORKED:
        return Decision(rule, REFUSED, "The change did not succeed, so customers are not told of it.")
    if embargo_until is not None and embargo_until > now:
        return Decision(rule, WAITS, "It goes out when its embargo is over.")
    return Decision(rule, ALLOWED, "The change has succeeded.")


def embargo_is_sound(*, embargo_until: datetime | None, now: datetime) -> Decision:
    """An embargo ends within a year, so that a slip of the year hides nothing for ever."""
    if embargo_until is not None and embargo_until > now + LONGEST_EMBARGO:
        return Decision("embargo_is_sound", REFUSED, "An embargo lasts a year at most. Choose an earlier day.")
    return Decision("embargo_is_sound", ALLOWED, "It ends within a year.")


def words_of(public_note: str) -> tuple[str, str]:
    """The title and the text that a change's public note makes: its first line or sentence, and the rest."""
    said = public_note.strip()
    first, _, rest = said.partition("\n")
    if not rest.strip():
        sentence, dot, after = first.partition(". ")
        if dot:
            first, rest = f"{sentence}.", after
    first = first.strip()
    if len(first) > TITLE:
        return brief(first, most=TITLE), said
    is_one_sentence = ". " not in first and not first.endswith("..")
    return first.removesuffix(".") if is_one_sentence else first, rest.strip()
