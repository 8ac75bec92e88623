"""What outsiders see. Nobody signs in here; what they may see is decided in `public.boundary`."""

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from public.changelog import pages
from public.look import logo_file, style_sheet
from public.page import public_json, public_page, public_text

FEED_TYPES = {"atom": "application/atom+xml; charset=utf-8", "rss": "application/rss+xml; charset=utf-8"}
LOOK_STAYS = "public, max-age=300"


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
