"""The shape of what is typed about teams."""

from django import forms

from accounts.forms import LineField
from accounts.models import User


class TeamForm(forms.Form):
    """A team's name and its channel."""

    name = LineField(max_length=120)
    slack_channel = LineField(max_length=80, required=False, label="Slack channel", help_text="As in #payments.")


class NewTeamForm(TeamForm):
    """The same with the slug, which stays for good because clients use it."""

    slug = forms.SlugField(
        max_length=64, help_text="Its name in addresses and in the API, as in payments. It cannot be changed later."
    )
    field_order = ("name", "slug", "slack_channel")


class MemberForm(forms.Form):
    """Who joins, and as what."""

    person = forms.ModelChoiceField(queryset=User.objects.none(), empty_label="Choose a person")
    is_lead = forms.BooleanField(
        required=False, label="Lead", help_text="Leads approve what needs a lead of the owning team."
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # passed on as they came
        field = self.fields["person"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = User.objects.filter(is_active=True)
