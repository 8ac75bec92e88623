"""Text that stands on one line: in titles, in subjects of mails, in the first lines of messages."""

from collections.abc import Sequence

TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""The characters that change the direction of writing."""
UNSEEN = TURNING | frozenset("\u00ad\u180e\u200b\u2060\u2061\u2062\u2063\u2064\ufeff")
"""These, and others that take no room at all. Joiners are not among them: emoji and some scripts need those."""
BRIEF = 300


def line_fault(text: str) -> str:
    """Why a text cannot stand on one line as everybody reads it, as a sentence; empty if it can."""
    if len(text.splitlines()) > 1:
        return "It has a line break. Write it on one line."
    if any(character in UNSEEN or character < " " or "\x7f" <= character < "\xa0" for character in text):
        return "It has a character that cannot be seen. Leave it out."
    return ""


def brief(text: str, *, most: int = BRIEF) -> str:
    """The beginning of a text on one line, in at most that many characters."""
    line = "".join(character for character in " ".join(text.split()) if character not in UNSEEN and character >= " ")
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}…"


def listed(names: Sequence[str], *, last: str = "and", most: int = 0) -> str:
    """`Ann`, `Ann and Bo`, `Ann, Bo and Cy`; empty for none. `last` is the word before the last one.

    With `most`, of more names than that one less is told and the rest counted: `Ann, Bo, Cy and 2 others`.
    """
    if most and len(names) > most:
        names = [*names[: most - 1], f"{len(names) - most + 1} others"]
    return f" {last} ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
