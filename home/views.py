"""The Now page: what is happening, and what waits for me."""

from datetime import datetime
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.models import User
from accounts.pages import reader
from changes.pipelines.snippets import first_curl
from changes.preapproved.queries import waiting_for as templates_waiting_for
from changes.queries import Happening, filter_choices
from changes.tickets.duties import duties_of
from home import queries
from home.incidents import open_incidents
from home.queue import Found, grouped, queue
from home.watch import on_watch
from workflow import moments


@login_required
@require_safe
def now(request: HttpRequest) -> HttpResponse:
    """What is happening, and what waits for the reader; in an empty installation, what to do first."""
    me, at = reader(request), timezone.now()
    changes = queries.around(at)
    is_empty = not any(changes)
    content = {"today_in_words": _today_in_words(at), "is_empty": is_empty, **_waiting(me, at)}
    content["incidents"] = open_incidents(me.pk, now=at)
    content["watch"] = [] if is_empty else on_watch(me, now=at)
    content |= _first_steps(me) if is_empty else _happening(changes, at)
    return render(request, "home/now.html", content)


@login_required
@require_safe
def my_queue(request: HttpRequest) -> HttpResponse:
    """Everything that waits for the reader, under what it asks of them."""
    me, at = reader(request), timezone.now()
    return render(request, "home/queue.html", {"groups": grouped(_waiting(me, at)["waiting"])})


def _today_in_words(at: datetime) -> str:
    return f"{moments.long_day(at).partition(', ')[2]}, {moments.clock(at)} {moments.zone()}"


def _waiting(me: User, at: datetime) -> dict[str, Any]:
    owed = queries.owed_by(me, now=at)
    found = Found(
        unproven=owed.deploys,
        untrusted=owed.untrusted,
        to_confirm=queries.to_confirm(me, now=at),
        duties=duties_of(me, now=at),
        templates=templates_waiting_for(me, now=at),
    )
    return {"waiting": queue(found, now=at)}


def _happening(changes: Happening, at: datetime) -> dict[str, Any]:
    midnight = timezone.localtime(at).replace(hour=0, minute=0, second=0, microsecond=0)
    return {
        "around": changes.around,
        "ended": changes.ended,
        "today": queries.today(midnight),
        "since": f"since={midnight:%Y-%m-%d}",
    }


def _first_steps(me: User) -> dict[str, Any]:
    choices = filter_choices()
    kinds = {kind for kind, _ in choices}
    return {
        "has_services": {"service", "environment"} <= kinds,
        "has_token": queries.has_token(me),
        "snippet": first_curl(choices),
    }
