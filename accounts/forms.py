"""The shape of what people type on the settings pages."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.conf import settings

from accounts.policy import SCOPES
from accounts.zones import known_zones
from workflow.lines import TURNING


class LineField(forms.CharField):
    """A name on one line: line breaks become spaces, since a mail that quotes it would take them for its own."""

    def to_python(self, value: Any) -> str:
        """The text, with single spaces."""
        return " ".join((super().to_python(value) or "").split())

    def validate(self, value: Any) -> None:
        """Refuse what cannot be seen and turns the letters around it: it makes one name look like another."""
        super().validate(value)
        if any(character in TURNING or character < " " for character in value):
            raise forms.ValidationError(
                "It has a character that cannot be seen. Leave it out.", code="unseen_character"
            )


def zone_choices() -> list[tuple[str, str]]:
    """Every IANA zone in alphabetical order, the organisation's own first."""
    own = f"The organisation's own ({settings.ORGANISATION_TIME_ZONE})"
    return [("", own), *((name, name.replace("_", " ")) for name in sorted(known_zones()))]


class ProfileForm(forms.Form):
    """What people change about themselves."""

    name = LineField(max_length=120)
    time_zone = forms.ChoiceField(choices=zone_choices, required=False, help_text="All times are shown in this zone.")


class PersonForm(ProfileForm):
    """What administrators change about others."""

    is_admin = forms.BooleanField(
        required=False,
        label="Administrator",
        help_text="May change settings. Never gets around a second person's approval.",
    )


class InvitationForm(PersonForm):
    """A new person."""

    email = forms.EmailField(max_length=254, label="E-mail")
    field_order = ("email", "name", "time_zone", "is_admin")


class FounderForm(forms.Form):
    """The first administrator."""

    email = forms.EmailField(
        max_length=254, label="E-mail", widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True})
    )
    name = LineField(max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    password = forms.CharField(
        max_length=200,
        strip=False,
        help_text="At least 10 characters. A few unrelated words are easy to remember and hard to guess.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class TokenForm(forms.Form):
    """A new token. The choices of services and environments come from the rooms that know them."""

    name = LineField(max_length=80, help_text="Where it is kept, as in “GitHub Actions”. Shown beside what it does.")
    scopes = forms.MultipleChoiceField(
        choices=[(scope, f"{scope}: {meaning}") for scope, meaning in SCOPES.items()],
        initial=["deploy", "read"],
        widget=forms.CheckboxSelectMultiple,
        label="It may",
    )
    services = forms.MultipleChoiceField(
        required=False,
        label="Only these services",
        help_text="Limits what the token may write and ask the gate, not what it reads. None chosen means all. "
        "Hold Ctrl or ⌘ to choose several.",
    )
    environments = forms.MultipleChoiceField(
        required=False,
        label="Only these environments",
        help_text="Limits what the token may write and ask the gate, not what it reads. None chosen means all.",
        widget=forms.CheckboxSelectMultiple,
    )
    days = forms.TypedChoiceField(
        coerce=int,
        choices=[(30, "30 days"), (90, "90 days"), (365, "1 year"), (0, "Never")],
        initial=365,
        label="Expires after",
    )

    def __init__(self, *args: Any, services: Sequence[str], environments: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, slugs in (("services", services), ("environments", environments)):
            field = self.fields[name]
            assert isinstance(field, forms.MultipleChoiceField)
            field.choices = [(slug, slug) for slug in slugs]
