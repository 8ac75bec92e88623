"""The shape of what is typed about filed changes."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django import forms

from changes.states import Outcome, Type
from changes.tickets.content import FREE, LABELS, Draft
from changes.tickets.policy import PARTS, REVIEW_QUESTIONS
from changes.tickets.risk_policy import RISK_QUESTIONS

INCIDENT = re.compile(r"\s*(INC-[1-9][0-9]{0,17})[\s.]*\Z", re.IGNORECASE | re.ASCII)
YES_OR_NO = [("no", "No"), ("yes", "Yes")]
RISK_FIELDS = {f"risk_{code}": code for code in RISK_QUESTIONS}
REVIEW_FIELDS = {f"answer_{code}": code for code in REVIEW_QUESTIONS}
FIRST_YEAR, LAST_YEAR = 2000, 2100
EMERGENT_PARTS = ("title", "services", "reason")
"""All that an emergency is asked for."""
ASKED_WITH_TEMPLATE = (
    "title",
    "implementer",
    "window_start",
    "window_end",
    "sha",
    "commits",
    "incident",
    "public_note",
)
"""What a change from a template still says itself."""
MORE = ("incident", "commits", "public_note", "sha")
"""What most changes do not need to say."""
DEMANDED = frozenset({"title", "services", "environment", "implementer", "template", *PARTS, *RISK_FIELDS})
"""What submitting asks for; a draft may lack most of it."""
Choice = tuple[str, str]


class Moment(forms.DateTimeField):
    """A day and a time on the reader's clock."""

    default_error_messages = {  # noqa: RUF012 - as Django spells it
        "invalid": "This is no date and time. Choose one, such as 24 November 2026, 16:00.",
    }

    def __init__(self, **kwargs: Any) -> None:
        kwargs["widget"] = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
        super().__init__(**kwargs)

    def clean(self, value: Any) -> Any:
        """The moment; raises ValidationError, also for a year that nobody means."""
        found = super().clean(value)
        if isinstance(found, datetime) and not FIRST_YEAR <= found.year < LAST_YEAR:
            sentence = f"The year must be between {FIRST_YEAR} and {LAST_YEAR}."
            raise forms.ValidationError(sentence, code="year")
        return found


def _prose(label: str, example: str, *, rows: int = 2, hint: str = "") -> forms.CharField:
    widget = forms.Textarea(attrs={"rows": rows, "placeholder": f"Example: {example}"})
    return forms.CharField(label=label, max_length=20_000, help_text=hint, widget=widget)


@dataclass(frozen=True, slots=True)
class Choices:
    """What there is to choose from, each as (value, words); `services` are grouped by the words of their team."""

    services: Sequence[tuple[str, Sequence[Choice]]] = ()
    environments: Sequence[Choice] = ()
    people: Sequence[Choice] = ()
    templates: Sequence[Choice] = field(default_factory=tuple)


