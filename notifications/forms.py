"""The shape of what the delivery log can be filtered by."""

from typing import Any

from django import forms

from notifications.models import Message
from workflow.errors import Malformed
from workflow.paging import Cursor, read_cursor

INTERNAL = {Message.Channel.MEMORY, Message.Channel.CANARY}
"""Channels whose messages are for nobody."""


class LogFilter(forms.Form):
    """The query string of the delivery log; what cannot be understood filters nothing and says so."""

    state = forms.ChoiceField(required=False, choices=[("", "Any state"), *Message.State.choices])
    channel = forms.ChoiceField(
        required=False,
        choices=[("", "Any channel"), *(one for one in Message.Channel.choices if one[0] not in INTERNAL)],
    )
    subject = forms.CharField(
        required=False, max_length=40, label="About", help_text="The reference of a change, such as CHG-12."
    )
    cursor = forms.CharField(required=False, max_length=200, widget=forms.HiddenInput)

    def clean_cursor(self) -> Cursor | None:
        """The place in the list, or None for its beginning."""
        try:
            return read_cursor(self.cleaned_data["cursor"])
        except Malformed as refusal:
            raise forms.ValidationError("This page of the list does not exist; here is the newest one.") from refusal

    def clean_subject(self) -> str:
        """References are written in capitals."""
        subject: str = self.cleaned_data["subject"].strip().upper()
        return subject

    def chosen(self) -> dict[str, Any]:
        """The filters that are set and understood, by name."""
        self.is_valid()
        return {
            name: self.cleaned_data[name] for name in ("state", "channel", "subject") if self.cleaned_data.get(name)
        }
