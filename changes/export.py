"""A list of changes as CSV, whatever its length: read and sent page by page, so that memory stays as it is."""

import csv
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from django.conf import settings

from changes.audit.cells import cell
from changes.models import Change
from changes.queries import ChangeList, ChangeRow, list_changes
from changes.states import Authorization

AT_ONCE = 1_000
"""How many rows are read together."""
BOM = "\ufeff"
"""Excel takes a CSV file for UTF-8 only if it begins so; other programs skip it."""
OF_ROW = (
    *("ref", "title", "type", "origin", "authorization", "state", "outcome", "verdict", "service", "environment"),
    *("pipeline", "run_id", "attempt", "version", "sha", "customer_impacting", "flags", "started_at", "finished_at"),
    *("created_at", "updated_at"),
)
MORE = ("risk", "window_start", "window_end", "requester__email", "public_note")
HEADINGS = (*OF_ROW, "risk", "window_start", "window_end", "requester", "public_note", "url")


class EachLine:
    """What `csv` writes to: it hands each line back."""

    def write(self, text: str) -> str:
        """The line itself."""
        return text


def csv_lines(wanted: ChangeList) -> Iterator[str]:
    """The file line by line, with its headings, from the newest change on; two statements for every thousand."""
    writer = csv.writer(EachLine())
    yield BOM + writer.writerow(HEADINGS)
    page_wanted = replace(wanted, cursor=None, size=AT_ONCE)
    while True:
        page = list_changes(page_wanted)
        more = _more_of(page.rows)
        for row in page.rows:
            yield writer.writerow(_cells(row, more.get(row.id, ())))
        if page.older is None:
            return
        page_wanted = replace(page_wanted, cursor=page.older)


def _more_of(rows: list[ChangeRow]) -> dict[int, tuple[Any, ...]]:
    found = Change.objects.filter(pk__in=[row.id for row in rows]).order_by().values_list("pk", *MORE)
    return {pk: tuple(rest) for pk, *rest in found}


def _cells(row: ChangeRow, more: tuple[Any, ...]) -> list[str]:
    said = [getattr(row, name) for name in OF_ROW]
    said[OF_ROW.index("customer_impacting")] = bool(row.customer_impacting)
    if row.authorization != Authorization.AUTO_EXEMPT:
        said[OF_ROW.index("verdict")] = ""
    url = f"{settings.BASE_URL}/changes/{row.ref}"
    return [cell(_moment(value)) for value in (*said, *(more or [None] * len(MORE)), url)]


def _moment(value: object) -> object:
    """A time in UTC as spreadsheets and scripts read it: `2026-11-24T12:00:00Z`."""
    return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if isinstance(value, datetime) else value
