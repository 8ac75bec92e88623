"""The pages of templates."""

from dataclasses import asdict
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.callers import caller_of_person
from accounts.models import User
from accounts.pages import act, attempt, reader
from changes.beside import beside, is_whole
from changes.models import Template
from changes.preapproved import actions, narration, policy, queries
from changes.preapproved.content import ALL_LABELS, terms_of
from changes.preapproved.forms import ApprovalForm, NewTemplateForm, RetirementForm, TemplateForm, initial_of, said_in
from changes.preapproved.queries import Standing
from changes.queries import names_of
from changes.refs import change_id
from workflow.errors import Missing

HISTORY = 8


@login_required
@require_safe
def templates(request: HttpRequest) -> HttpResponse:
    """Every template, and which changes might be worth one."""
    now, known = timezone.now(), list(queries.templates())
    used = queries.outcomes_of([one.pk for one in known], since=now - queries.LOOK_BACK)
    lines = narration.lines_of(known, used=used, now=now)
    context = {
        "lines": lines,
        "sentence": narration.templates_in_a_sentence([line.word for line in lines]),
        "suggestions": queries.suggested_templates(now=now)[:HISTORY],
    }
    return render(request, "preapproved/list.html", context)


@login_required
@require_safe
def template(request: HttpRequest, slug: str) -> HttpResponse:
    """One template: whether it may be used, what it says, who approved that, and how it went."""
    standing, me = _standing(slug), reader(request)
    return render(request, "preapproved/template.html", {**_decision(standing, me), **_record(standing)})


def _standing(slug: str) -> Standing:
    try:
        return queries.standing_of(slug)
    except Missing as refusal:
        raise Http404(refusal.message) from refusal


def _decision(standing: Standing, me: User) -> dict[str, Any]:
    found, usable = standing.template, queries.usability(standing.template, now=standing.now)
    mine = standing.may_approve(me.pk)
    has_given = any(one.approver_id == me.pk for one in standing.approvals)
    return {
        "template": found,
        "word": narration.word_of(found, now=standing.now),
        "usable": usable.outcome == policy.ALLOWED,
        "panel": narration.panel(standing, usable),
        "approvals": narration.approval_lines(found),
        "may_approve": mine.outcome == policy.ALLOWED and not has_given,
        "why_not": mine if mine.outcome == policy.REFUSED and standing.approvable.outcome == policy.ALLOWED else None,
        "has_given": has_given,
        "may_change": queries.may_decide(found, me).outcome == policy.ALLOWED,
        "seen": terms_of(found).digest,
    }


def _record(standing: Standing) -> dict[str, Any]:
    found, entries = standing.template, standing.history.entries
    changed = narration.since_last_approval(standing)
    names = names_of(narration.actors_in(entries))
    return {
        "parts": narration.parts(found),
        "changed": changed,
        "changed_since": names.get(changed.who, "somebody who is gone") if changed else "",
        "used": narration.use_in_words(queries.outcomes_of([found.pk]).get(found.pk, {})),
        "changes": queries.changes_from(found, limit=HISTORY),
        "timeline": narration.told(entries, names),
    }


# --- Writing ---------------------------------------------------------------------------------------------------------


@login_required
def new_template(request: HttpRequest) -> HttpResponse:
    """Propose a template; from a change that was filed before, if the address names one."""
    me = reader(request)
    form = NewTemplateForm(request.POST or None, initial=_as_filed(request.GET.get("like", "")))
    if request.method == "POST":
        made = attempt(form, lambda: _propose(form, me))
        if made:
            return _told_who_approves(request, made)
    return render(request, "preapproved/edit.html", {"form": form})


def _propose(form: NewTemplateForm, me: User) -> Template:
    return actions.propose_template(form.cleaned_data["slug"], form.terms(), by=caller_of_person(me))


def _as_filed(ref: str) -> dict[str, Any]:
    try:
        known = queries.draft_of(change_id(ref)) if ref else None
    except Missing:
        known = None
    return initial_of(dict(known)) if known else {}


@login_required
def edit_template(request: HttpRequest, slug: str) -> HttpResponse:
    """Change what a template says, or propose it again; two people approve it again."""
    found, me = _standing(slug).template, reader(request)
    form = TemplateForm(request.POST or None, initial=initial_of(asdict(terms_of(found))))
    seen = request.POST.get("seen", "")
    if request.method == "POST":
        by = caller_of_person(me)
        changed = attempt(form, lambda: actions.change_template(slug, form.terms(), by=by, seen=seen))
        if changed:
            return _told_who_approves(request, changed)
    return _edit_page(request, form, slug, seen=seen)


def _edit_page(request: HttpRequest, form: TemplateForm, slug: str, *, seen: str) -> HttpResponse:
    found = _standing(slug).template
    terms = terms_of(found)
    content: dict[str, Any] = {"form": form, "template": found, "seen": seen or terms.edition}
    is_stale = bool(seen) and seen != terms.edition and is_whole(form)
    if is_stale:
        present, typed = (one.content | {"name": one.name} for one in (terms, form.terms()))
        content |= {"beside": beside(found.ref, present=present, typed=typed, labels=ALL_LABELS)}
        content |= {"seen": terms.edition}
    return render(request, "preapproved/edit.html", content, status=409 if is_stale else 200)


def _told_who_approves(request: HttpRequest, changed: Template) -> HttpResponse:
    if changed.state == Template.State.PROPOSED:
        because = queries.standing_of(changed.slug).decision.because
        messages.success(request, f"{changed.name} waits for approval. {because}")
    else:
        messages.success(request, f"{changed.name} is saved.")
    return redirect(f"/templates/{changed.slug}")


# --- Deciding --------------------------------------------------------------------------------------------------------


@login_required
@require_POST
def approve_template(request: HttpRequest, slug: str) -> HttpResponse:
    """Approve what was on the page."""
    found, by = _standing(slug).template, caller_of_person(reader(request))

    def deed() -> Template:
        return actions.approve_template(found.slug, by=by, **said_in(ApprovalForm(request.POST)))

    return act(request, deed, done="Your approval counts.", back=f"/templates/{slug}#decide")


@login_required
@require_POST
def retire_template(request: HttpRequest, slug: str) -> HttpResponse:
    """End the use of a template."""
    found, by = _standing(slug).template, caller_of_person(reader(request))

    def deed() -> Template:
        return actions.retire_template(found.slug, by=by, **said_in(RetirementForm(request.POST)))

    return act(request, deed, done=f"{slug} is retired. No change can be made from it.", back=f"/templates/{slug}")
