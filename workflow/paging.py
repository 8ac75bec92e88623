"""Keyset paging: a cursor names the last row shown, so page 10,000 costs what page 1 costs and no row is skipped."""

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import orjson

from workflow.errors import Malformed

PAGE_SIZES = range(1, 201)
DEFAULT_PAGE_SIZE = 50
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a list that runs from new to old.

    `at` and `id` are those of the row at the edge of the page shown before; `is_newer` asks for the rows above it.
    """

    at: datetime
    id: int
    is_newer: bool = False

    def __str__(self) -> str:
        microseconds = (self.at - _EPOCH) // timedelta(microseconds=1)
        return base64.urlsafe_b64encode(orjson.dumps([microseconds, self.id, int(self.is_newer)])).decode().rstrip("=")


def read_cursor(text: str) -> Cursor | None:
    """The cursor that `text` names, None for an empty text; raises Malformed("bad_cursor") for anything else."""
    if not text:
        return None
    try:
        microseconds, pk, newer = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if type(microseconds) is not int or type(pk) is not int or not 0 <= pk < 2**63:
            raise ValueError
        return Cursor(_EPOCH + timedelta(microseconds=microseconds), pk, bool(newer))
    except (ValueError, TypeError, OverflowError, binascii.Error) as error:
        raise Malformed(
            "bad_cursor", "This cursor is not one of ours. Follow `next` and `previous` as given."
        ) from error


def read_page_size(text: str) -> int:
    """The page size that `text` asks for, 50 when it is empty; raises Malformed outside 1–200."""
    if not text:
        return DEFAULT_PAGE_SIZE
    if not (text.isascii() and text.isdigit()) or len(text) > 3 or int(text) not in PAGE_SIZES:
        raise Malformed(
            "bad_page_size", f"page_size is “{text[:20]}”. Write a number from 1 to 200.", field="page_size"
        )
    return int(text)
