"""The shape of what is typed to page somebody."""

from django import forms

from accounts.models import Team, User
from catalog.models import Service
from oncall.models import EscalationPolicy, Schedule
from oncall.paging.actions import Target, Wanted

Group = tuple[str, list[tuple[str, str]]]


def _targets() -> list[Group]:
    """Whom one can page, by kind; the value is `kind:name`."""
    services = Service.objects.order_by("slug").values_list("slug", "name")
    policies = EscalationPolicy.objects.filter(is_enabled=True).order_by("slug").values_list("slug", "name")
    schedules = Schedule.objects.filter(is_enabled=True).order_by("slug").values_list("slug", "name")
    teams = Team.objects.order_by("slug").values_list("slug", "name")
    people = User.objects.filter(is_active=True).order_by("name").values_list("email", "name")
    found = (
        ("Whoever answers for a service", "service", services),
        ("An escalation policy", "policy", policies),
        ("Whoever has the watch", "schedule", schedules),
        ("A team", "team", teams),
        ("A person", "user", people),
    )
    return [(label, [(f"{kind}:{value}", name) for value, name in rows]) for label, kind, rows in found if rows]


class PageForm(forms.Form):
    """Whom, and why."""

    target = forms.ChoiceField(choices=_targets, label="Page")
    message = forms.CharField(
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 3}),
        label="What is it about?",
        help_text="The first line is what they read on their phone.",
    )

    def wanted(self) -> Wanted:
        """What was typed, as the action takes it."""
        kind, _, name = self.cleaned_data["target"].partition(":")
        message = self.cleaned_data["message"].strip()
        return Wanted(Target(kind, name), message.splitlines()[0] if message else "", message)
