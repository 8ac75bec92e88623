"""The shape of what is typed to ask for an evidence pack."""

from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.utils import timezone

from catalog.models import Service
from changes.audit.actions import Wanted
from changes.audit.policy import MOST_SAMPLED, USUAL_SAMPLE

A_DAY = "Write a day, such as 2026-11-24."
EARLIEST, LATEST = date(2000, 1, 1), date(2999, 12, 31)


def _day(**terms: Any) -> forms.DateField:
    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    return forms.DateField(widget=widget, error_messages={"invalid": A_DAY}, validators=[_is_near], **terms)


def _is_near(day: date) -> None:
    """Days so far away that another zone has no name for them are typing errors."""
    if not EARLIEST <= day <= LATEST:
        raise forms.ValidationError(A_DAY, code="invalid")


class PackForm(forms.Form):
    """What a pack is to be about; the fields are named as the refusals of `changes.audit.actions` name them."""

    since = _day(label="From")
    until = _day(label="To", help_text="This day included. At most 400 days.")
    services = forms.ModelMultipleChoiceField(
        queryset=Service.objects.none(),
        to_field_name="slug",
        required=False,
        help_text="None means all. Hold Ctrl or ⌘ to choose several.",
        widget=forms.SelectMultiple(attrs={"size": 6}),
    )
    sample = forms.IntegerField(
        label="Sample",
        initial=USUAL_SAMPLE,
        help_text=f"How many changes get a page of their own, 0 to {MOST_SAMPLED}.",
    )
    seed = forms.RegexField(
        r"^[ -~]*$",
        max_length=64,
        required=False,
        help_text="By which the sample is drawn. Leave it empty for a random one.",
        error_messages={"invalid": "Use letters, digits and plain punctuation."},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        services = self.fields["services"]
        assert isinstance(services, forms.ModelMultipleChoiceField)
        services.queryset = Service.objects.all()
        today = timezone.localdate()
        self.fields["since"].initial, self.fields["until"].initial = today - timedelta(days=90), today

    def wanted(self) -> Wanted:
        """What was typed: whole days in the reader's zone."""
        said = self.cleaned_data
        services = [service.slug for service in said["services"]]
        since, until = _midnight(said["since"]), _midnight(said["until"] + timedelta(days=1))
        return Wanted(since, until, services, said["sample"], said["seed"])


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
