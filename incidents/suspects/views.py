"""The page that says how good the ranking of suspects is."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from incidents.suspects import policy, queries


@login_required
@require_safe
def backtest(request: HttpRequest) -> HttpResponse:
    """How often the confirmed cause was on top, and the weights by which changes are ranked."""
    content = {
        "rate": queries.backtest(since=timezone.now() - queries.YEAR),
        "version": policy.VERSION,
        "nearness": policy.NEARNESS,
        "distance": policy.DISTANCE.values(),
        "others": [
            *policy.OUTCOMES.values(),
            *policy.VERDICTS.values(),
            *policy.RISKS.values(),
            (policy.UNDER_WAY, "Still under way"),
            (policy.EMERGENCY, "An emergency"),
            (policy.FELT, "Customers notice it"),
        ],
    }
    return render(request, "incidents/backtest.html", content)
