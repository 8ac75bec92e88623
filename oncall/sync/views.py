"""The pages of the synchronisation."""

import uuid
from functools import partial

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.callers import caller_of_person
from accounts.pages import act, attempt, reader
from oncall.providers import from_settings
from oncall.sync import actions, queries, reading
from oncall.sync.forms import ConfirmForm, PlanForm
from oncall.sync.models import Plan
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
    """Whether Opsgenie is connected, what is kept in step, what drifted, and the plans so far."""
    _may_plan(request)
    return render(request, "oncall/opsgenie.html", {"page": reading.overview(), "form": PlanForm()})


@login_required
@require_POST
def make_plan(request: HttpRequest) -> HttpResponse:
    """Plan, and show the plan."""
    _may_plan(request)
    form, by = PlanForm(request.POST), caller_of_person(reader(request))
    plan = attempt(form, lambda: actions.make_plan(form.cleaned_data["direction"], remote=from_settings, by=by))
    if plan is None:
        return render(request, "oncall/opsgenie.html", {"page": reading.overview(), "form": form}, status=422)
    return redirect(f"/oncall/opsgenie/plans/{plan.pk}")


@login_required
@require_safe
def plan(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """What would be done, or how far it is."""
    shown = reading.plan_page(_found(request, pk))
    return render(request, "oncall/opsgenie_plan.html", {"page": shown, "form": ConfirmForm()})


@login_required
@require_POST
def apply_plan(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Let a worker apply it."""
    found, by = _found(request, pk), caller_of_person(reader(request))
    deed = partial(actions.ask_to_apply, found, by=by, confirmation=request.POST.get("confirm", "")[:100])
    return act(request, deed, done="A worker applies it now.", back=f"/oncall/opsgenie/plans/{pk}")