class FilingForm(forms.Form):
    """Everything that a person says about a change. The names are the API's, so refusals land beside the right field.

    `required` only tells the reader what submitting will ask for; what is missing is said by the action.
    """

    use_required_attribute = False
    type = forms.ChoiceField(choices=Type.choices, initial=Type.STANDARD, widget=forms.HiddenInput)
    template = forms.ChoiceField(label="Start from")
    title = forms.CharField(label="What changes", max_length=300)
    services = forms.MultipleChoiceField(
        widget=forms.CheckboxSelectMultiple,
        error_messages={"invalid_choice": "There is no service “%(value)s”."},
    )
    environment = forms.ChoiceField(label="Where")
    implementer = forms.ChoiceField(label="Who does it", help_text="Cannot approve it as well.")
    window_start = Moment(label="Window starts")
    window_end = Moment(label="Window ends")
    reason = _prose("Why, and why now?", "mobile sign-in is 400 ms slower without it")
    description = _prose("What is done, step by step?", "turn the flag on for 5 %, wait, then for all", rows=3)
    customer_impacting = forms.ChoiceField(
        label="Do customers notice it?", choices=YES_OR_NO, initial="no", widget=forms.RadioSelect
    )
    rollback_plan = _prose("How do you get back?", "set HTTP3=off in the edge flags and purge, 6 minutes in all")
    rollback_minutes = forms.IntegerField(label="Minutes for the way back", min_value=0, max_value=100_000)
    test_evidence = _prose("How was it tested, and what came out?", "link to the run on staging, and what you saw")
    verification_plan = _prose("How will you know that it worked?", "errors at sign-in under 0.1 % for 15 minutes")
    sha = forms.CharField(label="Commit", max_length=64)
    commits = forms.CharField(
        label="Commits and their authors",
        max_length=20_000,
        help_text="One per line: the commit, then its author’s e-mail. Authors cannot approve it.",
        widget=forms.Textarea(attrs={"rows": 2, "placeholder": "9fceb02d0ae5 bo@example.com"}),
    )
    incident = forms.CharField(label="Incident", max_length=40, help_text="Such as INC-31.")
    public_note = forms.CharField(
        label="What customers are told",
        max_length=4000,
        help_text="Published once it has succeeded, if customers notice it.",
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(self, *args: Any, choices: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, question in RISK_QUESTIONS.items():
            self.fields[f"risk_{name}"] = forms.ChoiceField(
                label=question.words, choices=YES_OR_NO, initial="no", widget=forms.RadioSelect
            )
        self._offer("services", [choice for _, group in choices.services for choice in group])
        self._offer("environment", choices.environments)
        self._offer("implementer", choices.people)
        self._offer("template", [("", "Nothing, it is described here"), *choices.templates])
        self.groups = choices.services
        self._demand(DEMANDED)

    def _offer(self, name: str, choices: Iterable[Choice]) -> None:
        offered = self.fields[name]
        assert isinstance(offered, forms.ChoiceField)
        offered.choices = list(choices)

    def _demand(self, names: Iterable[str]) -> None:
        for name, each in self.fields.items():
            each.required = name in names

    def full_clean(self) -> None:
        """Judge the shape only, and go back to telling what submitting asks for."""
        self._demand(())
        super().full_clean()
        self._demand(DEMANDED)

    def clean_commits(self) -> list[dict[str, str]]:
        """One commit with its author per line; raises ValidationError."""
        found = []
        for line in self.cleaned_data["commits"].splitlines():
            words = line.split()
            if len(words) > 2:
                sentence = f"“{line.strip()[:60]}” names more than a commit and an e-mail. Write one commit per line."
                raise forms.ValidationError(sentence, code="commit_line")
            found += [{"sha": words[0][:64], "author": words[1] if len(words) == 2 else ""}] if words else []
        return found

    # --- What it asks now --------------------------------------------------------------------------------------------

    @property
    def is_emergent(self) -> bool:
        """Whether it begins at once."""
        return "type" in self.fields and bool(self["type"].value() == Type.EMERGENT)

    @property
    def chosen_template(self) -> str:
        """The slug of the template that the rest is taken from, or nothing."""
        is_asked = "template" in self.fields and not self.is_emergent
        return str(self["template"].value() or "") if is_asked else ""

    @property
    def chosen_services(self) -> list[str]:
        """The slugs that are ticked."""
        return [str(slug) for slug in self["services"].value() or ()]

    @property
    def risk_fields(self) -> list[tuple[forms.BoundField, str, int]]:
        """Each risk question with its example and its points."""
        asked = [
            (self[name], RISK_QUESTIONS[code].example, RISK_QUESTIONS[code].points)
            for name, code in RISK_FIELDS.items()
        ]
        return [*asked, (self["customer_impacting"], "A slower page, another look, another price.", 1)]

    @property
    def has_more(self) -> bool:
        """Whether something that most changes do not say is said, or is wrong."""
        return any(self[name].value() or self[name].errors for name in MORE)

    @property
    def carried(self) -> list[forms.BoundField]:
        """What is not asked in this face of the form and still comes back with it, so that nothing typed is lost."""
        asked = {"type", "template", *self.fields}
        if self.is_emergent:
            asked = {"type", *EMERGENT_PARTS}
        elif self.chosen_template:
            asked = {"type", "template", *ASKED_WITH_TEMPLATE}
        return [self[name] for name in self.fields if name not in asked]

    def keep(self, names: Iterable[str]) -> None:
        """Ask for these parts of a Draft only."""
        kept = {*names, *(RISK_FIELDS if "risk_answers" in names else ())}
        for name in [name for name in self.fields if name not in kept]:
            del self.fields[name]

    def said(self) -> dict[str, Any]:
        """Every part that was typed and is well-formed, by the names of a Draft."""
        typed = self.cleaned_data
        answers = {code: typed[name] == "yes" for name, code in RISK_FIELDS.items() if typed.get(name)}
        parts = {name: _as_lines(typed[name]) for name in (*LABELS, *FREE) if name in typed}
        parts["customer_impacting"] = typed.get("customer_impacting") == "yes"
        return {**parts, "risk_answers": answers, "services": tuple(typed.get("services", ()))}

    def draft(self) -> Draft:
        """What was typed, as the actions take it."""
        said = self.said()
        if not self.is_emergent:
            return Draft(template=self.cleaned_data.get("template", ""), **said)
        reason = str(said.get("reason", ""))
        incident = INCIDENT.match(reason)
        named = {"incident": incident[1].upper(), "reason": ""} if incident else {"reason": reason}
        return Draft(type=Type.EMERGENT, title=said.get("title", ""), services=said["services"], **named)

    def glimpse(self) -> Draft:
        """What is known of the change so far, typed or filled in beforehand."""
        if self.is_bound:
            self.is_valid()
            return self.draft()
        shown = self.initial
        answers = {code: shown.get(name) == "yes" for name, code in RISK_FIELDS.items()}
        parts = ("environment", "implementer", "window_start", "window_end", "rollback_minutes", "template")
        known = {name: shown[name] for name in parts if shown.get(name)}
        is_felt = shown.get("customer_impacting") == "yes"
        services = tuple(shown.get("services", ()))
        return Draft(services=services, risk_answers=answers, customer_impacting=is_felt, **known)


def _as_lines(value: Any) -> Any:
    """Text as every other door sends it: a browser ends its lines in another way."""
    return value.replace("\r\n", "\n") if isinstance(value, str) else value


def initial_of(said: Mapping[str, Any]) -> dict[str, Any]:
    """What the form shows for a change that says this."""
    answers = said.get("risk_answers", {})
    commits = "\n".join(f"{one['sha']} {one.get('author', '')}".strip() for one in said.get("commits", ()))
    return {
        **said,
        **{name: "yes" if answers.get(code) else "no" for name, code in RISK_FIELDS.items()},
        "customer_impacting": "yes" if said.get("customer_impacting") else "no",
        "commits": commits,
    }


# --- Deciding and doing ----------------------------------------------------------------------------------------------


class VerbForm(forms.Form):
    """A word that goes with a decision."""

    use_required_attribute = False
    reason = forms.CharField(
        label="Comment",
        max_length=20_000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 1, "placeholder": "Comment, needed to reject"}),
    )
    seen = forms.CharField(max_length=64, required=False, widget=forms.HiddenInput)


