"""The shape of what is typed about pipelines."""

import inspect
from typing import Any

from django import forms

from accounts.models import ApiToken, User
from accounts.queries import tokens_for
from catalog.models import Environment, Service
from changes.narration import CHECK_NAMES
from changes.pipelines.models import Pipeline
from changes.pipelines.registration import Terms
from changes.policy import CHECKS


def _checks() -> list[tuple[str, str]]:
    promises = {name: (inspect.getdoc(rule) or "").split(".")[0] for name, rule in CHECKS.items()}
    return [(name, f"{CHECK_NAMES[name]}: {promise[:1].lower()}{promise[1:]}") for name, promise in promises.items()]


class PipelineForm(forms.Form):
    """What a pipeline deploys and must prove."""

    name = forms.CharField(max_length=120, required=False, help_text="For people; may stay empty.")
    services = forms.ModelMultipleChoiceField(
        queryset=Service.objects.none(),
        to_field_name="slug",
        help_text="What it deploys. Hold Ctrl or ⌘ to choose several.",
        widget=forms.SelectMultiple(attrs={"size": 8}),
    )
    environments = forms.ModelMultipleChoiceField(
        queryset=Environment.objects.none(), to_field_name="slug", widget=forms.CheckboxSelectMultiple
    )
    requires = forms.MultipleChoiceField(
        choices=_checks,
        label="Every deploy must prove",
        widget=forms.CheckboxSelectMultiple,
        help_text="A deploy that proves all of it needs no review. One that does not is kept, and its owner is asked.",
    )
    token = forms.ModelChoiceField(
        queryset=ApiToken.objects.none(),
        required=False,
        empty_label="Any token that may log its deploys",
        label="Believe only this token",
    )

    def __init__(self, *args: Any, reader: User, pipeline: Pipeline | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        bound = ApiToken.objects.filter(pk=(pipeline.token_id if pipeline else None) or 0)
        rows = {
            "services": Service.objects.all(),
            "environments": Environment.objects.all(),
            "token": (tokens_for(reader).filter(revoked_at=None) | bound.select_related("owner")).order_by("name"),
        }
        for name, queryset in rows.items():
            field = self.fields[name]
            assert isinstance(field, forms.ModelChoiceField)
            field.queryset = queryset

    def terms(self) -> Terms:
        """What was typed, as the actions take it."""
        said = self.cleaned_data
        return Terms(
            name=said["name"],
            services=[service.slug for service in said["services"]],
            environments=[environment.slug for environment in said["environments"]],
            requires=said["requires"],
            token=said["token"],
        )


class NewPipelineForm(PipelineForm):
    """The same with the slug, by which the pipeline names itself in every deploy."""

    slug = forms.SlugField(
        max_length=64,
        label="Name in the API",
        help_text="What the pipeline sends as “pipeline”, as in checkout-deploy. It cannot be changed later.",
    )
    field_order = ("slug", "name")
