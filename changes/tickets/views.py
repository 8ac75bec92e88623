"""The pages of filed changes: filing, editing, and everything that people do with one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from accounts.callers import Caller, caller_of_person
from accounts.models import User
from accounts.pages import attempt, reader
from changes import queries
from changes.beside import Beside, beside, is_whole
from changes.dossier import dossier_of
from changes.models import Change
from changes.once import once_per_page
from changes.refs import change_id
from changes.states import State
from changes.tickets import deciding, doing, drafting, filing, policy
from changes.tickets.content import ALL_LABELS, FREE, LABELS, plain
from changes.tickets.dossier import FORM_OF, Forms, review_form, ticket_dossier
from changes.tickets.forms import (
    CorrectForm,
    FilingForm,
    FinishForm,
    ReasonForm,
    ReviewForm,
    RollBackForm,
    VerbForm,
    initial_of,
)
from changes.tickets.queries import Standing, standing_of
from workflow.errors import Missing

WISHES = ("type", "template", "copy")
"""What the address of the page for filing may name."""


# --- Filing ----------------------------------------------------------------------------------------------------------

FILE: dict[str, Callable[..., Change]] = {
    "submit": filing.file_and_submit,
    "draft": filing.file_change,
    "begin": filing.file_change,
}
"""What the buttons of the page do; every other one only shows it again, with another face or window."""


@login_required
def new_change(request: HttpRequest) -> HttpResponse:
    """File a change: anybody who is signed in may."""
    me = reader(request)
    known = drafting.known_to(me)
    initial = drafting.first_words(me, known, {name: request.GET.get(name, "") for name in WISHES}, now=timezone.now())
    form = drafting.filing_form(me, known, typed=_switched(request.POST), initial=initial)
    file = FILE.get(request.POST.get("do", "")) if request.method == "POST" else None
    made = attempt(form, lambda: _file(form, file, by=caller_of_person(me))) if file else None
    if made:
        return _told_what_is_owed(request, made)
    content = {"form": form, **drafting.outlook_of(form, known, me=me)}
    return render(request, "tickets/new.html", content, status=422 if file else 200)


def _file(form: FilingForm, file: Callable[..., Change], *, by: Caller) -> Change:
    """File it; one page that is sent twice, as by a double click, files once."""
    return found_change(once_per_page(form, what="filing", by=by, work=lambda: file(form.draft(), by=by).ref))


def _switched(typed: QueryDict) -> QueryDict:
    """What was typed, after a button that chooses another way in or another window."""
    verb, _, rest = typed.get("do", "").partition(" ")
    if verb not in {"standard", "emergent", "slot"}:
        return typed
    changed = typed.copy()
    if verb == "slot":
        changed["window_start"], _, changed["window_end"] = rest.partition(" ")
    else:
        changed["type"] = verb
    return changed


def _told_what_is_owed(request: HttpRequest, made: Change) -> HttpResponse:
    words = {
        State.DRAFT: f"{made.ref} is kept as a draft. Nobody has been asked yet.",
        State.SUBMITTED: f"{made.ref} is filed. Whoever can approve it has been told.",
        State.APPROVED: f"{made.ref} is approved by its template.",
        State.IN_PROGRESS: f"{made.ref} has begun. Somebody else must review it within 24 hours.",
    }
    messages.success(request, words[State(made.state)])
    return redirect(f"/changes/{made.ref}")


@login_required
@require_POST
def preview(request: HttpRequest) -> HttpResponse:
    """What would become of what is typed; anybody who is signed in may ask, and nothing is kept."""
    me = reader(request)
    known = drafting.known_to(me, with_templates=bool(request.POST.get("template")))
    form = drafting.filing_form(me, known, typed=request.POST, initial={})
    ref = request.POST.get("ref", "")
    edited = _standing(ref) if ref else None
    content = {"form": form, "is_live": True, **drafting.outlook_of(form, known, me=me, edited=edited)}
    return render(request, "tickets/_outlook.html", content)


# --- Editing ---------------------------------------------------------------------------------------------------------


@login_required
def edit_change(request: HttpRequest, ref: str) -> HttpResponse:
    """Edit a change: who filed it, who carries it out and the leads of its teams may, as far as its state allows."""
    standing, me = _standing(ref), reader(request)
    refused = policy.may_edit_change(standing.parts_of(me.pk))
    if refused.outcome == policy.REFUSED:
        messages.error(request, f"You cannot edit {standing.ref}. {refused.because} Rule {refused.rule}.")
        return redirect(f"/changes/{standing.ref}")
    known, names = drafting.known_to(me, with_templates=False), _editable(standing)
    form = drafting.filing_form(me, known, typed=_switched(request.POST), initial=initial_of(standing.said))
    form.keep(names)
    if request.method == "POST" and request.POST.get("do") == "save":
        edited = attempt(form, lambda: _save(request, standing, _changed(form, names)))
        if edited:
            return _told_of_edit(request, before=standing, after=edited)
    late = _late(request, standing, form)
    content = _edit_page(form, known, standing, me) | (late or {"seen": request.POST.get("seen") or standing.edition})
    return render(request, "tickets/edit.html", content, status=409 if late else 200)


def _save(request: HttpRequest, standing: Standing, changed: dict[str, Any]) -> Standing:
    by, seen = caller_of_person(reader(request)), request.POST.get("seen", "")
    return filing.amend_change(standing.ref, changed, by=by, seen=seen)


def _late(request: HttpRequest, standing: Standing, form: FilingForm) -> dict[str, Any]:
    """What the page shows besides when somebody else edited the change since it was opened; empty if nobody did."""
    seen = request.POST.get("seen", "")
    if not seen or request.POST.get("do") != "save" or not is_whole(form):
        return {}
    fresh = _standing(standing.ref)
    if seen == fresh.edition:
        return {}
    return {"seen": fresh.edition, "beside": _beside(form, _editable(standing), fresh)}


def _beside(form: FilingForm, names: list[str], fresh: Standing) -> Beside:
    present, typed = (
        {name: plain(value) for name, value in said.items()} for said in (fresh.said, _changed(form, names))
    )
    return beside(fresh.ref, present=present, typed=typed, labels=ALL_LABELS)


def _editable(standing: Standing) -> list[str]:
    state, way = standing.change.state, standing.change.authorization
    names = (*LABELS, *FREE)
    return [name for name in names if policy.editable([name], state=state, authorization=way).outcome != policy.REFUSED]


def _changed(form: FilingForm, names: list[str]) -> dict[str, Any]:
    return {name: value for name, value in form.said().items() if name in names}


def _edit_page(form: FilingForm, known: drafting.Known, standing: Standing, me: User) -> dict[str, Any]:
    content = {"form": form, "standing": standing, "change": standing.change, "is_whole": "services" in form.fields}
    return content | (drafting.outlook_of(form, known, me=me, edited=standing) if content["is_whole"] else {})


def _told_of_edit(request: HttpRequest, *, before: Standing, after: Standing) -> HttpResponse:
    asked = (
        " Approval is asked for again."
        if after.change.state == State.SUBMITTED and after.digest != before.digest
        else ""
    )
    messages.success(request, f"{after.ref} is saved.{asked}")
    return redirect(f"/changes/{after.ref}")


# --- Deciding and doing ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Verb:
    """What a button does: the form behind it, the action, and what is said once it is done."""

    form: type[forms.Form]
    deed: Callable[[str, Any, Caller], object]
    done: str


def _finish(ref: str, form: Any, by: Caller) -> object:
    said = form.cleaned_data
    finish = doing.finish_and_close if said["close"] else doing.finish_change
    return finish(ref, by=by, outcome=said["outcome"], note=said["note"])


VERBS: Mapping[str, Verb] = {
    "submit": Verb(forms.Form, lambda ref, form, by: filing.submit_change(ref, by=by), "Approval is asked for."),
    "approve": Verb(
        VerbForm,
        lambda ref, form, by: deciding.approve_change(
            ref, by=by, seen=form.cleaned_data["seen"], note=form.cleaned_data["reason"]
        ),
        "Your approval counts.",
    ),
    "reject": Verb(
        VerbForm,
        lambda ref, form, by: deciding.reject_change(ref, by=by, reason=form.cleaned_data["reason"]),
        "It is rejected. Whoever filed it has been told why.",
    ),
    "revise": Verb(
        ReasonForm,
        lambda ref, form, by: deciding.revise_change(ref, by=by, reason=form.cleaned_data["reason"]),
        "It is a draft again. Edit it, and submit it when it is ready.",
    ),
    "withdraw": Verb(
        ReasonForm,
        lambda ref, form, by: deciding.withdraw_change(ref, by=by, reason=form.cleaned_data["reason"]),
        "It is withdrawn.",
    ),
    "start": Verb(forms.Form, lambda ref, form, by: doing.start_change(ref, by=by), "It has begun."),
    "finish": Verb(FinishForm, _finish, "How it ended is kept."),
    "rollback": Verb(
        RollBackForm,
        lambda ref, form, by: doing.finish_change(ref, by=by, outcome="rolled_back", note=form.cleaned_data["note"]),
        "It is kept as rolled back. Somebody else looks back at it.",
    ),
    "correct": Verb(
        CorrectForm,
        lambda ref, form, by: doing.correct_outcome(
            ref, by=by, outcome=form.cleaned_data["outcome"], reason=form.cleaned_data["reason"]
        ),
        "The outcome is corrected. Both are in the timeline.",
    ),
    "review": Verb(
        ReviewForm,
        lambda ref, form, by: doing.review_change(ref, by=by, note=form.cleaned_data["note"], answers=form.answers()),
        "Your review is kept, and the change is closed.",
    ),
    "close": Verb(forms.Form, lambda ref, form, by: doing.close_change(ref, by=by), "It is closed."),
}
"""Every verb that a page offers, under `/changes/<ref>/`; who may is decided by the action."""


@login_required
@require_POST
def carry_out(request: HttpRequest, ref: str, verb: str) -> HttpResponse:
    """Do what a button says, or show the change again with the refusal and with what was typed."""
    found, me = found_change(ref), reader(request)
    if verb != "review" and not hasattr(found, "ticket"):
        raise Http404(f"{found.ref} was logged by a pipeline.")
    form = VERBS[verb].form(request.POST)
    done = attempt(form, lambda: (VERBS[verb].deed(found.ref, form, caller_of_person(me)),))
    if done is None:
        return shown(request, found_change(ref), typed={FORM_OF.get(verb, "plain"): form}, status=422)
    messages.success(request, VERBS[verb].done)
    return redirect(f"/changes/{found.ref}")


def shown(request: HttpRequest, found: Change, *, typed: Forms, status: int = 200) -> HttpResponse:
    """The page of a change that was filed, or of a deploy of which only the review is refused."""
    me = reader(request)
    if hasattr(found, "ticket"):
        return render(request, "tickets/change.html", ticket_dossier(found, me=me, typed=typed), status=status)
    looks_back = review_form(found, me=me, typed=typed)
    content = {**dossier_of(found, form=None), "review_form": looks_back, "refused": typed.get("review")}
    return render(request, "changes/change.html", content, status=status)


def brought_back(request: HttpRequest) -> Forms:
    """What was typed into a form of the page before the session ended: `accounts.interrupted`."""
    verb = request.POST.get("verb", "")
    return {FORM_OF[verb]: VERBS[verb].form(request.POST)} if verb in FORM_OF else {}


def found_change(ref: str) -> Change:
    """The change that a page is about, whoever brought it; a ref that names none is a page that is not there."""
    try:
        found = queries.change_in_full(change_id(ref))
    except Missing as refusal:
        raise Http404(refusal.message) from refusal
    if found is None:
        raise Http404(f"There is no change {ref.upper()[:40]}.")
    return found


def _standing(ref: str) -> Standing:
    try:
        return standing_of(ref)
    except Missing as refusal:
        raise Http404(refusal.message) from refusal
