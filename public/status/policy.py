"""What the status page says, in words. Pure: no database, no clock."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from incidents.availability import RANK, worst
from incidents.states import Level
from workflow.lines import listed

WORKS, MAINTENANCE = "works", "maintenance"
SAID = {
    Level.DOWN.value: ("is down", "are down"),
    Level.PARTIAL.value: ("is partly down", "are partly down"),
    Level.DEGRADED.value: ("is degraded", "are degraded"),
    MAINTENANCE: ("is being maintained", "are being maintained"),
}
"""How a status is said of one component and of several, the worst first."""
MOST_NAMED = 4


@dataclass(frozen=True, slots=True)
class Statement:
    """The answer to “is it me or them?”: a status, and a sentence."""

    status: str
    sentence: str


def effective_status(levels: Iterable[str], *, is_maintained: bool) -> str:
    """The status of one component: the worst of what open incidents do to it, else maintenance, else that it works."""
    hurt = worst(levels)
    if hurt:
        return hurt
    return MAINTENANCE if is_maintained else WORKS


def statement(statuses: Mapping[str, str]) -> Statement:
    """What to say of all components, given {name: status}: the worst first, and that everything else works."""
    groups = [(status, [name for name, has in statuses.items() if has == status]) for status in SAID]
    told = [(status, names) for status, names in groups if names]
    if not told:
        return Statement(WORKS, "Everything works.")
    said = [f"{listed(names, most=MOST_NAMED)} {SAID[status][len(names) > 1]}" for status, names in told]
    sentence = f"{listed(said)}."
    is_all = sum(len(names) for _, names in told) == len(statuses)
    return Statement(told[0][0], sentence if is_all else f"{sentence} Everything else works.")


def public_title(names: Sequence[str], levels: Iterable[str]) -> str:
    """What an incident is called outside, where nobody knows its title: which components, and how badly."""
    if not names:
        return "A problem that customers notice"
    level = worst(levels) or Level.DEGRADED.value
    return f"{listed(names, most=MOST_NAMED)} {SAID[level][len(names) > 1].replace('is ', '').replace('are ', '')}"


def day_word(level: str, *, is_maintained: bool = False) -> str:
    """How a day is called in its bar: works, maintenance, degraded, partial or down."""
    if level in RANK:
        return level
    return MAINTENANCE if is_maintained else WORKS
