"""The calendar in the words of the API. Shape only."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.http import QueryDict

from changes.calendar.agenda import Entry
from changes.calendar.filters import LABELS, read_filters
from changes.calendar.policy import Collision, Span
from changes.calendar.queries import Surroundings, sentences
from changes.filters import READERS
from changes.freezes.queries import FreezeWindow
from workflow.errors import InvalidFields

LONGEST = timedelta(days=92)
USUAL = timedelta(days=14)
"""How far it reaches when nobody says until when."""


class Asked(NamedTuple):
    """The time and the filters that a program asks for."""

    span: Span
    filters: dict[str, Any]


def read_asked(query: QueryDict, *, now: datetime) -> Asked:
    """What a query string asks for, from now on for 14 days unless it says otherwise; raises InvalidFields (400)."""
    known = ("from", "to", *LABELS)
    errors = [
        (name, "unknown_parameter", f"“{name[:40]}” is no parameter of the calendar. Known: {', '.join(known)}.")
        for name in query
        if name not in known
    ]
    start = _moment(query, "from", errors) or now
    end = _moment(query, "to", errors) or start + USUAL
    if not errors and end <= start:
        errors.append(("to", "invalid", "`to` must be after `from`."))
    if not errors and end - start > LONGEST:
        errors.append(("to", "span_too_long", f"Ask for {LONGEST.days} days at most."))
    filters = _filters(query, errors)
    if errors:
        raise InvalidFields(errors, status=400)
    return Asked(Span(start, end), filters)


def read_narrowed(query: QueryDict) -> dict[str, Any]:
    """The filters of a feed; raises InvalidFields (400)."""
    errors = [
        (name, "unknown_parameter", f"“{name[:40]}” is no parameter of this feed. Known: {', '.join(LABELS)}.")
        for name in query
        if name not in LABELS
    ]
    filters = _filters(query, errors)
    if errors:
        raise InvalidFields(errors, status=400)
    return filters


def _filters(query: QueryDict, errors: list[tuple[str, str, str]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in LABELS:
        complaints: list[str] = []
        one = QueryDict(mutable=True)
        one[name] = query.get(name, "")
        found |= read_filters(one, complaints)[0]
        errors += [(name, "invalid", sentence) for sentence in complaints]
    return found


def _moment(query: QueryDict, name: str, errors: list[tuple[str, str, str]]) -> datetime | None:
    text = query.get(name, "")
    if not text:
        return None
    read: Callable[[str, str], tuple[Any, str]] = READERS["since"]
    at, complaint = read(name, text)
    if complaint:
        errors.append((name, "invalid", complaint))
        return None
    assert isinstance(at, datetime)
    return at


def entry_json(entry: Entry) -> dict[str, Any]:
    """One change of the calendar."""
    return {
        "ref": entry.ref,
        "url": f"{settings.BASE_URL}/changes/{entry.ref}",
        "title": entry.title,
        "authorization": entry.authorization,
        "state": entry.state,
        "outcome": entry.outcome or None,
        "risk": entry.risk or None,
        "customer_impacting": entry.customer_impacting,
        "service": entry.service,
        "environment": entry.environment,
        "start": entry.begins,
        "end": entry.ends,
    }


def freeze_json(window: FreezeWindow) -> dict[str, Any]:
    """One time of a freeze."""
    return {
        "id": window.freeze_id,
        "name": window.name,
        "reason": window.reason,
        "covers": window.covers,
        "hard": window.is_hard,
        "start": window.start,
        "end": window.end,
    }


def collisions_json(
    found: Iterable[Collision], around: Surroundings, names: Mapping[int | None, str]
) -> list[dict[str, Any]]:
    """The collisions; start and end are of the time that both want, `names` those of the people who carry them out."""
    return [
        {
            "changes": [f"CHG-{hit.one.id}", f"CHG-{hit.other.id}"],
            "reason": hit.touches[0].reason.value,
            "because": sentences(hit.touches, around, implementer=names.get(hit.one.implementer_id, "The same person")),
            "blocks": hit.blocks,
            "start": max(hit.one.span.start, hit.other.span.start),
            "end": min(hit.one.span.end, hit.other.span.end),
        }
        for hit in found
    ]
