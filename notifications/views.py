"""The delivery log, where people see whether the page went out."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from notifications import actions, queries
from notifications import messages as wording
from notifications.forms import LogFilter
from notifications.models import Message
from notifications.policy import Eyes
from workflow.errors import RuleViolation
from workflow.paging import Cursor

PAGE_SIZE = 50
LABELS = {"state": "State", "channel": "Channel", "subject": "About"}


@login_required
@require_safe
def delivery(request: HttpRequest) -> HttpResponse:
    """Every message, newest first, with what became of it."""
    form = LogFilter(request.GET)
    chosen = form.chosen()
    summary = queries.summary()
    context = {
        "form": form,
        "chips": _chips(chosen),
        "summary": summary,
        "sentence": wording.how_it_goes(summary),
        "is_stuck": wording.is_stuck(summary),
        "self_watch": wording.self_watch(summary.health.watched, is_told=bool(settings.HEARTBEAT_URL)),
        "back": _query(chosen),
        **_page(chosen, form.cleaned_data.get("cursor"), eyes=_eyes(request)),
    }
    return render(request, "notifications/delivery.html", context)


@login_required
@require_POST
def retry(request: HttpRequest, pk: int) -> HttpResponse:
    """Send a message again, now."""
    return _answer(request, lambda actor: actions.retry_now(pk, **actor), "“{}” is being sent again.")


@login_required
@require_POST
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Call a message off."""
    return _answer(request, lambda actor: actions.cancel_message(pk, **actor), "“{}” is called off.")


def _answer(request: HttpRequest, deed: Callable[[dict[str, Any]], Message], said: str) -> HttpResponse:
    reader: Any = request.user
    try:
        message = deed({"actor": reader.actor, "is_admin": reader.is_admin, "at": timezone.now()})
    except RuleViolation as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, said.format(message.title))
    back = QueryDict(request.POST.get("back", "")).urlencode()
    return redirect(reverse("delivery") + (f"?{back}" if back else ""))


def _eyes(request: HttpRequest) -> Eyes:
    reader: Any = request.user
    return Eyes(is_admin=reader.is_admin, own=() if reader.is_admin else reader.addresses())


def _page(chosen: dict[str, str], cursor: Cursor | None, *, eyes: Eyes) -> dict[str, Any]:
    """The rows of a page and the addresses of its neighbours, "" where there is none."""
    rows = queries.page_of_log(queries.Wanted(**chosen), cursor=cursor, size=PAGE_SIZE)
    has_more = len(rows) > PAGE_SIZE
    is_upward = cursor is not None and cursor.is_newer
    shown = (rows[1:] if is_upward else rows[:PAGE_SIZE]) if has_more else rows
    has_newer, has_older = (has_more, True) if is_upward else (cursor is not None, has_more)
    newer = _address(chosen, shown[0], is_newer=True) if shown and has_newer else ""
    older = _address(chosen, shown[-1], is_newer=False) if shown and has_older else ""
    return {"rows": queries.for_eyes(shown, eyes), "newer": newer, "older": older}


def _address(chosen: dict[str, str], row: Message, *, is_newer: bool) -> str:
    return f"?{_query({**chosen, 'cursor': str(Cursor(row.created_at, row.pk, is_newer))})}"


def _query(chosen: dict[str, str]) -> str:
    query = QueryDict(mutable=True)
    query.update(chosen)
    return query.urlencode()


def _chips(chosen: dict[str, str]) -> list[dict[str, str]]:
    words = {**dict(Message.State.choices), **dict(Message.Channel.choices)}
    return [
        {
            "label": LABELS[name],
            "value": words.get(value, value),
            "edit_url": "#filters",
            "remove_url": f"?{_query({other: kept for other, kept in chosen.items() if other != name})}",
        }
        for name, value in chosen.items()
    ]
