"""The pages on which people say how they are reached, and the one on which they turn mails off without signing in."""

from functools import partial
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from accounts.contacts import actions, pages, unsubscribe
from accounts.contacts.forms import CodeForm, ContactForm, PreferenceForm, initial_of
from accounts.contacts.policy import Urgency
from accounts.contacts.queries import addressee
from accounts.pages import act, attempt, reader, succeeds
from workflow.errors import Forbidden, Missing

HOME = "settings_notifications"


@login_required
def notifications(request: HttpRequest) -> HttpResponse:
    """What goes where and when, and the addresses."""
    me = reader(request)
    found = addressee(me)
    form = PreferenceForm(request.POST or None, ways=found.ways, initial=initial_of(found))
    if request.method == "POST" and succeeds(form, lambda: actions.change_preference(me, form.wish(), actor=me.actor)):
        messages.success(request, "It is saved, and counts from the next message on.")
        return redirect(HOME)
    return _page(request, form=form)


def _page(request: HttpRequest, **changed: Any) -> HttpResponse:
    context = pages.page_of(reader(request)) | {"tab": "notifications", **changed}
    context["ways"] = [context["form"][urgency] for urgency in Urgency]
    context["rows"] = pages.rows_of(context["form"], context["found"])
    return render(request, "accounts/notifications.html", context)


@login_required
@require_POST
def add_contact(request: HttpRequest) -> HttpResponse:
    """Keep another address and send a code there."""
    form = ContactForm(request.POST)
    made = attempt(form, lambda: actions.add_contact(reader(request), **form.cleaned_data))
    if made is None:
        return _page(request, contact_form=form)
    messages.success(request, f"A code is on its way to {made.address}. Type it here.")
    return redirect("settings_verify_contact", pk=made.pk)


@login_required
def verify_contact(request: HttpRequest, pk: int) -> HttpResponse:
    """Take the code that was sent to an address."""
    contact = pages.own_or_404(reader(request), pk)
    form = CodeForm(request.POST or None)
    if request.method == "POST" and succeeds(
        form, lambda: actions.verify_contact(reader(request), pk, form.cleaned_data["code"])
    ):
        messages.success(request, f"{contact.address} is verified. Choose what goes there.")
        return redirect(HOME)
    context = {"form": form, "contact": contact, "tab": "notifications"}
    return render(request, "accounts/verify_contact.html", context)


@login_required
@require_POST
def send_code(request: HttpRequest, pk: int) -> HttpResponse:
    """Send another code."""
    contact = pages.own_or_404(reader(request), pk)
    done = f"A new code is on its way to {contact.address}. The one before counts no more."
    deed = partial(actions.send_code, reader(request), pk)
    return act(request, deed, done=done, back=f"/settings/notifications/contacts/{pk}/verify")


@login_required
@require_POST
def remove_contact(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget an address."""
    contact = pages.own_or_404(reader(request), pk)
    done = f"{contact.address} is removed. Nothing is sent there any more."
    return act(request, partial(actions.remove_contact, reader(request), pk), done=done, back="/settings/notifications")


@login_required
@require_POST
def send_test(request: HttpRequest) -> HttpResponse:
    """Send the reader a test on one of their ways."""
    done = "A test is on its way. The list at the end of this page says what became of it."
    deed = partial(actions.send_test, reader(request), request.POST.get("way", ""))
    return act(request, deed, done=done, back="/settings/notifications#tests")


@csrf_exempt  # a mail program posts it, without a session or a cookie; the signed link is all that it can show
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def stop_mails(request: HttpRequest, token: str) -> HttpResponse:
    """Say what a link from a mail turns off and, on a POST, turn it off. Nobody needs to be signed in."""
    try:
        link = unsubscribe.read(token)
        if request.method == "POST":
            actions.stop_mails(link)
    except (Forbidden, Missing) as refusal:
        raise PermissionDenied(refusal.message) from refusal
    words = {"what": unsubscribe.TURNS_OFF[link.kind], "remains": unsubscribe.REMAINS[link.kind]}
    return render(request, "accounts/unsubscribe.html", {**words, "is_done": request.method == "POST"})
