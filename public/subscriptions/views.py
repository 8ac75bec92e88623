"""Where people outside subscribe, confirm, change and leave. Nobody signs in; the link in a mail is the key."""

from datetime import UTC, datetime
from typing import Any

from allauth.core import ratelimit
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from accounts.pages import attempt, succeeds
from public.look import look
from public.subscriptions import actions, links, queries
from public.subscriptions.forms import SubscribeForm, WishForm
from public.subscriptions.models import Subscriber
from workflow.errors import Forbidden, RuleViolation


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def subscribe(request: HttpRequest) -> HttpResponse:
    """Ask for mails; the answer is the same for every address."""
    form = SubscribeForm(request.POST or None)
    if request.method == "POST":
        too_many: HttpResponse | None = ratelimit.consume_or_429(request, action="subscribe")
        if too_many:
            return too_many
        if succeeds(form, lambda: actions.ask(form.cleaned_data["email"], form.wish())):
            return _page(request, "public/asked.html", {"email": form.cleaned_data["email"]})
    return _page(request, "public/subscribe.html", {"form": form}, status=422 if form.errors else 200)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def subscription(request: HttpRequest, token: str) -> HttpResponse:
    """Confirm a subscription or change it; a mail scanner that only opens the link does neither."""
    link = _link(token)
    if request.method == "POST" and request.POST.get("do") == "leave":
        actions.leave(link)
    known = queries.subscriber_behind(link)
    if known is None:
        return _page(request, "public/left.html", {})
    form = WishForm(request.POST if "choose" in request.POST.get("do", "") else None, initial=_present(known))
    words: dict[str, Any] = {"subscriber": known, "form": form, "token": token, "done": "", "problem": ""}
    if request.method == "POST":
        words |= _changed(request, link, form)
    return _page(request, "public/subscription.html", words, status=422 if words["problem"] or form.errors else 200)


def _changed(request: HttpRequest, link: links.Link, form: WishForm) -> dict[str, Any]:
    if request.POST.get("do") == "choose":
        chosen = attempt(form, lambda: actions.choose(link, form.wish()))
        return {"subscriber": chosen, "done": "Saved."} if chosen else {}
    try:
        return {"subscriber": actions.confirm(link), "done": "You are subscribed."}
    except RuleViolation as refusal:
        return {"problem": refusal.message}


@csrf_exempt  # a mail program posts it, without a session or a cookie; the signed link is all that it can show
@never_cache
@require_POST
def leave(request: HttpRequest, token: str) -> HttpResponse:
    """End a subscription by one click of a mail program (RFC 8058)."""
    actions.leave(_link(token))
    return _page(request, "public/left.html", {})


def _link(token: str) -> links.Link:
    try:
        return links.read(token)
    except Forbidden as refusal:
        raise PermissionDenied(refusal.message) from refusal


def _present(subscriber: Subscriber) -> dict[str, Any]:
    return {
        "wants_status": subscriber.wants_status,
        "wants_changes": subscriber.wants_changes,
        "components": [component.slug for component in subscriber.components.all()],
    }


def _page(request: HttpRequest, template: str, words: dict[str, Any], *, status: int = 200) -> HttpResponse:
    frame = {"look": look(), "now": datetime.now(UTC), "here": request.path}
    return render(request, template, frame | words, status=status)
