"""The pages of the watch."""

from dataclasses import replace
from functools import partial

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.callers import caller_of_person
from accounts.pages import act, attempt, reader, succeeds
from oncall import actions, board, queries, watching
from oncall.declared import DeclaredSchedule
from oncall.feed import AHEAD, BACK, MEDIA_TYPE, feed_of
from oncall.forms import RotationForm, ScheduleForm, ShiftForm, usual_zone
from oncall.models import Schedule
from oncall.shifts import actions as shifts
from oncall.shifts import queries as shift_queries
from oncall.shifts.reading import read_stint


def _found(slug: str) -> Schedule:
    schedule = queries.schedule_named(slug)
    if schedule is None:
        raise Http404(f"There is no schedule {slug}.")
    return schedule


@login_required
@require_safe
def oncall(request: HttpRequest) -> HttpResponse:
    """Who has which watch now and next, and what is the reader's."""
    return render(request, "oncall/list.html", {"page": board.page_of(reader(request), now=timezone.now())})


@login_required
def new_schedule(request: HttpRequest) -> HttpResponse:
    """Begin a schedule."""
    me = reader(request)
    form = ScheduleForm(request.POST or None, initial={"time_zone": usual_zone(me)})
    if request.method == "POST":
        made = attempt(form, lambda: actions.declare_schedule(form.declared(), by=caller_of_person(me)))
        if made:
            messages.success(request, f"{made.name} is there. Now say who takes turns.")
            return redirect(f"/oncall/{made.slug}/rotations/new")
    return render(request, "oncall/new.html", {"form": form})


@login_required
@require_safe
def schedule(request: HttpRequest, slug: str) -> HttpResponse:
    """One watch: who has it when, by whose turn, and where it has gaps."""
    return _shown(request, _found(slug))


def _shown(request: HttpRequest, found: Schedule, form: ShiftForm | None = None, *, status: int = 200) -> HttpResponse:
    page = board.dossier_of(found, reader(request), now=timezone.now())
    shown = form or ShiftForm(people=page.choosable)
    return render(request, "oncall/schedule.html", {"page": page, "form": shown}, status=status)


# --- Rotations -------------------------------------------------------------------------------------------------------


@login_required
def rotation(request: HttpRequest, slug: str, name: str = "") -> HttpResponse:
    """One rotation; what an edit would change is shown before it is kept."""
    found, by = _found(slug), caller_of_person(reader(request))
    whole = queries.declared_of(found)
    present = next((one for one in whole.rotations if one.name == name), None)
    if name and present is None:
        raise Http404(f"{found.name} has no rotation {name}.")
    form = RotationForm(request.POST or None, zone=found.time_zone, present=present)
    context = {"form": form, "schedule": found, "name": name, "back": f"/oncall/{slug}"}
    if "keep" in request.POST:
        if succeeds(form, lambda: actions.replace_schedule(slug, _with(whole, form), by=by)):
            messages.success(request, "The rotation is kept.")
            return redirect(f"/oncall/{slug}")
    elif request.method == "POST":
        context |= attempt(form, lambda: board.preview_of(slug, _with(whole, form), by=by)) or {}
    return render(request, "oncall/rotation.html", context)


def _with(whole: DeclaredSchedule, form: RotationForm) -> DeclaredSchedule:
    wanted = form.declared()
    others = [wanted if one.name == wanted.name else one for one in whole.rotations]
    return replace(whole, rotations=others if wanted in others else [*others, wanted])


# --- Exceptions ------------------------------------------------------------------------------------------------------


@login_required
@require_POST
def take(request: HttpRequest, slug: str) -> HttpResponse:
    """Take a shift that the table names."""
    me, back = reader(request), f"/oncall/{_found(slug).slug}"

    def deed() -> object:
        start, end = read_stint(request.POST)
        return shifts.add_override(slug, shifts.Wish(me.email, start, end), by=caller_of_person(me))

    return act(request, deed, done="You have this watch now.", back=back)


@login_required
@require_POST
def other(request: HttpRequest, slug: str) -> HttpResponse:
    """Let somebody else have the watch, or ask them to swap."""
    found, by = _found(slug), caller_of_person(reader(request))
    form = ShiftForm(request.POST, people=shift_queries.choosable(found))
    deed = shifts.ask_swap if "ask" in request.POST else shifts.add_override
    if not succeeds(form, lambda: deed(slug, form.wish(), by=by)):
        return _shown(request, found, form, status=422)
    done = "They are asked. It counts once they agree." if "ask" in request.POST else "The override counts."
    messages.success(request, done)
    return redirect(f"/oncall/{slug}")


@login_required
@require_POST
def cancel(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Take an override back."""
    deed = partial(shifts.cancel_override, slug, pk, by=caller_of_person(reader(request)))
    return act(request, deed, done="The override is taken back.", back=f"/oncall/{_found(slug).slug}")


@login_required
@require_POST
def answer(request: HttpRequest, pk: int) -> HttpResponse:
    """Agree to a swap, or decline it."""
    agrees = "agree" in request.POST
    deed = partial(shifts.answer_swap, pk, agrees=agrees, by=caller_of_person(reader(request)))
    return act(request, deed, done="You have this watch now." if agrees else "You declined.", back="/oncall")


@login_required
@require_POST
def note(request: HttpRequest, slug: str) -> HttpResponse:
    """Leave word to whoever has the watch next."""
    text = request.POST.get("text", "").replace("\x00", "")
    deed = partial(shifts.leave_note, slug, text, by=caller_of_person(reader(request)))
    return act(request, deed, done="The note is left.", back=f"/oncall/{_found(slug).slug}#handover")


# --- Calendars -------------------------------------------------------------------------------------------------------


@login_required
def links(request: HttpRequest) -> HttpResponse:
    """The secret addresses at which calendars of other programs read the watch."""
    me, secret = reader(request), ""
    if request.method == "POST":
        slug = request.POST.get("schedule", "")
        _, secret = shifts.make_link(me, _found(slug) if slug else None)
    context = {"links": shift_queries.links_of(me), "schedules": queries.schedules(), "secret": secret}
    context["address"] = f"{settings.BASE_URL}/oncall/feeds/{secret}.ics"
    return render(request, "oncall/links.html", context)


@login_required
@require_POST
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a link show nothing from now on."""
    deed = partial(shifts.revoke_link, pk, by=reader(request))
    return act(request, deed, done="The link shows nothing any more.", back="/oncall/links")


@require_safe
def feed(request: HttpRequest, key: str) -> HttpResponse:
    """The watch as iCalendar, for whoever has the secret address."""
    link, now = shift_queries.link_behind(shifts.digest_of(key)), timezone.now()
    if link is None:
        raise Http404("There is no calendar under this address.")
    shifts.note_use(link, now=now)
    rows = queries.schedules().filter(pk=link.schedule_id) if link.schedule_id else queries.schedules()
    known = watching.watches(rows, now - BACK, now + AHEAD)
    name = link.schedule.name if link.schedule else f"On call: {link.owner.name}"
    body = feed_of(known, name=name, now=now, person=None if link.schedule_id else link.owner_id)
    return HttpResponse(body, content_type=MEDIA_TYPE)
