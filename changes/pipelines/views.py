"""The pages of pipelines."""

from datetime import timedelta
from functools import partial
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.validators import slug_re
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.callers import caller_of_person
from accounts.models import User
from accounts.pages import act, attempt, reader
from changes import rows
from changes.pipelines import narration, queries, registration
from changes.pipelines.forms import NewPipelineForm, PipelineForm
from changes.pipelines.gate_queries import last_decisions
from changes.pipelines.models import Pipeline
from changes.pipelines.policy import REFUSED, RESERVED
from changes.pipelines.registration import terms_of
from changes.pipelines.snippets import SNIPPETS, Deploys, snippet
from changes.queries import ChangeList, Page, list_changes
from workflow.errors import Malformed
from workflow.lines import listed
from workflow.paging import Cursor, read_cursor

WINDOW = timedelta(days=30)
HISTORY = 20
TRACE = 8


@login_required
@require_safe
def pipelines(request: HttpRequest) -> HttpResponse:
    """Every pipeline, and whether our automation is trusted."""
    board = queries.board()
    lines = narration.board_lines(
        board, verdicts=queries.last_verdicts(), unproven=queries.unproven_since(timezone.now() - WINDOW)
    )
    sentence = narration.trust_in_a_sentence([pipeline.state for pipeline in board])
    return render(request, "pipelines/list.html", {"lines": lines, "sentence": sentence})


@login_required
@require_safe
def pipeline(request: HttpRequest, slug: str) -> HttpResponse:
    """One pipeline: what it must prove, who trusts it, what it sent."""
    found, me = _found(slug), reader(request)
    try:
        cursor = read_cursor(request.GET.get("cursor", ""))
    except Malformed as refusal:
        raise Http404(refusal.message) from refusal
    page = list_changes(ChangeList({"pipeline": slug}, cursor=cursor, size=HISTORY))
    content = {**_trust(found, me), **_history(found, page), **_snippets(found, request.GET.get("snippet", ""))}
    return render(request, "pipelines/pipeline.html", {"pipeline": found, **content})


def _found(slug: str) -> Pipeline:
    found = queries.pipeline_in_full(slug)
    if found is None:
        raise Http404(f"There is no pipeline {slug}.")
    return found


def _trust(found: Pipeline, me: User) -> dict[str, Any]:
    is_waiting = found.state == Pipeline.State.PROPOSED
    may_change = registration.may_decide(found, me).outcome != REFUSED
    confirmers = queries.possible_confirmers(found) if is_waiting else []
    is_proposer = queries.is_same_person(found.registered_by, me)
    return {
        "panel": narration.trust_panel(found),
        "demands": narration.demands(found.requires),
        "may_change": may_change,
        "may_confirm": is_waiting and may_change and not is_proposer,
        "is_proposer": is_proposer,
        "confirmers": listed([person.name for person in confirmers], last="or"),
        "seen": terms_of(found).digest,
    }


def _history(found: Pipeline, page: Page) -> dict[str, Any]:
    lines = rows.lines_of(page.rows, now=timezone.now())
    entries = queries.arrivals((row.ref for row in page.rows), limit=TRACE) if page.rows else []
    return {
        "days": rows.days_of(lines),
        "newer": _page_url(found, page.newer),
        "older": _page_url(found, page.older),
        "arrivals": narration.arrivals_in_words(entries, page.rows),
        "unproven": queries.unproven_since(timezone.now() - WINDOW).get(found.pk, 0),
        "gate": last_decisions(found),
    }


def _page_url(found: Pipeline, cursor: Cursor | None) -> str:
    page = f"/pipelines/{found.slug}/deploys" if found.slug in RESERVED else f"/pipelines/{found.slug}"
    return f"{page}?cursor={cursor}#history" if cursor else ""


def _snippets(found: Pipeline, wanted: str) -> dict[str, Any]:
    tool = wanted if wanted in SNIPPETS else "curl"
    service = next((service.slug for service in found.services.all()), "your-service")
    environment = next((environment.slug for environment in found.environments.all()), "production")
    deploys = Deploys(service, environment, found.slug, tuple(found.requires))
    tabs = [(name, word, name == tool) for name, (word, _) in SNIPPETS.items()]
    return {"snippet": snippet(tool, deploys), "snippet_tabs": tabs}


# --- Registration ----------------------------------------------------------------------------------------------------


@login_required
def new_pipeline(request: HttpRequest) -> HttpResponse:
    """Register a pipeline; one that has logged deploys is filled in as far as they tell."""
    me = reader(request)
    form = NewPipelineForm(request.POST or None, reader=me, initial=_known_about(request.GET.get("slug", "")))
    if request.method == "POST":
        made = attempt(form, lambda: _register(form, me))
        if made:
            return _told_who_confirms(request, made)
    return render(request, "pipelines/edit.html", {"form": form, "namesake": queries.pipeline_in_full("new")})


def _register(form: NewPipelineForm, me: User) -> Pipeline:
    return registration.register_pipeline(form.cleaned_data["slug"], form.terms(), by=caller_of_person(me))


def _known_about(slug: str) -> dict[str, Any]:
    # Whatever the address says is looked up only if a pipeline could be named so: not every text is one for a database.
    known = queries.pipeline_in_full(slug) if slug_re.match(slug) else None
    if known is None:
        return {"slug": slug[:64]}
    services, environments = queries.deployed_targets(known)
    return {"slug": slug, **queries.slugs_of(services, environments)}


@login_required
def edit_pipeline(request: HttpRequest, slug: str) -> HttpResponse:
    """Change what a pipeline must prove; a second person confirms it again."""
    found, me = _found(slug), reader(request)
    terms = terms_of(found)
    initial = {
        "name": terms.name,
        "services": terms.services,
        "environments": terms.environments,
        "requires": terms.requires,
        "token": terms.token,
    }
    form = PipelineForm(request.POST or None, reader=me, pipeline=found, initial=initial)
    if request.method == "POST":
        changed = attempt(form, lambda: registration.change_pipeline(slug, form.terms(), by=caller_of_person(me)))
        if changed:
            return _told_who_confirms(request, changed)
    return render(request, "pipelines/edit.html", {"form": form, "pipeline": found})


def _told_who_confirms(request: HttpRequest, changed: Pipeline) -> HttpResponse:
    if changed.state == Pipeline.State.PROPOSED:
        names = [person.name for person in queries.possible_confirmers(changed)]
        who = f"{listed(names, last='or')} can confirm it." if names else "Nobody else can confirm it yet."
        messages.success(request, f"{changed.slug} waits for a second person. {who}")
    else:
        messages.success(request, f"{changed.slug} is saved.")
    return redirect(f"/pipelines/{changed.slug}")


@login_required
@require_POST
def confirm_pipeline(request: HttpRequest, slug: str) -> HttpResponse:
    """Trust a pipeline that somebody else registered."""
    seen, by = request.POST.get("seen", ""), caller_of_person(reader(request))
    deed = partial(registration.confirm_pipeline, _found(slug).slug, seen=seen, by=by)
    done = f"{slug} is trusted. From now on a deploy that proves everything needs no review."
    return act(request, deed, done=done, back=f"/pipelines/{slug}")
