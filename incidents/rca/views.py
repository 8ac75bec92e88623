"""The pages of analyses, promises and causes."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.callers import Caller, caller_of_person
from accounts.pages import act, attempt, reader, succeeds
from incidents.rca import actions, promises, queries
from incidents.rca import board as boards
from incidents.rca.forms import PromiseForm, TextsForm, WhyForm
from incidents.rca.models import CorrectiveAction, Rca
from incidents.rca.queries import Place
from workflow.errors import Missing

DECISIONS: dict[str, tuple[Callable[..., object], str]] = {
    "submit": (lambda ref, by, said: actions.submit_rca(ref, by=by), "Somebody else is to review it now."),
    "review": (lambda ref, by, said: actions.review_rca(ref, by=by, note=said), "It is reviewed."),
    "publish": (lambda ref, by, said: actions.publish_rca(ref, by=by), "It is published."),
    "waive": (lambda ref, by, said: actions.waive_rca(ref, said, by=by), "It is waived."),
}
DEEDS: dict[str, tuple[Callable[..., object], str]] = {
    "start": (lambda ref, by, said: promises.start(ref, by=by), "It is begun."),
    "done": (
        lambda ref, by, said: promises.done(ref, said["note"], said["evidence"], by=by),
        "Somebody else verifies it.",
    ),
    "verify": (lambda ref, by, said: promises.verify(ref, said["method"], said["evidence"], by=by), "It is verified."),
    "ineffective": (lambda ref, by, said: promises.ineffective(ref, said["reason"], by=by), "It goes on."),
    "wont-do": (lambda ref, by, said: promises.wont_do(ref, said["reason"], by=by), "It will not be done."),
}


def _found(request: HttpRequest, ref: str) -> Rca:
    try:
        return queries.rca_named(ref, user_id=reader(request).pk)
    except Missing as missing:
        raise Http404(missing.message) from missing


def _by(request: HttpRequest) -> Caller:
    return caller_of_person(reader(request))


@login_required
@require_safe
def rcas(request: HttpRequest) -> HttpResponse:
    """What is being learnt, and what was."""
    rows = list(queries.rcas_in_full(reader(request).pk).order_by("-pk")[: boards.MOST])
    owed = [rca for rca in rows if rca.state in boards.OPEN_STATES]
    done = [rca for rca in rows if rca.state not in boards.OPEN_STATES]
    content = {"owed": sorted(owed, key=lambda rca: rca.due_at), "done": done, "now": timezone.now()}
    return render(request, "rca/list.html", content)


@login_required
@require_POST
def begin(request: HttpRequest, ref: str) -> HttpResponse:
    """Begin the analysis of an incident."""
    try:
        return redirect(f"/rcas/{actions.begin_rca(ref, by=_by(request)).ref}")
    except Missing as missing:
        raise Http404(missing.message) from missing


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def rca(request: HttpRequest, ref: str) -> HttpResponse:
    """One analysis: why it happened, and what will stop it."""
    found = _found(request, ref)
    form = TextsForm(request.POST or None, initial=_texts(found))
    if request.method == "POST" and succeeds(form, lambda: actions.edit_rca(ref, form.texts(), by=_by(request))):
        messages.success(request, "It is saved.")
        return redirect(f"/rcas/{found.ref}#texts")
    return _page(request, found, {"texts": form})


def _texts(found: Rca) -> dict[str, str]:
    return {"summary": found.summary, "went_well": found.went_well, "lucky": found.lucky}


def _page(request: HttpRequest, found: Rca, forms: dict[str, Any]) -> HttpResponse:
    content = boards.dossier_of(found, reader(request))
    places = content["places"]
    usual: dict[str, Any] = {"texts": TextsForm(initial=_texts(found))}
    path, against = request.GET.get("path", ""), request.GET.get("against", "")
    usual |= {"why": WhyForm(places=places, initial={"path": path} if path else {})}
    usual |= {"promise": PromiseForm(places=places, initial={"why": against})}
    status = 422 if any(form.errors for form in forms.values()) else 200
    return render(request, "rca/rca.html", content | {"forms": usual | forms}, status=status)


@login_required
@require_POST
def ask(request: HttpRequest, ref: str) -> HttpResponse:
    """Ask a why."""
    found = _found(request, ref)
    form = WhyForm(request.POST, places=queries.places_of(found, user_id=reader(request).pk))
    made = attempt(form, lambda: actions.ask_why(ref, form.asked(), by=_by(request)))
    return redirect(f"/rcas/{found.ref}#why-{made.pk}") if made else _page(request, found, {"why": form})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def why(request: HttpRequest, ref: str, pk: int) -> HttpResponse:
    """Change one why, or take it out."""
    found = _found(request, ref)
    places = queries.places_of(found, user_id=reader(request).pk)
    place = _place(places, pk)
    if "remove" in request.POST:
        deed = lambda: actions.remove_why(ref, pk, by=_by(request))  # noqa: E731 - used once, in the next line
        return act(request, deed, done="The why is taken out.", back=f"/rcas/{found.ref}")
    form = WhyForm(request.POST or None, places=places, present=place)
    if request.method == "POST" and succeeds(form, lambda: actions.edit_why(ref, pk, form.asked(), by=_by(request))):
        return redirect(f"/rcas/{found.ref}#why-{pk}")
    content = {"rca": found, "place": place, "form": form}
    return render(request, "rca/why.html", content, status=422 if form.errors else 200)


def _place(places: list[Place], pk: int) -> Place:
    place = next((one for one in places if one.why.pk == pk), None)
    if place is None:
        raise Http404(f"There is no why {pk} here.")
    return place


@login_required
@require_POST
def share(request: HttpRequest, ref: str) -> HttpResponse:
    """Let a known cause stand here as well."""
    found, said = _found(request, ref), request.POST.get("why", "")
    pk = int(said) if said.isascii() and said.isdigit() and len(said) < 18 else 0
    done = "The cause stands here as well. What was done against it did not work, and its owners are told."
    return act(request, lambda: actions.share_why(ref, pk, by=_by(request)), done=done, back=f"/rcas/{found.ref}")


@login_required
@require_POST
def promise(request: HttpRequest, ref: str) -> HttpResponse:
    """Promise something."""
    found = _found(request, ref)
    form = PromiseForm(request.POST, places=queries.places_of(found, user_id=reader(request).pk))
    made = attempt(form, lambda: promises.promise(ref, form.promise(), by=_by(request)))
    if made:
        messages.success(request, f"{made.ref} is promised until {made.due:%d %B}.")
        return redirect(f"/rcas/{found.ref}#actions")
    return _page(request, found, {"promise": form})


@login_required
@require_POST
def decide(request: HttpRequest, ref: str, verb: str) -> HttpResponse:
    """Submit, review, publish or waive."""
    found = _found(request, ref)
    if verb not in DECISIONS:
        raise Http404("There is no such button.")
    deed, done = DECISIONS[verb]
    said = request.POST.get("said", "").replace("\x00", "")[:10_000]
    return act(request, lambda: deed(found.ref, _by(request), said), done=done, back=f"/rcas/{found.ref}")


# --- Promises --------------------------------------------------------------------------------------------------------


@login_required
@require_safe
def board(request: HttpRequest) -> HttpResponse:
    """What was promised, by state."""
    return render(request, "rca/actions.html", boards.board_of(reader(request)))


@login_required
@require_safe
def export(request: HttpRequest) -> StreamingHttpResponse:
    """The promises as CSV."""
    headers = {"Content-Disposition": 'attachment; filename="actions.csv"'}
    lines = boards.csv_lines(reader(request))
    return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)


def _action(request: HttpRequest, ref: str) -> CorrectiveAction:
    try:
        return queries.action_named(ref, user_id=reader(request).pk)
    except Missing as missing:
        raise Http404(missing.message) from missing


@login_required
@require_safe
def action(request: HttpRequest, ref: str) -> HttpResponse:
    """One promise, and the buttons that work for this reader."""
    found = _action(request, ref)
    minutes = queries.saved_minutes([found], user_id=reader(request).pk).get(found.pk, 0)
    card = boards.card_of(found, today=timezone.localdate(), minutes=minutes)
    content = {"action": found, "card": card, "is_owner": found.owner_id == reader(request).pk}
    return render(request, "rca/action.html", content)


@login_required
@require_POST
def act_on(request: HttpRequest, ref: str, verb: str) -> HttpResponse:
    """What a button of a promise does."""
    found = _action(request, ref)
    if verb not in DEEDS:
        raise Http404("There is no such button.")
    deed, done = DEEDS[verb]
    names = ("note", "evidence", "method", "reason")
    said = {name: request.POST.get(name, "").replace("\x00", "")[:10_000] for name in names}
    return act(request, lambda: deed(found.ref, _by(request), said), done=done, back=f"/actions/{found.ref}")


@login_required
@require_safe
def causes(request: HttpRequest) -> HttpResponse:
    """The causes that hurt us, those that did most often first."""
    words = " ".join(request.GET.get("q", "").replace("\x00", " ").split())[:100]
    me, wanted = reader(request), request.GET.get("for", "")
    target = _found(request, wanted) if wanted else None
    content = {"causes": queries.causes(me.pk, words=words), "words": words, "target": target}
    return render(request, "rca/causes.html", content)
