"""The shape of what subscribers type."""

from typing import Any

from django import forms

from public import boundary
from public.subscriptions.actions import Wish


class WishForm(forms.Form):
    """What somebody wants to hear of."""

    wants_status = forms.BooleanField(required=False, initial=True, label="Incidents and maintenance")
    wants_changes = forms.BooleanField(required=False, label="The change log")
    components = forms.MultipleChoiceField(
        choices=[],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="Only these services",
        help_text="None chosen means all of them.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._known = list(boundary.components())
        chosen: Any = self.fields["components"]
        chosen.choices = [(component.slug, component.name) for component in self._known]

    def wish(self) -> Wish:
        """What was chosen."""
        said = self.cleaned_data
        components = [component for component in self._known if component.slug in said["components"]]
        return Wish(components, said["wants_status"], said["wants_changes"])


class SubscribeForm(WishForm):
    """The same with an address."""

    email = forms.EmailField(
        max_length=254, label="E-mail", widget=forms.EmailInput(attrs={"autocomplete": "email", "inputmode": "email"})
    )
    field_order = ("email", "wants_status", "wants_changes", "components")
