"""The pages of services and environments."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from accounts.models import User
from accounts.pages import admins_only, attempt, reader, succeeds
from catalog import actions
from catalog.actions import ServiceFacts
from catalog.forms import EnvironmentForm, NewEnvironmentForm, NewServiceForm, ServiceForm
from catalog.models import Environment, Service

# --- Services -------------------------------------------------------------------------------------------------------


@login_required
def services(request: HttpRequest) -> HttpResponse:
    """Every service with owner, tier and what it needs."""
    found = Service.objects.select_related("team").prefetch_related("depends_on").order_by("tier", "slug")
    return render(request, "catalog/services.html", {"services": found, "tab": "services"})


@admins_only
def new_service(request: HttpRequest) -> HttpResponse:
    """Make a service."""
    form = NewServiceForm(request.POST or None)
    if request.method == "POST":
        made = attempt(form, lambda: _add(dict(form.cleaned_data), by=reader(request)))
        if made:
            messages.success(request, f"{made.name} is there.")
            return redirect("settings_services")
    return render(request, "catalog/edit_service.html", {"form": form, "tab": "services"})


def _add(facts: dict[str, Any], *, by: User) -> Service:
    depends_on = facts.pop("depends_on")
    return actions.add_service(ServiceFacts(**facts), depends_on=depends_on, by=by)


@admins_only
def edit_service(request: HttpRequest, slug: str) -> HttpResponse:
    """Change a service."""
    service = get_object_or_404(Service, slug=slug)
    names = ("name", "team", "tier", "description", "is_public")
    initial = {name: getattr(service, name) for name in names} | {"depends_on": service.depends_on.all()}
    form = ServiceForm(request.POST or None, initial=initial)
    if request.method == "POST" and succeeds(
        form, lambda: actions.change_service(service, by=reader(request), **form.cleaned_data)
    ):
        messages.success(request, f"{service.name} is saved.")
        return redirect("settings_services")
    return render(request, "catalog/edit_service.html", {"form": form, "service": service, "tab": "services"})


# --- Environments ---------------------------------------------------------------------------------------------------


@login_required
def environments(request: HttpRequest) -> HttpResponse:
    """Every environment."""
    context = {"environments": Environment.objects.all(), "tab": "environments"}
    return render(request, "catalog/environments.html", context)


@admins_only
def new_environment(request: HttpRequest) -> HttpResponse:
    """Make an environment."""
    form = NewEnvironmentForm(request.POST or None)
    if request.method == "POST":
        made = attempt(form, lambda: actions.add_environment(by=reader(request), **form.cleaned_data))
        if made:
            messages.success(request, f"{made.name} is there.")
            return redirect("settings_environments")
    return render(request, "catalog/edit_environment.html", {"form": form, "tab": "environments"})


@admins_only
def edit_environment(request: HttpRequest, slug: str) -> HttpResponse:
    """Change an environment."""
    found = get_object_or_404(Environment, slug=slug)
    initial = {"name": found.name, "is_production": found.is_production}
    form = EnvironmentForm(request.POST or None, initial=initial)
    if request.method == "POST" and succeeds(
        form, lambda: actions.change_environment(found, by=reader(request), **form.cleaned_data)
    ):
        messages.success(request, f"{found.name} is saved.")
        return redirect("settings_environments")
    context = {"form": form, "environment": found, "tab": "environments"}
    return render(request, "catalog/edit_environment.html", context)
