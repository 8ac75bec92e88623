"""The shape of what is typed about services and environments."""

from django import forms

from accounts.models import Team
from catalog.models import Service

_SLUG_HINT = "Its name in addresses and in the API, as in edge-gateway. It cannot be changed later."
_TIERS = [
    (0, "Tier 0: everything falls with it"),
    (1, "Tier 1: customers feel it at once"),
    (2, "Tier 2: ordinary"),
    (3, "Tier 3: hurts nobody at night"),
]


class ServiceForm(forms.Form):
    """What a service is and what it needs."""

    name = forms.CharField(max_length=120)
    team = forms.ModelChoiceField(queryset=Team.objects.none(), empty_label="Choose a team", label="Owned by")
    tier = forms.TypedChoiceField(coerce=int, choices=_TIERS, initial=2)
    description = forms.CharField(max_length=10_000, required=False, widget=forms.Textarea(attrs={"rows": 3}))
    is_public = forms.BooleanField(required=False, label="Shown on the public status page")
    depends_on = forms.ModelMultipleChoiceField(
        queryset=Service.objects.none(),
        required=False,
        help_text="What it cannot work without. Hold Ctrl or ⌘ to choose several.",
        widget=forms.SelectMultiple(attrs={"size": 8}),
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # passed on as they came
        for name, rows in (("team", Team.objects.all()), ("depends_on", Service.objects.all())):
            field = self.fields[name]
            assert isinstance(field, forms.ModelChoiceField)
            field.queryset = rows


class NewServiceForm(ServiceForm):
    """The same with the slug, which stays for good because pipelines use it."""

    slug = forms.SlugField(max_length=64, help_text=_SLUG_HINT)
    field_order = ("name", "slug")


class EnvironmentForm(forms.Form):
    """Where services run."""

    name = forms.CharField(max_length=120)
    is_production = forms.BooleanField(
        required=False, label="Production", help_text="What happens here is felt by customers."
    )


class NewEnvironmentForm(EnvironmentForm):
    """The same with the slug."""

    slug = forms.SlugField(max_length=64, help_text=_SLUG_HINT.replace("edge-gateway", "production"))
    field_order = ("name", "slug")
