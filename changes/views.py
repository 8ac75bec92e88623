"""The pages of changes."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.callers import caller_of_person
from accounts.pages import attempt, reader
from changes import narration, queries, rows, rulebook
from changes.addresses import Asked
from changes.dossier import dossier_of
from changes.export import csv_lines
from changes.filter_form import filter_form
from changes.forms import ProofForm
from changes.models import Change, Run
from changes.pipelines import proof
from changes.pipelines.policy import REFUSED
from changes.pipelines.snippets import first_curl
from changes.policy import POLICY_VERSION
from changes.states import Verdict
from changes.tickets import views as tickets
from changes.tickets.dossier import review_form
from workflow import tones
from workflow.errors import InvalidFields, RuleViolation

# --- The list --------------------------------------------------------------------------------------------------------


@login_required
@require_safe
def changes(request: HttpRequest) -> HttpResponse:
    """The changes that match, newest first; a ref in the search leads straight to its change."""
    asked = Asked(request.GET)
    if asked.ref:
        return redirect(f"/changes/{asked.ref}")
    if "" in request.GET.values():
        return redirect(asked.here)
    try:
        page = queries.list_changes(asked.wanted())
    except RuleViolation as refusal:
        return _unlistable(request, asked, refusal)
    return _listed(request, asked, page)


@login_required
@require_safe
def changes_csv(request: HttpRequest) -> HttpResponseBase:
    """The same changes as a CSV file, all of them."""
    asked = Asked(request.GET)
    try:
        wanted = asked.wanted()
    except RuleViolation as refusal:
        return _unlistable(request, asked, refusal)
    name = f"changes-{timezone.localdate().isoformat()}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(csv_lines(wanted), content_type="text/csv; charset=utf-8", headers=headers)


def _listed(request: HttpRequest, asked: Asked, page: queries.Page) -> HttpResponse:
    lines = rows.lines_of(page.rows, now=timezone.now())
    digest, is_again = rows.digest_of(lines), "HX-Request" in request.headers
    if is_again and asked.seen == digest:
        return HttpResponse(status=204)
    pager = {"newer": asked.page_url(page.newer), "older": asked.page_url(page.older)}
    content = {"asked": asked, "digest": digest, "days": rows.days_of(lines), **pager}
    if is_again:
        return render(request, "changes/_list.html", content)
    choices = queries.filter_choices()
    content |= _filters(asked, choices) | {"snippet": "" if lines else first_curl(choices)}
    return render(request, "changes/list.html", content)


def _unlistable(request: HttpRequest, asked: Asked, refusal: RuleViolation) -> HttpResponse:
    errors = refusal.errors if isinstance(refusal, InvalidFields) else [(refusal.field, refusal.code, refusal.message)]
    problems = [(name or "cursor", sentence, asked.url(without=[name])) for name, _, sentence in errors]
    content = {"asked": asked, "problems": problems, **_filters(asked, queries.filter_choices())}
    return render(request, "changes/list.html", content, status=refusal.status)


def _filters(asked: Asked, choices: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    chosen = {"q": asked.q, **asked.filters}
    return {"filter_form": filter_form(choices, tuple((k, v) for k, v in chosen.items() if v), asked.edits)}


# --- One change ------------------------------------------------------------------------------------------------------


@login_required
@require_safe
def change(request: HttpRequest, ref: str) -> HttpResponse:
    """One change: the decision and why, what was planned or deployed, what happened. Anybody signed in may look."""
    found, typed = tickets.found_change(ref), tickets.brought_back(request)
    if hasattr(found, "ticket"):
        return tickets.shown(request, found, typed=typed)
    looks_back = review_form(found, me=reader(request), typed=typed)
    content = {**dossier_of(found, form=_proof_form(found, request)), "review_form": looks_back}
    return render(request, "changes/change.html", content)


@login_required
@require_POST
def supply_proof(request: HttpRequest, ref: str) -> HttpResponse:
    """Add what an unproven deploy lacks; the verdict may flip."""
    found, me = tickets.found_change(ref), reader(request)
    form = ProofForm(request.POST, run=_run_of(found))
    logged = attempt(form, lambda: proof.supply_proof_in_time(found.pk, form.event(), by=caller_of_person(me)))
    if logged is None:
        return render(request, "changes/change.html", dossier_of(found, form=form), status=422)
    verdict = tones.look(logged.change["verdict"], "verdict").word.lower()
    messages.success(request, f"Your proof is kept. The verdict is now: {verdict}.")
    return redirect(f"/changes/{found.ref}")


def _run_of(found: Change) -> Run:
    try:
        return found.run
    except Run.DoesNotExist as missing:
        raise Http404("No pipeline logged this change.") from missing


def _proof_form(found: Change, request: HttpRequest) -> ProofForm | None:
    """The form for late proof, for those who may supply it and while it counts."""
    me = reader(request)
    run = getattr(found, "run", None)
    is_settled = found.verdict == Verdict.EXEMPT or found.verdict_rule in narration.UNPROVABLE_RULES
    if run is None or is_settled or run.pipeline.token_id:
        return None
    is_open = found.finished_at is not None and timezone.now() < narration.proof_due(found)
    if not is_open or proof.decide(run, by=caller_of_person(me)).outcome == REFUSED:
        return None
    # Something was typed already if the session ended meanwhile: `accounts.interrupted`.
    form = ProofForm(request.POST or None, run=run)
    return form if form.can_help else None


# --- The rules -------------------------------------------------------------------------------------------------------


@login_required
@require_safe
def rules(request: HttpRequest) -> HttpResponse:
    """Every rule by its name."""
    return render(request, "changes/rules.html", {"rules": rulebook.rules().values()})


@login_required
@require_safe
def rule(request: HttpRequest, name: str) -> HttpResponse:
    """One rule: what it promises, and where it lives."""
    found = rulebook.rules().get(name)
    if found is None:
        raise Http404(f"There is no rule {name}.")
    return render(request, "changes/rule.html", {"rule": found, "version": POLICY_VERSION})
