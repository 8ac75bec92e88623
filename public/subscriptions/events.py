"""What there is to tell subscribers now; all of it out of `public.boundary`."""

from datetime import datetime

from django.utils import timezone

from changes.models import Change
from incidents.models import Incident, PublicUpdate
from public import boundary
from public.changelog.models import Note
from public.status import pages, policy
from public.subscriptions.actions import Event
from public.subscriptions.messages import News
from public.subscriptions.models import Dispatch
from public.subscriptions.policy import ALLOWED, NEWS_FOR, publication_is_news
from workflow import moments


def events(*, now: datetime) -> list[Event]:
    """What became public within the last day and was not sent to everybody yet, the oldest first."""
    found = [*_updates(now), *_notes(now), *_maintenance(now)]
    done = Dispatch.objects.filter(key__in=[event.news.key for event in found], done_at__isnull=False)
    sent = set(done.values_list("key", flat=True))
    return sorted((event for event in found if event.news.key not in sent), key=lambda event: event.at)


def _updates(now: datetime) -> list[Event]:
    recent = PublicUpdate.objects.filter(public=True, published_at__gte=now - NEWS_FOR)
    incidents = boundary.incidents().filter(pk__in=recent.values("incident"))
    return [
        _update(incident, update)
        for incident in incidents
        for update in boundary.updates_of(incident)
        if update.published_at and update.published_at >= now - NEWS_FOR
    ]


def _update(incident: Incident, update: PublicUpdate) -> Event:
    components, at = boundary.services_of(incident), update.published_at
    assert at is not None
    title = policy.public_title([one.name for one in components], boundary.levels_of(incident))
    status = PublicUpdate.Status(update.status).label
    path = pages.told(incident).address
    news = News(f"update:{update.pk}", f"{status}: {title}", f"{status}. {update.message}", path)
    return Event(news, "status", components, at)


def _notes(now: datetime) -> list[Event]:
    recent = boundary.notes(now=now).filter(published_at__gte=now - NEWS_FOR)
    return [_note(note) for note in recent if note.listed_at and _is_news(note.listed_at, now)]


def _is_news(at: datetime, now: datetime) -> bool:
    return publication_is_news(at=at, now=now).outcome == ALLOWED


def _note(note: Note) -> Event:
    assert note.published_at is not None
    news = News(f"note:{note.pk}", note.title, note.text or note.title, f"/changelog/{note.pk}")
    return Event(news, "changes", boundary.components_of(note.change), note.published_at)


def _maintenance(now: datetime) -> list[Event]:
    """Windows to come; one that is moved is told again."""
    coming = boundary.maintenance(since=now, now=now).filter(window_start__gt=now)
    return [_window(change) for change in coming[: pages.COMING]]


def _window(change: Change) -> Event:
    window = pages.window_of(change)
    start, end = timezone.localtime(window.start), timezone.localtime(window.end)
    when = f"{start:%A} {start.day} {start:%B %Y}, {moments.interval(start, end)} {moments.zone(start)}"
    names = ", ".join(component.name for component in window.components)
    text = "\n".join(text for text in (f"{when}: {window.title}", window.text) if text)
    key = f"maintenance:{change.pk}:{int(window.start.timestamp())}"
    return Event(News(key, f"Planned maintenance: {names}", text, "/status"), "status", window.components, window.start)
