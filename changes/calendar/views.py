"""The pages of the calendar."""

from zoneinfo import ZoneInfo

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from changes.calendar.filters import read_wanted
from changes.calendar.page import content_of


@login_required
@require_safe
def calendar(request: HttpRequest) -> HttpResponse:
    """What is coming in a week or a month, what stands in each other's way, and when nothing shall be changed."""
    now, zone = timezone.now(), ZoneInfo(timezone.get_current_timezone_name())
    wanted = read_wanted(request.GET, now=now, zone=zone)
    status = 400 if wanted.complaints else 200
    return render(request, "calendar/calendar.html", content_of(wanted, now=now), status=status)
