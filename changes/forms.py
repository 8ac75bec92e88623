"""The shape of what is typed about changes."""

from typing import Any

from django import forms

from changes.models import Run
from changes.pipelines.intake.rest import read_evidence
from changes.pipelines.order import Event


class ProofForm(forms.Form):
    """Missing proof, typed by a person: only the parts that were required and have not passed.

    The names of the fields are the paths of the API's evidence, so that its refusals land beside the right one.
    """

    def __init__(self, *args: Any, run: Run, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.parts = [check["check"] for check in run.checks if check["required"] and not check["passed"]]
        for part in self.parts:
            self.fields.update(_FIELDS.get(part, dict)())
        if len(self.groups) == 1 and (decisive := {"tests.passed", "smoke_test.status"} & set(self.fields)):
            self.fields[decisive.pop()].required = True
        if "tests.sha" in self.fields:
            self.fields["tests.sha"].initial = run.change.sha

    @property
    def can_help(self) -> bool:
        """Whether anything that is missing can be typed here."""
        return bool(self.fields)

    @property
    def groups(self) -> list[tuple[str, list[forms.BoundField]]]:
        """The fields by what they prove."""
        return [(_TITLES[part], [self[name] for name in _FIELDS[part]()]) for part in self.parts if part in _FIELDS]

    def event(self) -> Event:
        """The evidence as the API takes it; raises InvalidFields and Unprocessable("no_evidence")."""
        evidence: dict[str, dict[str, Any]] = {}
        for name, value in self.cleaned_data.items():
            part, _, fact = name.partition(".")
            if value not in {None, ""}:
                evidence.setdefault(part, {})[fact] = value
        said = {part: facts for part, facts in evidence.items() if _says_something(part, facts)}
        return read_evidence(said)


def _says_something(part: str, facts: dict[str, Any]) -> bool:
    return {"tests": "passed" in facts, "smoke_test": "status" in facts}.get(part, any(facts.values()))


def _test_fields() -> dict[str, forms.Field]:
    return {
        "tests.passed": forms.IntegerField(min_value=0, max_value=2**31 - 1, required=False, label="Tests passed"),
        "tests.failed": forms.IntegerField(
            min_value=0, max_value=2**31 - 1, required=False, initial=0, label="Tests failed"
        ),
        "tests.sha": forms.CharField(max_length=64, required=False, label="At commit"),
        "tests.url": forms.CharField(max_length=2000, required=False, label="Address of the report"),
    }


def _smoke_fields() -> dict[str, forms.Field]:
    results = [("", "Not known yet"), ("passed", "It passed"), ("failed", "It failed")]
    return {
        "smoke_test.status": forms.ChoiceField(choices=results, required=False, label="Result"),
        "smoke_test.url": forms.CharField(max_length=2000, required=False, label="Address of the report"),
    }


def _rollback_fields() -> dict[str, forms.Field]:
    return {
        "rollback.ready": forms.BooleanField(required=False, label="The way back is ready"),
        "rollback.plan": forms.CharField(
            max_length=300, required=False, label="How", help_text="As in helm rollback, or traffic to the old fleet."
        ),
        "rollback.target": forms.CharField(max_length=300, required=False, label="To which version"),
    }


_FIELDS = {"tests": _test_fields, "smoke_test": _smoke_fields, "rollback": _rollback_fields}
_TITLES = {"tests": "Tests", "smoke_test": "Smoke test", "rollback": "Rollback"}
