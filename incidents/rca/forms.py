"""The shape of what is typed about analyses and promises."""

import re
from typing import Any

from django import forms

from incidents.rca.actions import Asked, Texts
from incidents.rca.promises import Promise
from incidents.rca.queries import Place
from incidents.rca.states import Category, Claim, Effect, Path

KINDS = ((re.compile(r"CHG-[1-9][0-9]{0,17}\Z", re.ASCII), "change"), (re.compile(r"https?://\S+\Z"), "link"))
"""What a line of evidence is by how it looks; anything else is a note."""


class TextsForm(forms.Form):
    """What an analysis says beside its whys."""

    summary = forms.CharField(required=False, max_length=10_000, widget=forms.Textarea(attrs={"rows": 3}))
    went_well = forms.CharField(
        required=False, max_length=10_000, widget=forms.Textarea(attrs={"rows": 2}), label="What went well"
    )
    lucky = forms.CharField(
        required=False, max_length=10_000, widget=forms.Textarea(attrs={"rows": 2}), label="Where we got lucky"
    )

    def texts(self) -> Texts:
        """What was typed."""
        said = self.cleaned_data
        return Texts(summary=said["summary"], went_well=said["went_well"], lucky=said["lucky"])


class WhyForm(forms.Form):
    """One why. Evidence is one piece on each line: an address, the reference of a change, or a note."""

    question = forms.CharField(max_length=300, label="Why …?")
    claim = forms.CharField(max_length=500, required=False, label="Because …")
    path = forms.ChoiceField(choices=Path.choices, label="It is about")
    parents = forms.MultipleChoiceField(
        required=False, choices=[], widget=forms.CheckboxSelectMultiple, label="It asks on from"
    )
    state = forms.ChoiceField(choices=Claim.choices, initial=Claim.HYPOTHESIS, label="How sure are we?")
    evidence = forms.CharField(
        required=False,
        max_length=8000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="One piece on each line: an address, a change such as CHG-12, or a note.",
    )
    category = forms.ChoiceField(
        required=False, choices=[("", "Not a root cause"), *Category.choices], label="As a root cause it is about"
    )
    stop_reason = forms.CharField(required=False, max_length=500, label="Why nobody asks on from here")

    def __init__(self, said: Any = None, *, places: list[Place], present: Place | None = None, **more: Any) -> None:
        initial = {**more.pop("initial", {}), **(_initial(present) if present else {})}
        super().__init__(said, initial=initial, **more)
        mine = present.why.pk if present else 0
        parents: Any = self.fields["parents"]
        parents.choices = [
            (str(place.why.pk), place.why.claim or place.why.question) for place in places if place.why.pk != mine
        ]

    def asked(self) -> Asked:
        """What was typed."""
        said = self.cleaned_data
        return Asked(
            question=said["question"],
            claim=said["claim"],
            path=said["path"],
            state=said["state"],
            category=said["category"],
            stop_reason=said["stop_reason"],
            evidence=[evidence_of(line) for line in said["evidence"].splitlines() if line.strip()],
            parents=[int(pk) for pk in said["parents"]],
        )


def evidence_of(line: str) -> dict[str, str]:
    """A typed line of evidence by its kind."""
    text = line.strip()[:2000]
    kind = next((kind for looks, kind in KINDS if looks.match(text)), "note")
    return {"kind": kind, "value": text, "label": ""}


def _initial(place: Place) -> dict[str, Any]:
    why = place.why
    names = ("question", "claim", "path", "state", "category", "stop_reason")
    lines = "\n".join(one["value"] for one in why.evidence)
    return {**{name: getattr(why, name) for name in names}, "parents": place.parents, "evidence": lines}


class PromiseForm(forms.Form):
    """A promise against a cause."""

    title = forms.CharField(max_length=200, label="What will be done?")
    why = forms.ChoiceField(required=False, choices=[], label="Against")
    type = forms.ChoiceField(choices=Category.choices)
    effect = forms.ChoiceField(choices=Effect.choices)
    owner = forms.EmailField(max_length=254, help_text="The e-mail of who does it.")
    due = forms.DateField(
        required=False,
        input_formats=["%Y-%m-%d"],
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        help_text="Empty: 15 days from now for Sev 1, else 30.",
    )
    tracker_key = forms.CharField(required=False, max_length=60, label="Key in your tracker")

    def __init__(self, said: Any = None, *, places: list[Place], **more: Any) -> None:
        super().__init__(said, **more)
        why: Any = self.fields["why"]
        why.choices = [("", "The incident as a whole")] + [
            (str(place.why.pk), place.why.claim) for place in places if place.why.claim
        ]

    def promise(self) -> Promise:
        """What was typed."""
        said = self.cleaned_data
        against = int(said["why"]) if said["why"] else None
        key = said["tracker_key"]
        return Promise(said["title"], said["type"], said["effect"], said["owner"], against, said["due"], key)
