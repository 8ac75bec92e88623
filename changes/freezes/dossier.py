"""Everything that the page of one freeze shows, gathered."""

from typing import Any

from django.utils import timezone

from accounts.models import User
from changes.freezes import narration, policy, queries
from changes.freezes.forms import OverrideForm
from changes.freezes.models import Freeze
from changes.queries import timeline_with_names
from workflow.lines import listed

NAMED = 5
"""How many of those who can act the page names."""


def dossier_of(freeze: Freeze, reader: User, *, form: OverrideForm) -> dict[str, Any]:
    """The content of templates/freezes/freeze.html; `form` is shown to those who may ask, and whenever it was sent."""
    now, scope = timezone.now(), queries.scope_of(freeze)
    times, (entries, names) = narration.times_of(freeze, now=now), timeline_with_names(freeze.ref)
    may_decide = queries.may_decide(freeze, reader).outcome == policy.ALLOWED
    others = [person.name for person in queries.who_decide(scope) if person.pk != reader.pk]
    return {
        "freeze": freeze,
        "look": "hard" if freeze.is_hard else "soft",
        "panel": narration.panel_of(freeze, times, now=now),
        "times": times,
        "is_over": not times,
        "covers": queries.covers_in_words(freeze),
        "repeats": narration.repeats_in_words(freeze.rrule, freeze.time_zone),
        "overrides": narration.override_lines(freeze.overrides.all(), now=now),
        "may_decide": may_decide,
        "others": listed(others[:NAMED], last="or"),
        "form": form if form.is_bound or (may_decide and freeze.is_hard and times) else None,
        "told": narration.told_of(entries, names),
    }
