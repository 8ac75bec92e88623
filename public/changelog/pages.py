"""What outsiders read in the change log, as content for a page, for JSON and for feeds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.http import Http404, QueryDict
from django.utils import timezone
from django.utils.feedgenerator import Atom1Feed, Rss201rev2Feed, SyndicationFeed

from catalog.models import Service
from public import boundary
from public.changelog.models import Note
from public.look import look
from workflow.errors import Malformed
from workflow.lists import Slice, Wanted, page_of
from workflow.paging import Cursor, read_cursor

PAGE, FEED = 20, 30
LONGEST_SEARCH = 100
FEEDS: dict[str, type[SyndicationFeed]] = {"atom": Atom1Feed, "rss": Rss201rev2Feed}


@dataclass(frozen=True, slots=True)
class Search:
    """What an outsider looks for: a component and words, both may be missing."""

    component: Service | None
    words: str
    cursor: Cursor | None


def search_of(query: QueryDict) -> Search:
    """What a query string asks for; raises Http404 for a component or a cursor that is none."""
    slug = query.get("component", "").replace("\x00", " ")
    component = boundary.components().filter(slug=slug).first() if slug else None
    if slug and component is None:
        raise Http404("There is no such component.")
    words = " ".join(query.get("q", "").replace("\x00", " ").split())[:LONGEST_SEARCH]
    try:
        return Search(component, words, read_cursor(query.get("cursor", "")))
    except Malformed as bad:
        raise Http404(bad.message) from bad


def found(search: Search, *, now: datetime, size: int = PAGE) -> Slice[Note]:
    """One page of what is public and fits, the newest first."""
    rows = boundary.notes_of(search.component, now=now) if search.component else boundary.notes(now=now)
    for word in search.words.split():
        rows = rows.filter(Q(title__icontains=word) | Q(text__icontains=word))
    return page_of(rows, Wanted({}, search.cursor, size), at="listed_at")


def content_of(query: QueryDict, *, now: datetime) -> dict[str, Any]:
    """The page: notes by month and day, the components to choose from, and the addresses of its neighbours."""
    search = search_of(query)
    page = found(search, now=now)
    return {
        "months": _by_month(page.rows),
        "components": list(boundary.components()),
        "search": search,
        "newer": _address(page.newer, query),
        "older": _address(page.older, query),
    }


def note_content(pk: int, *, now: datetime) -> dict[str, Any]:
    """The page of one note; raises Http404 unless it is public."""
    note = boundary.notes(now=now).filter(pk=pk).first()
    if note is None:
        raise Http404("There is no such entry in the change log.")
    return {"line": _line(note)}


def json_content(query: QueryDict, *, now: datetime) -> dict[str, Any]:
    """The page as JSON."""
    page = found(search_of(query), now=now)
    return {
        "results": [_as_json(note) for note in page.rows],
        "next": _whole(_address(page.older, query, path="/changelog.json")),
        "previous": _whole(_address(page.newer, query, path="/changelog.json")),
    }


def feed_of(form: str, query: QueryDict, *, now: datetime) -> str:
    """The newest 30 notes as a feed, `atom` or `rss`; the ids stay the same for ever."""
    search = search_of(query)
    feed = FEEDS[form](
        title=f"{look().name}: change log",
        link=f"{settings.BASE_URL}/changelog",
        description="What changed, after it worked.",
        feed_url=f"{settings.BASE_URL}/changelog.{form}",
        language="en",
    )
    for note in found(search, now=now, size=FEED).rows:
        address = f"{settings.BASE_URL}/changelog/{note.pk}"
        names = [component.name for component in boundary.components_of(note.change)]
        feed.add_item(
            title=note.title,
            link=address,
            description=note.text or note.title,
            unique_id=address,
            pubdate=note.listed_at,
            updateddate=note.edited_at or note.published_at,
            categories=names,
        )
    return str(feed.writeString("utf-8"))


def _by_month(notes: Sequence[Note]) -> list[tuple[datetime, list[tuple[datetime, list[dict[str, Any]]]]]]:
    """(first note's time, its days), where a day is (its time, its lines), on the clock that counts here."""
    lines = [_line(note) for note in notes]
    return [(days[0][0], days) for days in (_by_day(list(month)) for _, month in groupby(lines, _month))]


def _by_day(lines: Iterable[dict[str, Any]]) -> list[tuple[datetime, list[dict[str, Any]]]]:
    days = [list(day) for _, day in groupby(lines, lambda line: line["at"].date())]
    return [(day[0]["at"], day) for day in days]


def _month(line: dict[str, Any]) -> tuple[int, int]:
    return line["at"].year, line["at"].month


def _line(note: Note) -> dict[str, Any]:
    assert note.listed_at is not None
    return {
        "note": note,
        "at": timezone.localtime(note.listed_at),
        "components": boundary.components_of(note.change),
        "address": f"/changelog/{note.pk}",
    }


def _as_json(note: Note) -> dict[str, Any]:
    return {
        "id": note.pk,
        "url": f"{settings.BASE_URL}/changelog/{note.pk}",
        "kind": note.kind,
        "title": note.title,
        "text": note.text,
        "components": [component.slug for component in boundary.components_of(note.change)],
        "at": note.listed_at,
        "published_at": note.published_at,
        "edited_at": note.edited_at,
    }


def _address(cursor: Cursor | None, query: QueryDict, *, path: str = "/changelog") -> str:
    if cursor is None:
        return ""
    turned = query.copy()
    turned["cursor"] = str(cursor)
    return f"{path}?{turned.urlencode()}"


def _whole(address: str) -> str | None:
    return f"{settings.BASE_URL}{address}" if address else None
