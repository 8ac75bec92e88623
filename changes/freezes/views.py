"""The pages of freezes."""

from functools import partial

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.callers import Caller, caller_of_person
from accounts.pages import act, attempt, reader
from changes.beside import beside, is_whole
from changes.freezes import actions, narration, queries, recurrence, revising
from changes.freezes.content import LABELS, Declared, declared_of
from changes.freezes.dossier import dossier_of
from changes.freezes.forms import FreezeForm, OverrideForm
from changes.freezes.models import Freeze
from changes.freezes.policy import REFUSED
from changes.once import once_per_page


@login_required
@require_safe
def freezes(request: HttpRequest) -> HttpResponse:
    """What is frozen now, what will be, and what was."""
    now = timezone.now()
    board = narration.board_of(queries.open_freezes(now=now), queries.past_freezes(now=now), now=now)
    return render(request, "freezes/list.html", {"board": board})


@login_required
def new_freeze(request: HttpRequest) -> HttpResponse:
    """Declare a freeze; its times can be looked at before."""
    me = reader(request)
    form = FreezeForm(request.POST or None, zone=me.time_zone)
    times = None
    if request.method == "POST" and "preview" in request.POST:
        times = attempt(form, lambda: _times(form.declared()))
    elif request.method == "POST":
        made = attempt(form, lambda: _declare(form, caller_of_person(me)))
        if made:
            messages.success(request, f"{form.cleaned_data['name']} is declared. It counts from its first minute on.")
            return redirect(f"/freezes/{made}")
    return render(request, "freezes/edit.html", {"form": form, "times": times, "repeats": _repeats(form, times)})


def _declare(form: FreezeForm, by: Caller) -> str:
    """The id of the freeze; one page that is sent twice declares one."""
    declare = actions.declare_freeze
    return once_per_page(form, what="freeze", by=by, work=lambda: str(declare(form.declared(), by=by).pk))


@login_required
def edit_freeze(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a freeze other terms: those who may end it, until it is over."""
    found, by = _found(pk), caller_of_person(reader(request))
    refused = queries.may_decide(found, reader(request))
    if request.method != "POST" and refused.outcome == REFUSED:
        messages.error(request, f"You cannot edit {found.name}. {refused.because} Rule {refused.rule}.")
        return redirect(f"/freezes/{pk}")
    form = FreezeForm(request.POST or None, zone=reader(request).time_zone, present=declared_of(found))
    if request.method == "POST" and "preview" not in request.POST:
        seen = request.POST.get("seen", "")
        edited = attempt(form, lambda: revising.edit_freeze(pk, form.declared(), by=by, seen=seen))
        if edited:
            messages.success(request, f"{edited.name} is saved.")
            return redirect(f"/freezes/{pk}")
    return _edit_page(request, form, pk)


def _edit_page(request: HttpRequest, form: FreezeForm, pk: int) -> HttpResponse:
    found, seen, is_preview = _found(pk), request.POST.get("seen", ""), "preview" in request.POST
    present = declared_of(found)
    times = attempt(form, lambda: _times(form.declared())) if is_preview else None
    content = {"form": form, "freeze": found, "times": times, "repeats": _repeats(form, times)}
    is_late = bool(seen) and seen != present.edition and not is_preview and is_whole(form)
    if is_late:
        typed = form.declared().content
        content["beside"] = beside(found.ref, present=present.content, typed=typed, labels=LABELS)
    content["seen"] = seen if seen and not is_late else present.edition
    return render(request, "freezes/edit.html", content, status=409 if is_late else 200)


def _times(declared: Declared) -> list[recurrence.Window]:
    actions.judge(declared)
    return recurrence.next_windows(declared.terms, timezone.now(), most=narration.SHOWN_TIMES)


def _repeats(form: FreezeForm, times: list[recurrence.Window] | None) -> str:
    if times is None:
        return ""
    declared = form.declared()
    return narration.repeats_in_words(declared.terms.rrule, declared.time_zone)


# --- One freeze ------------------------------------------------------------------------------------------------------


@login_required
@require_safe
def freeze(request: HttpRequest, pk: int) -> HttpResponse:
    """One freeze: whether it stands in the way, when, for whom, and who has leave."""
    found = _found(pk)
    form = _override_form(request, found)
    return render(request, "freezes/freeze.html", dossier_of(found, reader(request), form=form))


def _override_form(request: HttpRequest, found: Freeze) -> OverrideForm:
    begins = queries.begins_at(found, now=timezone.now())
    return OverrideForm(request.POST or None, services=queries.services_covered(found), begins=begins)


def _found(pk: int) -> Freeze:
    found = queries.freeze_in_full(pk)
    if found is None:
        raise Http404(f"There is no freeze {pk}.")
    return found


@login_required
@require_POST
def ask_override(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for leave to change something in the freeze."""
    found, me = _found(pk), reader(request)
    form = _override_form(request, found)
    asked = attempt(form, lambda: _ask(pk, form, caller_of_person(me)))
    if asked is None:
        return render(request, "freezes/freeze.html", dossier_of(found, me, form=form), status=422)
    messages.success(request, "The override waits for a second person. Those who can confirm it have mail.")
    return redirect(f"/freezes/{pk}#overrides")


def _ask(pk: int, form: OverrideForm, by: Caller) -> str:
    """The id of the override; one page that is sent twice asks once."""
    wish = form.wish(now=timezone.now())
    ask = actions.ask_override
    return once_per_page(form, what=f"override of {pk}", by=by, work=lambda: str(ask(pk, wish, by=by).pk))


@login_required
@require_POST
def revoke_override(request: HttpRequest, pk: int, override: int) -> HttpResponse:
    """Take leave back, or the question for it."""
    deed = partial(revising.revoke_override, _found(pk).pk, override, by=caller_of_person(reader(request)))
    return act(request, deed, done="The override is revoked.", back=f"/freezes/{pk}#overrides")


@login_required
@require_POST
def confirm_override(request: HttpRequest, pk: int, override: int) -> HttpResponse:
    """Give the leave that somebody else asked for."""
    deed = partial(actions.confirm_override, _found(pk).pk, override, by=caller_of_person(reader(request)))
    done = "The override is confirmed. The leads of the affected teams are told."
    return act(request, deed, done=done, back=f"/freezes/{pk}#overrides")


@login_required
@require_POST
def end_freeze(request: HttpRequest, pk: int) -> HttpResponse:
    """End the freeze now."""
    found, reason = _found(pk), request.POST.get("reason", "").replace("\x00", "")[:4000]
    deed = partial(actions.end_freeze, pk, by=caller_of_person(reader(request)), reason=reason)
    return act(request, deed, done=f"{found.name} is ended. Changes are free again.", back=f"/freezes/{pk}")
