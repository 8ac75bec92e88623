"""The shape of what is typed about templates."""

from typing import Any

from django import forms

from catalog.models import Environment, Service
from changes.preapproved.content import Terms
from changes.tickets.risk_policy import RISK_QUESTIONS
from workflow.errors import Unprocessable


def _questions() -> list[tuple[str, str]]:
    return [(code, question.words) for code, question in RISK_QUESTIONS.items()]


class _Prose(forms.CharField):
    """A text of some lines."""

    def __init__(self, *, rows: int = 3, **kwargs: Any) -> None:
        super().__init__(max_length=20_000, widget=forms.Textarea(attrs={"rows": rows}), **kwargs)


class TemplateForm(forms.Form):
    """Everything that a change of this kind says, but its window and who carries it out."""

    name = forms.CharField(max_length=120, help_text="What people choose from the list, as in “Rotate keys”.")
    title = forms.CharField(max_length=300, help_text="The title of the changes made from it.")
    services = forms.ModelMultipleChoiceField(
        queryset=Service.objects.all(),
        to_field_name="slug",
        help_text="What it touches. Hold Ctrl or ⌘ to choose several.",
        widget=forms.SelectMultiple(attrs={"size": 6}),
    )
    environment = forms.ModelChoiceField(queryset=Environment.objects.all(), to_field_name="slug", empty_label=None)
    description = _Prose(required=False, label="What is done, step by step", rows=5)
    reason = _Prose(label="Why is it done?")
    risk_answers = forms.MultipleChoiceField(
        choices=_questions,
        required=False,
        label="What applies?",
        widget=forms.CheckboxSelectMultiple,
        help_text="What you leave open is answered with no, and whoever approves it reads that.",
    )
    customer_impacting = forms.BooleanField(required=False, label="Customers notice it")
    public_note = forms.CharField(
        required=False,
        max_length=4000,
        label="What customers are told",
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    test_evidence = _Prose(label="How is it tested, and what came out?")
    rollback_plan = _Prose(label="How do you get back if it goes wrong?")
    rollback_minutes = forms.IntegerField(min_value=0, max_value=100_000, label="Minutes for the way back")
    verification_plan = _Prose(label="How do you see that it worked?")

    def terms(self) -> Terms:
        """What was typed, as the actions take it."""
        said = self.cleaned_data
        return Terms(
            **{
                **{name: value for name, value in said.items() if name != "slug"},
                "services": [service.slug for service in said["services"]],
                "environment": said["environment"].slug,
                "risk_answers": {code: code in said["risk_answers"] for code in RISK_QUESTIONS},
            }
        )


class NewTemplateForm(TemplateForm):
    """The same with the slug, by which the template is named."""

    slug = forms.SlugField(
        max_length=64,
        label="Name in addresses and in the API",
        help_text="Letters, digits and hyphens, as in rotate-keys. It cannot be changed later.",
    )
    field_order = ("name", "slug")


class ApprovalForm(forms.Form):
    """The word of somebody who approves."""

    seen = forms.CharField(max_length=64, widget=forms.HiddenInput)
    note = forms.CharField(max_length=2000, required=False, label="Note")


class RetirementForm(forms.Form):
    """The word of somebody who ends the use of a template."""

    reason = forms.CharField(max_length=2000, required=False, label="Why is it not wanted any more?")


def said_in(form: forms.Form) -> dict[str, Any]:
    """What was typed beside a button; raises Unprocessable where a page cannot show it beside its field."""
    if form.is_valid():
        return dict(form.cleaned_data)
    name, errors = next(iter(form.errors.items()))
    raise Unprocessable("invalid", f"{form.fields[name].label or 'The page'}: {errors[0]}", field=name)


def initial_of(said: dict[str, Any]) -> dict[str, Any]:
    """What a form shows for terms that are known, by their names."""
    answers = said.get("risk_answers", {})
    return {**said, "risk_answers": [code for code, answer in answers.items() if answer]}
