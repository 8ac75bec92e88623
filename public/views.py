"""What outsiders see. Nobody signs in here; what they may see is decided in `public.boundary`."""

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from changes.calendar.feed import MEDIA_TYPE
from public.changelog import pages
from public.look import logo_file, style_sheet
from public.page import public_json, public_page, public_text
from public.status import feeds
from public.status import pages as status_pages

FEED_TYPES = {"atom": "application/atom+xml; charset=utf-8", "rss": "application/rss+xml; charset=utf-8"}
LOOK_STAYS = "public, max-age=300"


@require_safe
def status(request: HttpRequest) -> HttpResponse:
    """Whether it is them or us: what works, what does not, and what was told about it."""
    return public_page(request, "public/status.html", lambda now: status_pages.content_of(now=now))


@require_safe
def status_history(request: HttpRequest) -> HttpResponse:
    """Everything that was told about incidents."""
    return public_page(request, "public/history.html", lambda _: status_pages.history_content(request.GET))


@require_safe
def status_incident(request: HttpRequest, key: str) -> HttpResponse:
    """One incident, with all that was told about it."""
    return public_page(request, "public/incident.html", lambda _: status_pages.incident_content(key))


@require_safe
def status_feed(request: HttpRequest, form: str) -> HttpResponse:
    """The status for programs: JSON, Atom or RSS."""
    if form == "json":
        return public_json(request, lambda now: status_pages.json_content(now=now))
    return public_text(request, FEED_TYPES[form], lambda _: feeds.feed_of(form))


@require_safe
def maintenance(request: HttpRequest) -> HttpResponse:
    """Announced maintenance, for calendars."""
    return public_text(request, MEDIA_TYPE, lambda now: feeds.calendar_of(now=now))


@require_safe
def change_log(request: HttpRequest) -> HttpResponse:
    """What changed for customers, after it worked."""
    return public_page(request, "public/changelog.html", lambda now: pages.content_of(request.GET, now=now))


@require_safe
def change_log_note(request: HttpRequest, pk: int) -> HttpResponse:
    """One entry of the change log."""
    return public_page(request, "public/note.html", lambda now: pages.note_content(pk, now=now))


@require_safe
def change_log_feed(request: HttpRequest, form: str) -> HttpResponse:
    """The change log for programs: JSON, Atom or RSS."""
    if form == "json":
        return public_json(request, lambda now: pages.json_content(request.GET, now=now))
    return public_text(request, FEED_TYPES[form], lambda now: pages.feed_of(form, request.GET, now=now))


@require_safe
def look_css(request: HttpRequest) -> HttpResponse:
    """The company's colour."""
    return HttpResponse(style_sheet(), content_type="text/css; charset=utf-8", headers={"Cache-Control": LOOK_STAYS})


@require_safe
def logo(request: HttpRequest) -> HttpResponse:
    """The company's logo."""
    found = logo_file()
    if found is None:
        raise Http404("There is no logo.")
    # A drawing that somebody opens by itself runs nothing.
    headers = {"Cache-Control": LOOK_STAYS, "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
    return HttpResponse(found[0], content_type=found[1], headers=headers)
