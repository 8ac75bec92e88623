"""The pages of teams."""

from functools import partial

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.forms import model_to_dict
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from accounts.models import Team, User
from accounts.pages import act, admins_only, attempt, reader, succeeds
from accounts.teams import actions, queries
from accounts.teams.forms import MemberForm, NewTeamForm, TeamForm


@login_required
def teams(request: HttpRequest) -> HttpResponse:
    """Every team."""
    return render(request, "accounts/teams.html", {"teams": queries.teams(), "tab": "teams"})


@login_required
def team(request: HttpRequest, slug: str) -> HttpResponse:
    """One team: people, leads, services."""
    found = get_object_or_404(Team, slug=slug)
    context = {"team": found, "members": queries.members(found), "form": MemberForm(), "tab": "teams"}
    return render(request, "accounts/team.html", context)


@admins_only
def new_team(request: HttpRequest) -> HttpResponse:
    """Make a team."""
    form = NewTeamForm(request.POST or None)
    if request.method == "POST":
        made = attempt(form, lambda: actions.add_team(by=reader(request), **form.cleaned_data))
        if made:
            messages.success(request, f"{made.name} is there. Add its people now.")
            return redirect("settings_team", slug=made.slug)
    return render(request, "accounts/edit_team.html", {"form": form, "tab": "teams"})


@admins_only
def edit_team(request: HttpRequest, slug: str) -> HttpResponse:
    """Change a team's name, its channel and its morning."""
    found = get_object_or_404(Team, slug=slug)
    form = TeamForm(request.POST or None, initial=model_to_dict(found, TeamForm.base_fields))
    if request.method == "POST" and succeeds(
        form, lambda: actions.change_team(found, by=reader(request), **form.cleaned_data)
    ):
        messages.success(request, f"{found.name} is saved.")
        return redirect("settings_team", slug=slug)
    return render(request, "accounts/edit_team.html", {"form": form, "team": found, "tab": "teams"})


@admins_only
@require_POST
def put_member(request: HttpRequest, slug: str) -> HttpResponse:
    """Add somebody, or make a member a lead."""
    found = get_object_or_404(Team, slug=slug)
    form = MemberForm(request.POST)
    if succeeds(form, lambda: _put(found, form, by=reader(request))):
        messages.success(request, f"{form.cleaned_data['person']} is in {found.name}.")
        return redirect("settings_team", slug=slug)
    context = {"team": found, "members": queries.members(found), "form": form, "tab": "teams"}
    return render(request, "accounts/team.html", context)


def _put(team: Team, form: MemberForm, *, by: User) -> None:
    actions.put_member(team, form.cleaned_data["person"], is_lead=form.cleaned_data["is_lead"], by=by)


@admins_only
@require_POST
def remove_member(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """End a membership."""
    found, person = get_object_or_404(Team, slug=slug), get_object_or_404(User, pk=pk)
    done = f"{person} is no longer in {found.name}."
    deed = partial(actions.remove_member, found, person, by=reader(request))
    return act(request, deed, done=done, back=f"/settings/teams/{slug}")
