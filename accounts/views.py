"""The pages of people and tokens."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from accounts import actions, examples, invitations, queries
from accounts.actions import Person, TokenTerms
from accounts.contacts.queries import addressee, mail_leaves, reach_of
from accounts.examples import Landscape
from accounts.forms import FounderForm, InvitationForm, PersonForm, ProfileForm, TokenForm
from accounts.models import ApiToken, User
from accounts.pages import Page, act, admins_only, attempt, reader, succeeds

# --- The first administrator ----------------------------------------------------------------------------------------


def welcome(request: HttpRequest) -> HttpResponse:
    """Make the first administrator of a new installation; later there is nothing here."""
    if User.objects.exists():
        raise Http404("This installation has its first administrator.")
    form = FounderForm(request.POST or None)
    if request.method == "POST" and succeeds(form, lambda: _found(form)):
        messages.success(request, "Your account is made. Sign in with it.")
        return redirect("account_login")
    return render(request, "accounts/welcome.html", {"form": form})


def _found(form: FounderForm) -> User:
    person = Person(form.cleaned_data["email"], form.cleaned_data["name"])
    return actions.found_installation(person, password=form.cleaned_data["password"])


# --- Oneself --------------------------------------------------------------------------------------------------------


@login_required
def profile(request: HttpRequest) -> HttpResponse:
    """Name and time zone of the reader."""
    me = reader(request)
    form = ProfileForm(request.POST or None, initial={"name": me.name, "time_zone": me.time_zone})
    if request.method == "POST" and succeeds(form, lambda: actions.change_person(me, by=me, **form.cleaned_data)):
        messages.success(request, "Your profile is saved.")
        return redirect("settings_profile")
    return render(request, "accounts/profile.html", {"form": form, "tab": "profile"})


# --- People ---------------------------------------------------------------------------------------------------------


@login_required
def people(request: HttpRequest) -> HttpResponse:
    """Everybody with an account."""
    return render(request, "accounts/people.html", {"people": queries.people(), "tab": "people"})


@admins_only
def invite(request: HttpRequest) -> HttpResponse:
    """Make an account and tell its owner how to get in."""
    known = {"email": request.GET.get("email", "")[:254], "name": request.GET.get("name", "")[:100]}
    form = InvitationForm(request.POST or None, initial=known)
    if request.method == "POST":
        invited = attempt(form, lambda: invitations.invite(Person(**form.cleaned_data), by=reader(request)))
        if invited:
            return _invited(request, *invited)
    return render(request, "accounts/invite.html", {"form": form, "tab": "people"})


@admins_only
@require_POST
def invite_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Send a fresh link to set a password."""
    user = get_object_or_404(User, pk=pk, is_active=True)
    return _invited(request, user, invitations.send_link(user, by=reader(request)))


def _invited(request: HttpRequest, user: User, link: str) -> HttpResponse:
    """Show the link itself only where no mail leaves the house, because who has it can become this person."""
    if not mail_leaves():
        return render(request, "accounts/invited.html", {"person": user, "link": link, "tab": "people"})
    messages.success(request, f"{user.email} gets a mail with a link to set a password. It works for 3 days.")
    return redirect("settings_person", pk=user.pk)


@admins_only
def person(request: HttpRequest, pk: int) -> HttpResponse:
    """One account: name, zone, administrator or not."""
    user = get_object_or_404(User.objects.prefetch_related("teams", "tokens"), pk=pk)
    initial = {"name": user.name, "time_zone": user.time_zone, "is_admin": user.is_admin}
    form = PersonForm(request.POST or None, initial=initial)
    if request.method == "POST" and succeeds(
        form, lambda: actions.change_person(user, by=reader(request), **form.cleaned_data)
    ):
        messages.success(request, f"{user.name} is saved.")
        return redirect("settings_people")
    reach = reach_of(addressee(user))
    context = {"form": form, "person": user, "reach": reach, "tab": "people"}
    return render(request, "accounts/person.html", context)


@admins_only
def deactivate(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask whether somebody shall be shut out, and do it."""
    user = get_object_or_404(User, pk=pk, is_active=True)
    if request.method == "POST":
        deed = partial(actions.deactivate_person, user, by=reader(request))
        return act(request, deed, done=f"{user.name} can no longer sign in.", back=f"/settings/people/{pk}")
    return render(request, "accounts/deactivate.html", {"person": user, "tab": "people"})


@admins_only
@require_POST
def reactivate(request: HttpRequest, pk: int) -> HttpResponse:
    """Let somebody in again."""
    user = get_object_or_404(User, pk=pk, is_active=False)
    done = f"{user.name} has an account again. Send a link, so that a new password can be set."
    deed = partial(actions.reactivate_person, user, by=reader(request))
    return act(request, deed, done=done, back=f"/settings/people/{pk}")


# --- Tokens ---------------------------------------------------------------------------------------------------------


@login_required
def tokens(request: HttpRequest) -> HttpResponse:
    """The tokens of the reader; administrators see all."""
    context = {"tokens": queries.tokens_for(reader(request))[:200], "now": timezone.now(), "tab": "tokens"}
    return render(request, "accounts/tokens.html", context)


def new_token(landscape: Callable[[list[str], list[str]], Landscape]) -> Page:
    """The page that makes a token; `landscape` tells what there is, preferring what lies within given limits."""

    @login_required
    def page(request: HttpRequest) -> HttpResponse:
        known = landscape([], [])
        form = TokenForm(request.POST or None, services=known.services, environments=known.environments)
        if request.method == "POST":
            made = attempt(form, lambda: actions.create_token(reader(request), _terms(form)))
            if made:
                token, text = made
                return _show_once(request, token, text, landscape(token.services, token.environments))
        return render(request, "accounts/new_token.html", {"form": form, "tab": "tokens"})

    return page


def _terms(form: TokenForm) -> TokenTerms:
    days = form.cleaned_data["days"]
    return TokenTerms(
        name=form.cleaned_data["name"],
        scopes=form.cleaned_data["scopes"],
        services=form.cleaned_data["services"],
        environments=form.cleaned_data["environments"],
        expires_at=timezone.now() + timedelta(days=days) if days else None,
    )


def _show_once(request: HttpRequest, token: ApiToken, text: str, landscape: Landscape) -> HttpResponse:
    """The only page that ever shows the text; it is in the answer to the POST and is stored nowhere."""
    command = examples.curl(text, base_url=settings.BASE_URL, scopes=token.scopes, landscape=landscape)
    context = {"token": token, "text": text, "command": command, "landscape": landscape, "tab": "tokens"}
    return render(request, "accounts/token_made.html", context)


@login_required
def revoke_token(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask whether a token shall end, and end it."""
    token = get_object_or_404(queries.tokens_for(reader(request)), pk=pk)
    if request.method == "POST":
        deed = partial(actions.revoke_token, token, by=reader(request))
        return act(request, deed, done=f"{token.name} no longer works.", back="/settings/tokens")
    return render(request, "accounts/revoke_token.html", {"token": token, "tab": "tokens"})
