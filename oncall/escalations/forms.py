"""The shape of what is typed about an escalation policy."""

import re
from typing import Any

from django import forms

from accounts.models import Team
from catalog.models import Service
from oncall.escalations.actions import DeclaredPolicy, DeclaredStep
from oncall.paging.policy import MOST_REPEATS, USUAL_WAIT

_STEP = re.compile(
    r"(?P<type>schedule|person|team)\s*:\s*(?P<name>\S+)(?:[\s,]+(?P<wait>\d{1,5})\s*(?:min(?:utes?)?)?)?\Z"
)


class EscalationForm(forms.Form):
    """Whom a page reaches in turn."""

    name = forms.CharField(max_length=100, help_text="As in Checkout.")
    team = forms.ModelChoiceField(queryset=Team.objects.order_by("name"), to_field_name="slug", empty_label=None)
    services = forms.ModelMultipleChoiceField(
        queryset=Service.objects.order_by("slug"),
        to_field_name="slug",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None chosen: all services of the team that have no policy of their own.",
    )
    steps = forms.CharField(
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 5}),
        label="Steps, in the order in which they are paged",
        help_text="One on each line, with the minutes until the next: “schedule:payments-primary 5”, "
        "“person:ann@example.com 10” or “team:payments 10”.",
    )
    repeat = forms.IntegerField(
        min_value=0, max_value=MOST_REPEATS, initial=1, label="Then all of it again, how often", help_text="0 is never."
    )
    is_enabled = forms.BooleanField(required=False, initial=True, label="Pages follow it")

    def __init__(self, said: Any = None, *, present: DeclaredPolicy | None = None) -> None:
        self._slug = present.slug if present else ""
        super().__init__(said, initial=_initial(present) if present else None)

    def clean_steps(self) -> list[DeclaredStep]:
        """The steps; a line that cannot be read is named."""
        lines = [line.strip() for line in self.cleaned_data["steps"].splitlines() if line.strip()]
        return [_step(line) for line in lines]

    def declared(self) -> DeclaredPolicy:
        """What was typed, as the action takes it."""
        said = self.cleaned_data
        slug = self._slug or re.sub(r"[^a-z0-9]+", "-", said["name"].lower()).strip("-")[:64] or "policy"
        services = [service.slug for service in said["services"]]
        team, repeat, enabled = said["team"].slug, said["repeat"], said["is_enabled"]
        return DeclaredPolicy(slug, said["name"], team, services, repeat, enabled, said["steps"])


def _step(line: str) -> DeclaredStep:
    found = _STEP.match(line)
    if found is None:
        sentence = f"“{line[:60]}” is no step. Write it like “schedule:payments-primary 5”."
        raise forms.ValidationError(sentence, code="step")
    wait = int(found["wait"] or USUAL_WAIT)
    named = {kind: found["name"] if found["type"] == kind else None for kind in ("schedule", "person", "team")}
    return DeclaredStep(named["schedule"], named["person"], named["team"], wait)


def _initial(present: DeclaredPolicy) -> dict[str, Any]:
    return {
        "name": present.name,
        "team": present.team,
        "services": list(present.services),
        "steps": "\n".join(_line(step) for step in present.steps),
        "repeat": present.repeat,
        "is_enabled": present.is_enabled,
    }


def _line(step: DeclaredStep) -> str:
    for kind, name in (("schedule", step.schedule), ("person", step.user), ("team", step.team)):
        if name:
            return f"{kind}:{name} {step.wait_minutes}"
    return ""
