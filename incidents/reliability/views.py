"""The page of reliability."""

from datetime import timedelta
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from catalog.models import Service
from incidents.reliability import queries

PERIODS = (30, 90, 365)
NAMES = {
    "time_to_detect": "Time to detect",
    "time_to_acknowledge": "Time to acknowledge",
    "time_to_mitigate": "Time to mitigate",
    "time_to_resolve": "Time to resolve",
    "public_lag": "Public lag",
}


@login_required
@require_safe
def reliability(request: HttpRequest) -> HttpResponse:
    """How fast incidents are noticed and ended, how available services were, and which causes came back."""
    said, slug = request.GET.get("days", "90"), request.GET.get("service", "").replace("\x00", "")
    services = list(Service.objects.order_by("slug"))
    service = next((one for one in services if one.slug == slug), None)
    if slug and service is None:
        raise Http404("There is no such service.")
    days = int(said) if said in {str(period) for period in PERIODS} else 90
    return render(request, "incidents/reliability.html", _content(service, services, days))


def _content(service: Service | None, services: list[Service], days: int) -> dict[str, Any]:
    now = timezone.now()
    found = queries.reliability_of(service, start=now - timedelta(days=days), end=now)
    durations = [(NAMES[one.name], one) for one in found.durations]
    known = {"found": found, "durations": durations, "days": days, "periods": PERIODS}
    return {**known, "service": service, "services": services}
