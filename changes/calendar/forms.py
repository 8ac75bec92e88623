"""The form that makes a link to the calendar. Shape only."""

from typing import Any
from urllib.parse import urlencode

from django import forms

from accounts.models import Team
from catalog.models import Environment, Service


def _slugs(model: Any) -> Any:
    return lambda: [
        ("", "Any"),
        *((slug, slug) for slug in model.objects.order_by("slug").values_list("slug", flat=True)),
    ]


class LinkForm(forms.Form):
    """What the link shows; nothing chosen means everything."""

    service = forms.ChoiceField(required=False, choices=_slugs(Service))
    team = forms.ChoiceField(required=False, choices=_slugs(Team))
    environment = forms.ChoiceField(required=False, choices=_slugs(Environment))
    customer_impacting = forms.ChoiceField(
        required=False, label="Customers notice", choices=[("", "Any"), ("true", "yes"), ("false", "no")]
    )

    def query(self) -> str:
        """What was chosen, as it stands in an address."""
        return urlencode({name: value for name, value in self.cleaned_data.items() if value})
