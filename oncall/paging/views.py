"""The pages of paging: what was paged and became of it, whom a page would reach, and the link that answers."""

from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.callers import caller_of_person
from accounts.models import User
from accounts.pages import act, attempt, reader
from oncall.escalations import actions as escalation_actions
from oncall.escalations import queries as escalation_queries
from oncall.escalations.forms import EscalationForm
from oncall.models import EscalationPolicy
from oncall.paging import actions, board, links, policy, queries
from oncall.paging.forms import PageForm
from oncall.paging.models import Page
from workflow.decisions import require
from workflow.errors import Forbidden, Missing, RuleViolation


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def pages(request: HttpRequest) -> HttpResponse:
    """What was paged, the newest first, and the form that pages somebody."""
    me = reader(request)
    form = PageForm(request.POST or None, initial={"target": request.GET.get("target", "")})
    if request.method == "POST":
        row = attempt(form, lambda: actions.page(form.wanted(), by=caller_of_person(me)))
        if row:
            return redirect(f"/pages/{row.key}")
    content = board.list_of(request.GET) | {"form": form}
    return render(request, "oncall/pages.html", content, status=422 if form.errors else 200)


@login_required
@require_safe
def one_page(request: HttpRequest, key: UUID) -> HttpResponse:
    """One page: whom it reached, when, and who answered."""
    return render(request, "oncall/page.html", board.dossier_of(_found(key)))


def _found(key: UUID) -> Page:
    found = queries.page_with(key)
    if found is None or found.is_private:
        raise Http404("There is no such page.")
    return found


@login_required
@require_POST
def acknowledge(request: HttpRequest, key: UUID) -> HttpResponse:
    """Answer it."""
    me, found = reader(request), _found(key)
    deed = partial(actions.acknowledge, found.key, user=me, via="page", actor=me.actor)
    return act(request, deed, done="You have it. Nobody else is paged.", back=f"/pages/{key}")


@login_required
@require_POST
def cancel(request: HttpRequest, key: UUID) -> HttpResponse:
    """Stop it."""
    deed = partial(actions.cancel, _found(key).key, by=caller_of_person(reader(request)))
    return act(request, deed, done="The page is cancelled.", back=f"/pages/{key}")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def answer(request: HttpRequest, token: str) -> HttpResponse:
    """What the link in a message shows; a button answers, because programs that look for viruses open links too."""
    row, person = _linked(token)
    words: dict[str, Any] = {"row": row, "person": person, "problem": ""}
    if request.method == "POST":
        try:
            require(policy.answer_link_works(created_at=row.created_at, now=timezone.now()))
            words["row"] = actions.acknowledge(row.key, user=person, via="link", actor=person.actor)
        except RuleViolation as refusal:
            words["problem"] = refusal.message
    return render(request, "oncall/answer.html", words, status=409 if words["problem"] else 200)


def _linked(token: str) -> tuple[Page, User]:
    try:
        link = links.read(token)
    except Forbidden as refusal:
        raise PermissionDenied(refusal.message) from refusal
    row, person = queries.page_with(link.page), User.objects.filter(pk=link.user_id, is_active=True).first()
    if row is None or person is None:
        raise Http404("There is no such page any more.")
    return row, person


# --- Escalation policies ---------------------------------------------------------------------------------------------


@login_required
@require_safe
def escalations(request: HttpRequest) -> HttpResponse:
    """Every policy, with whom its first step would page now."""
    return render(request, "oncall/escalations.html", board.policies_of(now=timezone.now()))


@login_required
@require_safe
def escalation(request: HttpRequest, slug: str) -> HttpResponse:
    """One policy: whom each step would page now, and where it would reach nobody."""
    row, now = _policy(slug), timezone.now()
    reaches = escalation_queries.reaches(row, at=now)
    content = {"row": row, "reaches": reaches, "gaps": [one for one in reaches if one.is_gap], "now": now}
    return render(request, "oncall/escalation.html", content)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def edit_escalation(request: HttpRequest, slug: str = "") -> HttpResponse:
    """Begin a policy, or change one."""
    present, by = _policy(slug) if slug else None, caller_of_person(reader(request))
    form = EscalationForm(request.POST or None, present=escalation_actions.as_declared(present) if present else None)
    deed = escalation_actions.replace_policy if slug else escalation_actions.add_policy
    if request.method == "POST":
        row = attempt(form, lambda: deed(form.declared(), by=by))
        if row:
            messages.success(request, f"{row.name} is kept. Pages that are under way go on as they began.")
            return redirect(f"/escalations/{row.slug}")
    content = {"form": form, "row": present}
    return render(request, "oncall/edit_escalation.html", content, status=422 if form.errors else 200)


def _policy(slug: str) -> EscalationPolicy:
    try:
        return escalation_queries.policy_named(slug)
    except Missing as missing:
        raise Http404(missing.message) from missing
