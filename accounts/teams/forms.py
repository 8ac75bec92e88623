"""The shape of what is typed about teams."""

from django import forms

from accounts.forms import LineField, zone_choices
from accounts.models import MORNING, User


class TeamForm(forms.Form):
    """A team's name, its channel, and when it reads its summary there."""

    name = LineField(max_length=120)
    slack_channel = LineField(max_length=80, required=False, label="Slack channel", help_text="As in #payments.")
    time_zone = forms.ChoiceField(
        choices=zone_choices, required=False, help_text="By which clock the team's morning is told."
    )
    summary_hour = forms.TypedChoiceField(
        coerce=int,
        choices=[(hour, f"{hour:02}:00") for hour in range(24)],
        initial=MORNING,
        label="Daily summary at",
        help_text="From this hour on, by the team's clock, it arrives in the channel.",
    )


class NewTeamForm(TeamForm):
    """The same with the slug, which stays for good because clients use it."""

    slug = forms.SlugField(
        max_length=64, help_text="Its name in addresses and in the API, as in payments. It cannot be changed later."
    )
    field_order = ("name", "slug", "slack_channel", "time_zone", "summary_hour")


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
