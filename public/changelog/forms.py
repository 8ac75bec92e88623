"""The shape of what is typed about the change log."""

from django import forms

from changes.tickets.forms import Moment
from public.changelog.actions import Words
from public.changelog.policy import TITLE
from public.changelog.states import Kind


class NoteForm(forms.Form):
    """What customers read."""

    title = forms.CharField(max_length=TITLE, help_text="One line, as customers would say it.")
    text = forms.CharField(
        max_length=4000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text="What is different for them, and what they may have to do. An empty line begins a paragraph.",
    )
    kind = forms.ChoiceField(choices=Kind.choices, initial=Kind.BETTER, widget=forms.RadioSelect, label="What it is")
    embargo_until = Moment(
        required=False,
        label="Not before",
        help_text="On your clock. Until then nobody outside sees it, however the change ends.",
    )

    def words(self) -> Words:
        """What was typed."""
        said = self.cleaned_data
        return Words(said["title"], said["text"], said["kind"], said["embargo_until"])
