"""The pages of summaries: when they go out, what each would say now, and a test of it."""

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts.pages import act, reader
from home.summaries import actions, messages, page
from home.summaries.forms import SendTestForm
from home.summaries.policy import Kind
from home.summaries.queries import Audience
from notifications import outbox


@login_required
@require_safe
def summaries(request: HttpRequest) -> HttpResponse:
    """Every channel's summaries: the last, the next. Anybody who is signed in may look."""
    content = {"rows": page.rows(now=timezone.now()), "has_slack": outbox.reaches(actions.SLACK)}
    return render(request, "summaries/list.html", content)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def preview(request: HttpRequest, kind: Kind) -> HttpResponse:
    """What a channel would be told now, for anybody who is signed in; a POST sends a test."""
    audience = page.audience_of(request.GET.get("channel", ""))
    if audience is None or kind not in audience.kinds:
        raise Http404
    if request.method == "POST":
        return _test(request, kind, audience)
    told = messages.summary(kind, page.day_of(audience, now=timezone.now()))
    content = {"summary": told, "audience": audience, "siblings": page.siblings(kind, audience)}
    return render(request, "summaries/preview.html", content)


def _test(request: HttpRequest, kind: Kind, audience: Audience) -> HttpResponse:
    form, me = SendTestForm(request.POST), reader(request)
    is_to_channel = form.is_valid() and form.cleaned_data["to"] == "channel"
    where = audience.channel if is_to_channel else me.email
    return act(
        request,
        lambda: actions.send_test(kind, audience, by=me, is_to_channel=is_to_channel, at=timezone.now()),
        done=f"A test is on its way to {where}. One a minute is sent; the delivery log says what becomes of it.",
        back=page.preview_url(kind, audience),
    )
