"""The pages of the calendar."""

from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.pages import act, attempt, reader
from changes.calendar import actions, agenda
from changes.calendar.feed import MEDIA_TYPE, feed_of
from changes.calendar.filters import LABELS, read_filters, read_wanted, told
from changes.calendar.forms import LinkForm
from changes.calendar.page import content_of


@login_required
@require_safe
def calendar(request: HttpRequest) -> HttpResponse:
    """What is coming in a week or a month, what stands in each other's way, and when nothing shall be changed."""
    now, zone = timezone.now(), ZoneInfo(timezone.get_current_timezone_name())
    wanted = read_wanted(request.GET, now=now, zone=zone)
    status = 400 if wanted.complaints else 200
    return render(request, "calendar/calendar.html", content_of(wanted, now=now), status=status)


# --- Links for other programs ----------------------------------------------------------------------------------------


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def links(request: HttpRequest) -> HttpResponse:
    """One's own secret links, and the form that makes one."""
    me = reader(request)
    given = request.POST if request.method == "POST" else None
    form = LinkForm(given, initial={name: request.GET.get(name, "") for name in LABELS})
    if request.method == "POST":
        made = attempt(form, lambda: actions.make_link(me, form.query()))
        if made:
            address = f"{settings.BASE_URL}/calendar/{made[1]}.ics"
            return render(request, "calendar/link_made.html", {"address": address, "shows": told(made[0].query)})
    shown = [(link, told(link.query)) for link in agenda.links_of(me)]
    return render(request, "calendar/links.html", {"form": form, "links": shown}, status=422 if form.errors else 200)


@login_required
@require_POST
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a link show nothing from now on."""
    done = "The link is revoked. Whoever still has it sees nothing more."
    return act(request, lambda: actions.revoke_link(pk, by=reader(request)), done=done, back="/calendar/links")


@require_safe
def personal_feed(request: HttpRequest, key: str) -> HttpResponse:
    """The calendar behind a secret link, for a program that cannot sign in."""
    link, now = agenda.link_behind(actions.digest_of(key)), timezone.now()
    if link is None:
        raise Http404("There is no calendar under this address.")
    actions.note_use(link, now=now)
    filters, _ = read_filters(QueryDict(link.query), [])
    body = feed_of(agenda.in_feed(filters, now=now), name=f"Changes, {told(link.query)}", now=now)
    return HttpResponse(body, content_type=MEDIA_TYPE)
