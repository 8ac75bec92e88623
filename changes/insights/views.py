"""The pages of insights."""

from zoneinfo import ZoneInfo

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from changes.insights import page, queries
from changes.insights.definitions import BY_SLUG


def _zone() -> ZoneInfo:
    return ZoneInfo(timezone.get_current_timezone_name())


@login_required
@require_safe
def insights(request: HttpRequest) -> HttpResponse:
    """Whether delivery is getting better: every service in a table, or one with its weeks."""
    wanted = page.read_wanted(request.GET.dict())
    content = page.content_of(wanted, now=timezone.now(), zone=_zone())
    return render(request, "insights/insights.html", content, status=400 if wanted.complaints else 200)


@login_required
@require_safe
def metric(request: HttpRequest, service: str, metric: str) -> HttpResponse:
    """One metric of one service: what it means, and the changes that it counts and leaves out."""
    definition, found = BY_SLUG.get(metric), queries.services_of(service=service).services
    if definition is None or not found:
        raise Http404(f"There is no metric {metric} of a service {service}.")
    days = page.read_wanted({"days": request.GET.get("days", "")}).days
    periods = page.periods_of(days, now=timezone.now(), zone=_zone())
    (known,) = queries.known_of(found, periods.both)
    content = page.content_of_metric(known, definition, days=days, periods=periods)
    return render(request, "insights/metric.html", content)
