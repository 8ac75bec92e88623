"""The shape of what is asked for on the page of a summary."""

from django import forms


class SendTestForm(forms.Form):
    """Where a test goes."""

    to = forms.ChoiceField(choices=[("me", "To me by e-mail"), ("channel", "To the channel")])
