"""A linter for sentences that blame: it hints, offers another way to say it, and never stands in the way. Pure.

Why: an individual's action is never a root cause; asking what made it easy to do finds one.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple


class Pattern(NamedTuple):
    """Words that blame, why they do, and what to write instead."""

    words: str
    because: str
    instead: str


PATTERNS = (
    Pattern(
        r"should(?: not|n't)? have\b",
        "judges with what is known today",
        "Say what made it hard to know: what did they see?",
    ),
    Pattern(
        r"could(?: not|n't)? have\b",
        "judges with what is known today",
        "Say what would have had to be there for it to be easy.",
    ),
    Pattern(r"must(?: not|n't)? have\b", "judges with what is known today", "Say what was known at that moment."),
    Pattern(
        r"human error|operator error|user error", "ends the question at a person", "Ask what let the system accept it."
    ),
    Pattern(
        r"failed to|neglected to|forgot(?:ten)? to",
        "names what somebody did not do",
        "Say what was done, and what reminded nobody.",
    ),
    Pattern(
        r"careless(?:ly|ness)?|sloppy|negligen\w+|incompeten\w+|lazy|stupid",
        "judges a person",
        "Say what the work looked like from where they stood.",
    ),
    Pattern(
        r"(?:his|her|their|whose) fault|to blame|blame(?:d|s)?\b",
        "looks for somebody guilty",
        "Ask what made this the likely thing to happen.",
    ),
    Pattern(
        r"(?:did not|didn't) (?:bother|care|pay attention|follow)",
        "judges a person",
        "Say what stood in the way of the procedure.",
    ),
    Pattern(
        r"common sense|obvious(?:ly)?|simply|just had to",
        "is only clear afterwards",
        "Say which signal there was, and how it looked.",
    ),
    Pattern(
        r"be more careful|pay more attention|try harder",
        "asks people to be better",
        "Change what they work with, so that care is not needed.",
    ),
)
_COMPILED = [(re.compile(rf"\b(?:{pattern.words})", re.IGNORECASE), pattern) for pattern in PATTERNS]


class Hint(NamedTuple):
    """A place in a text: [start, end), the words there, why they blame, and what to write instead."""

    start: int
    end: int
    words: str
    because: str
    instead: str


def hints(text: str, names: Iterable[str] = ()) -> list[Hint]:
    """What to look at again in a text, in its order; `names` are those of people, whom no published text names."""
    found = [
        Hint(match.start(), match.end(), match[0], pattern.because, pattern.instead)
        for compiled, pattern in _COMPILED
        for match in compiled.finditer(text)
    ]
    for name in names:
        if len(name) < 2:
            continue
        for match in re.finditer(rf"\b{re.escape(name)}\b", text, re.IGNORECASE):
            because, instead = "names a person", "Write the role instead, as in “the commander” or “whoever deployed”."
            found.append(Hint(match.start(), match.end(), match[0], because, instead))
    return sorted(found)


def without_names(text: str, roles: Iterable[tuple[str, str]]) -> str:
    """The text with roles in the place of names, given (name, role); longer names first."""
    for name, role in sorted(roles, key=lambda pair: -len(pair[0])):
        if len(name) >= 2:
            text = re.sub(rf"\b{re.escape(name)}\b", role, text, flags=re.IGNORECASE)
    return text
