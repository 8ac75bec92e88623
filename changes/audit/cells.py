"""Values as cells of a CSV file that a spreadsheet may open."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a spreadsheet takes for the beginning of a formula."""
_NEXT_CELL = re.compile(r"([;\t]\s*)(?=[-=+@＝＋－＠])")
"""Where such a beginning would stand in a cell of its own, in a country where semicolons part the cells."""


def cell(value: object) -> str:
    """The value as text: times in UTC with microseconds, yes and no, nothing for None, never a formula."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return moment(value)
    text = str(value).replace("\x00", "")
    text = _NEXT_CELL.sub(r"\1'", text)
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA) else text


def moment(at: datetime) -> str:
    """A time as the ledger spells it: `2026-11-24T12:00:00.000000+00:00`."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def joined(values: Iterable[object]) -> str:
    """Several values in one cell."""
    return "; ".join(str(value) for value in values)