class ReasonForm(forms.Form):
    """Why a change is taken back or given up."""

    use_required_attribute = False
    reason = forms.CharField(label="Why?", max_length=20_000, required=False)


def _outcomes(*without: Outcome) -> list[Choice]:
    return [(one.value, str(one.label)) for one in Outcome if one not in {Outcome.UNKNOWN, *without}]


class FinishForm(forms.Form):
    """How a change ended."""

    use_required_attribute = False
    outcome = forms.ChoiceField(
        label="How did it end?",
        choices=_outcomes(Outcome.ROLLED_BACK),
        initial=Outcome.SUCCEEDED,
        error_messages={"invalid_choice": "Say how it ended."},
    )
    note = forms.CharField(
        label="What was seen?",
        max_length=20_000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "placeholder": "Example: errors stayed at 0.02 % for 20 minutes"}),
    )
    close = forms.BooleanField(label="Close it as well, if nobody must review it", required=False, initial=True)


class RollBackForm(forms.Form):
    """That a change was taken back."""

    use_required_attribute = False
    note = forms.CharField(max_length=20_000, required=False)


class CorrectForm(forms.Form):
    """That a change ended otherwise than was said."""

    use_required_attribute = False
    outcome = forms.ChoiceField(label="How did it end?", choices=_outcomes())
    reason = forms.CharField(label="What was found out?", max_length=20_000, required=False)


class ReviewForm(forms.Form):
    """What somebody found who looked back."""

    use_required_attribute = False
    note = forms.CharField(
        label="What did you find?",
        max_length=20_000,
        required=False,
        widget=forms.Textarea(
            attrs={"rows": 3, "placeholder": "Example: right to do at once. The alert came too late."}
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, code in REVIEW_FIELDS.items():
            self.fields[name] = forms.ChoiceField(
                label=REVIEW_QUESTIONS[code], choices=YES_OR_NO, required=False, widget=forms.RadioSelect
            )

    @property
    def questions(self) -> list[forms.BoundField]:
        """The questions, in their order."""
        return [self[name] for name in REVIEW_FIELDS]

    def answers(self) -> dict[str, bool]:
        """Those that were answered."""
        typed = self.cleaned_data
        return {code: typed[name] == "yes" for name, code in REVIEW_FIELDS.items() if typed.get(name)}
