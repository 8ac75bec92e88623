"""What is typed about plans. Shape only."""

from django import forms

WAYS = [
    ("both", "Both ways, by where each schedule is changed"),
    ("import", "From Opsgenie to here, new schedules included"),
    ("push", "From here to Opsgenie"),
]


class PlanForm(forms.Form):
    """In which direction."""

    direction = forms.ChoiceField(label="Direction", choices=WAYS)


class ConfirmForm(forms.Form):
    """What somebody types to take much away."""

    confirm = forms.CharField(
        label="Confirmation",
        required=False,
        max_length=100,
        help_text="Needed only to take much away, as in “remove 4”.",
    )
