"""The pages of the synchronisation."""

import uuid
from functools import partial

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.callers import caller_of_person
from accounts.pages import act, attempt, reader
from oncall.sync import actions, looking, planning, queries, reading
from oncall.sync.forms import ConfirmForm, PlanForm
from oncall.sync.models import Plan
from oncall.sync.planning import Intent
from workflow.errors import Forbidden, Missing


def _may_plan(request: HttpRequest) -> None:
    me = reader(request)
    if not (me.is_admin or queries.led_by(me.pk)):
        raise PermissionDenied("Only leads of teams, and administrators, see this.")


def _found(request: HttpRequest, pk: uuid.UUID) -> Plan:
    try:
        return queries.plan_for(pk, by=caller_of_person(reader(request)))
    except Missing as refusal:
        raise Http404(refusal.message) from refusal
    except Forbidden as refusal:
        raise PermissionDenied(refusal.message) from refusal


@login_required
@require_safe
def opsgenie(request: HttpRequest) -> HttpResponse:
    """What Opsgenie last said, what is kept in step, what drifted, and the plans so far."""
    _may_plan(request)
    template = "oncall/_opsgenie.html" if "HX-Request" in request.headers else "oncall/opsgenie.html"
    return render(request, template, {"page": reading.overview(timezone.now()), "form": PlanForm()})


@login_required
@require_POST
def ask(request: HttpRequest) -> HttpResponse:
    """Let a worker ask Opsgenie anew."""
    deed = partial(looking.ask_to_look, by=caller_of_person(reader(request)))
    return act(request, deed, done="Opsgenie is asked now.", back="/oncall/opsgenie")


@login_required
@require_safe
def people(request: HttpRequest) -> HttpResponse:
    """Whom only one side knows."""
    _may_plan(request)
    page = reading.strangers()
    return render(request, "oncall/opsgenie_people.html", {"page": page, "may_invite": reader(request).is_admin})


@login_required
@require_POST
def make_plan(request: HttpRequest) -> HttpResponse:
    """Let a worker plan, and show how far it is."""
    _may_plan(request)
    form, by = PlanForm(request.POST), caller_of_person(reader(request))
    plan = attempt(form, lambda: planning.ask_for_plan(Intent(**form.cleaned_data), by=by))
    if plan is None:
        page = reading.overview(timezone.now())
        return render(request, "oncall/opsgenie.html", {"page": page, "form": form}, status=422)
    return redirect(f"/oncall/opsgenie/plans/{plan.pk}")


@login_required
@require_safe
def plan(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """What would be done, or how far it is."""
    shown = reading.plan_page(_found(request, pk))
    template = "oncall/_opsgenie_plan.html" if "HX-Request" in request.headers else "oncall/opsgenie_plan.html"
    return render(request, template, {"page": shown, "form": ConfirmForm()})


@login_required
@require_POST
def apply_plan(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Let a worker apply it."""
    found, by = _found(request, pk), caller_of_person(reader(request))
    deed = partial(actions.ask_to_apply, found, by=by, confirmation=request.POST.get("confirm", "")[:100])
    return act(request, deed, done="A worker applies it now.", back=f"/oncall/opsgenie/plans/{pk}")
