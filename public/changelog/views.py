"""The pages on which the change log is written; everybody who is signed in sees them."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.callers import caller_of_person
from accounts.pages import act, attempt, reader
from changes.models import Change
from changes.queries import change_in_full, timeline_with_names
from changes.refs import change_id
from public.changelog import actions, narration, policy, queries
from public.changelog.forms import NoteForm
from workflow.decisions import Decision

MOST = 50


@login_required
@require_safe
def queue(request: HttpRequest) -> HttpResponse:
    """What customers were not told yet: changes without a note, and notes that wait."""
    now = timezone.now()
    untold = queries.untold(now=now).select_related("service").order_by("-at", "-id")
    content = {
        "untold": list(untold.filter(public_note="")[:MOST]),
        "waiting": [narration.told(note, now=now) for note in queries.waiting().order_by("-id")[:MOST]],
        "most": MOST,
    }
    return render(request, "public/queue.html", content)


@login_required
def edit_note(request: HttpRequest, ref: str) -> HttpResponse:
    """Write the note of a change."""
    change, me = _found(ref), reader(request)
    note = queries.note_about(change)
    form = NoteForm(request.POST or None, initial=narration.first_words(change, note))
    if request.method == "POST":
        written = attempt(form, lambda: actions.write_note(change, form.words(), by=caller_of_person(me)))
        if written:
            messages.success(request, narration.written(written, change, now=timezone.now()))
            return redirect(f"/public/notes/{change.ref}")
    content = _content(change, form) | {"decision": _say(request, change)}
    return render(request, "public/edit_note.html", content, status=422 if form.errors else 200)


@login_required
@require_POST
def withdraw_note(request: HttpRequest, ref: str) -> HttpResponse:
    """Take the note back, or say that there is nothing to tell."""
    change = _found(ref)
    by = caller_of_person(reader(request))
    return act(
        request,
        lambda: actions.withdraw_note(change, by=by),
        done="Customers are not told of this change.",
        back=f"/public/notes/{change.ref}",
    )


def _found(ref: str) -> Change:
    found = change_in_full(change_id(ref))
    if found is None:
        raise Http404(f"There is no change {ref}.")
    return found


def _say(request: HttpRequest, change: Change) -> Decision:
    me = reader(request)
    return policy.may_write_public_note(queries.standing(change, user_id=me.pk, is_admin=me.is_admin))


def _content(change: Change, form: NoteForm) -> dict[str, Any]:
    note = queries.note_about(change)
    entries, names = timeline_with_names(note.ref) if note else ([], {})
    return {
        "change": change,
        "note": note,
        "form": form,
        "told": narration.told(note, now=timezone.now()) if note else None,
        "history": narration.history(entries, names),
    }
