"""The parts of a message that has more to say than a paragraph: headings and lists of lines, free of any markup.

Each provider that can show them puts them into its own form; every message has its plain text besides.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Line:
    """One line: `label` leads to `url` where there is one, `text` goes on after it."""

    text: str
    label: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """Lines under a heading. `is_list` says that they stand side by side as items, and are no sentences in a row."""

    heading: str
    lines: Sequence[Line] = ()
    is_list: bool = True


def to_payload(parts: Iterable[Part]) -> list[list[Any]]:
    """The parts as they are kept with a message, in JSON."""
    return [[one.heading, [[line.text, line.label, line.url] for line in one.lines], one.is_list] for one in parts]


def from_payload(kept: Any) -> tuple[Part, ...]:
    """What `to_payload` made; nothing when somebody has spoilt it, since the plain text must go out all the same."""
    try:
        return tuple(
            Part(str(heading), tuple(Line(*map(str, line)) for line in lines), is_list=bool(is_list))
            for heading, lines, is_list in kept or []
        )
    except (TypeError, ValueError):
        return ()


def plain(parts: Iterable[Part]) -> str:
    """The parts as plain text; an address stands behind its line."""
    return "\n\n".join(_plain(part) for part in parts)


def _plain(part: Part) -> str:
    bullet = "- " if part.is_list else ""
    lines = [f"{bullet}{' '.join(filter(None, (line.label, line.text)))}{_address(line)}" for line in part.lines]
    return "\n".join(filter(None, [part.heading, *lines]))


def _address(line: Line) -> str:
    return f": {line.url}" if line.url else ""
