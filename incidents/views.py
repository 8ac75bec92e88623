"""The pages of incidents."""

from functools import partial

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.callers import Caller, caller_of_person
from accounts.pages import act, attempt, reader
from changes.once import once_per_page
from incidents import declaring, forms, notes, queries
from incidents.board import board_of
from incidents.deeds import DEEDS
from incidents.dossier import blank_forms, dossier_of, seen
from incidents.models import Incident
from incidents.states import State
from incidents.timeline_api import read_as_known_at
from incidents.updates import actions as updates
from workflow.errors import InvalidFields, Missing


@login_required
@require_safe
def incidents(request: HttpRequest) -> HttpResponse:
    """The incidents that the reader may see, the one that was declared last first."""
    return render(request, "incidents/list.html", board_of(request.GET, reader(request), now=timezone.now()))


@login_required
def declare(request: HttpRequest) -> HttpResponse:
    """Put an incident on the record, in three fields."""
    form, by = forms.DeclareForm(request.POST or None), caller_of_person(reader(request))
    if request.method == "POST":
        ref = attempt(form, partial(_declare, form, by))
        if ref:
            messages.success(request, f"{ref} is declared. Say what you know; everybody reads it here.")
            return redirect(f"/incidents/{ref}")
    return render(request, "incidents/declare.html", {"form": form}, status=422 if form.errors else 200)


def _declare(form: forms.DeclareForm, by: Caller) -> str:
    """The ref of the incident; one page that is sent twice declares one."""
    declared = form.declaration()
    return once_per_page(form, what="incident", by=by, work=lambda: declaring.declare_incident(declared, by=by).ref)


def _seen(request: HttpRequest, ref: str) -> Incident:
    try:
        return seen(ref, reader(request))
    except Missing as missing:
        raise Http404(missing.message) from missing


@login_required
@require_safe
def incident(request: HttpRequest, ref: str) -> HttpResponse:
    """What is known of one incident, and who does what; one that was merged leads to the one that goes on."""
    found, me = _seen(request, ref), reader(request)
    parent = found.merged_into
    if parent and "stay" not in request.GET and queries.visible_to(me.pk).filter(pk=parent.pk).exists():
        messages.info(request, f"{found.ref} was merged into this one.")
        return redirect(f"/incidents/{parent.ref}")
    try:
        at = read_as_known_at(request.GET.get("as_known_at", ""))
    except InvalidFields:
        return redirect(f"/incidents/{found.ref}")
    content = dossier_of(found, me, as_known_at=at, compose=request.GET.get("compose", ""))
    return render(request, "incidents/incident.html", {**content, **blank_forms(found)})


@login_required
def deed(request: HttpRequest, ref: str, name: str) -> HttpResponse:
    """One thing that can be done with an incident, with what must be said about it."""
    found, known = _seen(request, ref), DEEDS.get(name)
    if known is None:
        raise Http404("There is nothing here that could be done.")
    form, by = known.form(request.POST if request.method == "POST" else None, incident=found), reader(request)
    if request.method == "POST":
        done = attempt(form, lambda: (known.do(found.ref, form, caller_of_person(by)),))
        if done:
            messages.success(request, known.done)
            return redirect(f"/incidents/{found.ref}")
    content = {"incident": found, "deed": known, "form": form, "name": name}
    return render(request, "incidents/deed.html", content, status=422 if form.errors else 200)


@login_required
@require_POST
def add_note(request: HttpRequest, ref: str) -> HttpResponse:
    """Write on the timeline."""
    found, me = _seen(request, ref), reader(request)
    form, by = forms.NoteForm(request.POST), caller_of_person(me)
    written = attempt(form, lambda: _note(found.ref, form, by))
    if written is None:
        content = {**dossier_of(found, me), **blank_forms(found), "note_form": form}
        return render(request, "incidents/incident.html", content, status=422)
    return redirect(f"/incidents/{found.ref}#timeline")


def _note(ref: str, form: forms.NoteForm, by: Caller) -> str:
    """The id of the note; one page that is sent twice writes one."""
    said = form.cleaned_data
    add = partial(notes.add_note, ref, said["text"], by=by, occurred_at=said["occurred_at"])
    return once_per_page(form, what=f"note on {ref}", by=by, work=lambda: str(add().pk))


@login_required
@require_POST
def write_update(request: HttpRequest, ref: str) -> HttpResponse:
    """Tell customers: look at it first, keep it as a draft, or publish it."""
    found, me = _seen(request, ref), reader(request)
    form, by = forms.UpdateForm(request.POST), caller_of_person(me)
    is_preview = "preview" in request.POST
    kept = None if is_preview else attempt(form, lambda: _update(found.ref, form, by))
    if kept is None:
        preview = form.words() if form.is_valid() else None
        content = {**dossier_of(found, me, compose="update"), **blank_forms(found), "preview": preview}
        return render(
            request, "incidents/incident.html", {**content, "update_form": form}, status=200 if preview else 422
        )
    messages.success(request, "The draft is kept." if "draft" in request.POST else "The update is published.")
    return redirect(f"/incidents/{found.ref}?compose=update")


def _update(ref: str, form: forms.UpdateForm, by: Caller) -> str:
    """The id of the update; one page that is sent twice writes one."""
    write = updates.draft_update if "draft" in form.data else updates.publish_update
    words = form.words()
    return once_per_page(form, what=f"update of {ref}", by=by, work=lambda: str(write(ref, words, by=by).pk))


@login_required
@require_POST
def publish(request: HttpRequest, ref: str, pk: int) -> HttpResponse:
    """Publish a draft as it stands."""
    found = _seen(request, ref)
    do = partial(updates.publish_draft, found.ref, pk, by=caller_of_person(reader(request)))
    return act(request, do, done="The update is published.", back=f"/incidents/{found.ref}?compose=update")


@login_required
def revise(request: HttpRequest, ref: str, entry: int) -> HttpResponse:
    """Put another text in the place of a note's, or take the note away."""
    found, me = _seen(request, ref), reader(request)
    line = next((one for one in notes.lines_of(found) if one.entry.pk == entry and one.text is not None), None)
    if line is None or found.state == State.MERGED:
        raise Http404("There is no such note.")
    form = forms.ReviseForm(request.POST or None, incident=found, text=line.text or "")
    if request.method == "POST":
        changed = attempt(form, lambda: _change(found.ref, entry, form, caller_of_person(me)))
        if changed is not None:
            return redirect(f"/incidents/{found.ref}#timeline")
    return render(request, "incidents/note.html", {"incident": found, "form": form, "line": line})


def _change(ref: str, entry: int, form: forms.ReviseForm, by: Caller) -> notes.Line:
    said = form.cleaned_data
    if "remove" in form.data:
        return notes.remove_note(ref, entry, by=by, reason=said["reason"])
    return notes.revise_note(ref, entry, said["text"], by=by, reason=said["reason"])
