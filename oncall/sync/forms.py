"""What is typed about plans. Shape only."""

from django import forms

WAYS = [
    ("both", "Both ways, by where each schedule is changed"),
    ("import", "From Opsgenie to here, new schedules included"),
    ("push", "From here to Opsgenie, which restores what was changed there"),
    ("adopt", "Take over here what was changed in Opsgenie"),
]


class PlanForm(forms.Form):
    """In which direction."""

    direction = forms.ChoiceField(label="Direction", choices=WAYS)
    invites = forms.BooleanField(
        label="Make people in Opsgenie who are only here",
        required=False,
        help_text="Opsgenie invites each of them by mail and may charge for them. The plan names them first.",
    )


class ConfirmForm(forms.Form):
    """What somebody types to take much away."""

    confirm = forms.CharField(label="Confirmation", required=False, max_length=100)
