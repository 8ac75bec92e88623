"""The shape of what people type about their addresses and what they want there."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.validators import validate_email

from accounts.contacts.actions import Wish
from accounts.contacts.models import Contact
from accounts.contacts.policy import COLLECTABLE, WORDS, Urgency, Way, usable_for
from accounts.contacts.queries import Addressee
from notifications import outbox

_CLOCK = forms.TimeInput(attrs={"type": "time"}, format="%H:%M")


class PreferenceForm(forms.Form):
    """What goes where and when. There is a field of ways for each urgency; its choices are the ways that work."""

    collected = forms.MultipleChoiceField(
        required=False,
        choices=[(str(one), WORDS[one]) for one in COLLECTABLE],
        widget=forms.CheckboxSelectMultiple,
        label="Collect once a day, in one mail",
    )
    digest_hour = forms.TypedChoiceField(
        coerce=int,
        choices=[(hour, f"{hour}:00") for hour in range(24)],
        label="Hour of the digest",
        help_text="What would be too late by then comes by itself.",
    )
    quiet_start = forms.TimeField(required=False, label="Quiet from", widget=_CLOCK)
    quiet_end = forms.TimeField(
        required=False,
        label="Quiet until",
        widget=_CLOCK,
        help_text="What comes meanwhile arrives then. Pages never wait.",
    )

    def __init__(self, *args: Any, ways: Sequence[Way], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for urgency in Urgency:
            choices = [(way.word, way.recipient) for way in usable_for(urgency, ways)]
            self.fields[str(urgency)] = forms.MultipleChoiceField(
                required=False, choices=choices, label=WORDS[urgency], widget=forms.CheckboxSelectMultiple
            )

    def wish(self) -> Wish:
        """What was asked for."""
        said = self.cleaned_data
        return Wish(
            ways={str(one): said[one] for one in Urgency},
            collected=said["collected"],
            quiet_start=said["quiet_start"],
            quiet_end=said["quiet_end"],
            digest_hour=said["digest_hour"],
        )


def initial_of(found: Addressee) -> dict[str, Any]:
    """How the form stands when nobody has changed anything."""
    named = ("collected", "digest_hour", "quiet_start", "quiet_end")
    return {**{name: getattr(found.preference, name) for name in named}, **found.wanted}


def kinds() -> list[tuple[str, str]]:
    """The kinds of address to which something is sent here."""
    return [(str(kind), str(label)) for kind, label in Contact.Kind.choices if outbox.reaches(kind)]


class ContactForm(forms.Form):
    """Another address."""

    kind = forms.ChoiceField(label="Kind", choices=kinds)
    address = forms.CharField(
        max_length=254, help_text="An e-mail address, or your member id in Slack, as in U024BE7LH."
    )

    def clean(self) -> dict[str, Any]:
        """Refuse what is no e-mail address."""
        said: dict[str, Any] = super().clean() or self.cleaned_data
        if said.get("kind") == Contact.Kind.EMAIL and "address" in said:
            try:
                validate_email(said["address"])
            except forms.ValidationError as error:
                self.add_error("address", error)
        return said


class CodeForm(forms.Form):
    """The code that was sent to an address."""

    code = forms.CharField(
        max_length=20,
        label="Code",
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )
