"""The shape of what is typed about an incident. Times are on the reader's clock."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone

from accounts.models import User
from catalog.models import Service
from changes.tickets.forms import Moment
from incidents.correcting import Edit
from incidents.declaring import Declaration
from incidents.models import TIMES, Incident, PublicUpdate
from incidents.moving import Resolution
from incidents.states import DetectionSource, Level, Severity
from incidents.updates.actions import Words

SEVERITY_CHOICES = [
    (Severity.SEV1.value, "Sev 1: down, or partly down for everybody"),
    (Severity.SEV2.value, "Sev 2: partly down for many, or down for a few"),
    (Severity.SEV3.value, "Sev 3: many notice that something is slow or odd"),
    (Severity.SEV4.value, "Sev 4: hardly anybody notices"),
]
YES_NO = [("", "Nobody has said"), ("yes", "Yes"), ("no", "No")]
PROMISES = [("", "Nothing promised"), ("15", "Next in 15 min"), ("30", "Next in 30 min"), ("60", "Next in 1 hour")]


def _text(label: str, *, rows: int = 3, required: bool = True, hint: str = "", most: int = 4000) -> forms.CharField:
    widget = forms.Textarea(attrs={"rows": rows})
    return forms.CharField(label=label, max_length=most, required=required, help_text=hint, widget=widget)


def _services() -> "forms.ModelMultipleChoiceField[Service]":
    rows = Service.objects.order_by("slug")
    return forms.ModelMultipleChoiceField(
        rows, to_field_name="slug", label="What it hurts", widget=forms.CheckboxSelectMultiple
    )


class DeclareForm(forms.Form):
    """Three fields, and one more for what only a few may know."""

    title = forms.CharField(max_length=200, label="What is wrong", help_text="As in “Card payments fail”.")
    severity = forms.ChoiceField(choices=SEVERITY_CHOICES, initial="sev3", label="How bad it is")
    services = _services()
    restricted = forms.BooleanField(
        required=False,
        label="Only for a few",
        help_text="Only who has a role in it, who is invited, and the leads of the teams will know that it exists.",
    )

    def declaration(self) -> Declaration:
        """What was typed, as the action takes it."""
        said = self.cleaned_data
        return Declaration(
            title=said["title"],
            severity=said["severity"],
            services=[service.slug for service in said["services"]],
            restricted=said["restricted"],
            detection_source=DetectionSource.PERSON,
        )


class NoteForm(forms.Form):
    """A note on the timeline."""

    text = _text("What happened", most=10_000)
    occurred_at = Moment(required=False, label="When, if not now")


class UpdateForm(forms.Form):
    """What customers are told."""

    message = _text("What customers read")
    status = forms.ChoiceField(choices=PublicUpdate.Status.choices)
    promise = forms.ChoiceField(choices=PROMISES, required=False, label="The next one")

    def words(self) -> Words:
        """What was typed, as the actions take it."""
        said = self.cleaned_data
        minutes = int(said["promise"] or 0)
        promised = timezone.now() + timedelta(minutes=minutes) if minutes else None
        return Words(said["message"], said["status"], next_by=promised)


# --- One form for each thing that can be done ------------------------------------------------------------------------


def _minute(at: datetime | None) -> datetime | None:
    """A time as a field shows it, so that what nobody touched counts as unchanged."""
    return at.replace(second=0, microsecond=0) if at else None


class DeedForm(forms.Form):
    """What goes with a deed on `incident`; subclasses add to it."""

    reason = _text("Why", required=False)

    def __init__(self, said: Any = None, *, incident: Incident) -> None:
        self.incident = incident
        super().__init__(said, initial=self.present(incident))

    def present(self, incident: Incident) -> dict[str, Any]:
        """What the incident says now."""
        return {}


class ReasonForm(DeedForm):
    """A deed that is not done without a reason."""

    reason = _text("Why")


class MitigateForm(DeedForm):
    """When it stopped hurting."""

    field_order = ("mitigated_at", "reason")
    mitigated_at = Moment(required=False, label="Since when it hurts no longer, if not since now")


class ResolveForm(DeedForm):
    """What is known when it is over."""

    field_order = (
        *("detection_source", "customer_impacting", "impact_started_at", "detected_at", "mitigated_at", "resolved_at"),
        "reason",
    )
    detection_source = forms.ChoiceField(choices=[("", "Choose"), *DetectionSource.choices], label="Who noticed first")
    customer_impacting = forms.ChoiceField(choices=YES_NO[1:], label="Did customers notice", widget=forms.RadioSelect)
    impact_started_at = Moment(required=False, label="It began to hurt", help_text="Empty while nobody knows.")
    detected_at = Moment(required=False, label="It was noticed", help_text="Empty while nobody knows.")
    mitigated_at = Moment(required=False, label="It stopped hurting", help_text="Empty: when it was resolved.")
    resolved_at = Moment(required=False, label="It was resolved, if not now")

    def present(self, incident: Incident) -> dict[str, Any]:
        """What is known already."""
        felt = {True: "yes", False: "no"}.get(bool(incident.customer_impacting))
        names = ("impact_started_at", "detected_at", "mitigated_at")
        times = {name: _minute(getattr(incident, name)) for name in names} if not incident.reopenings else {}
        return {**times, "detection_source": incident.detection_source, "customer_impacting": felt}

    def resolution(self) -> Resolution:
        """What was typed, as the action takes it; a time that was left as it was shown is as it was."""
        said = dict(self.cleaned_data)
        for name in ("impact_started_at", "detected_at", "mitigated_at"):
            if name not in self.changed_data:
                said[name] = None
        return Resolution(**{**said, "customer_impacting": said["customer_impacting"] == "yes"})


class ReopenForm(ReasonForm):
    """What hurts again."""

    field_order = ("reason", "impact_started_at")
    impact_started_at = Moment(required=False, label="It hurts again since, if not since now")


class MergeForm(ReasonForm):
    """Which one goes on."""

    field_order = ("into", "reason")
    into = forms.CharField(max_length=40, label="The incident that goes on", help_text="As in INC-3.")


class TimesForm(ReasonForm):
    """When things really happened."""

    field_order = (*(name for name in TIMES if name != "declared_at"), "reason")
    impact_started_at = Moment(required=False, label="It began to hurt", help_text="Empty: unknown.")
    detected_at = Moment(required=False, label="It was noticed", help_text="Empty: unknown.")
    acknowledged_at = Moment(required=False, label="Somebody took it on")
    first_public_post_at = Moment(required=False, label="Customers were first told")
    mitigated_at = Moment(required=False, label="It stopped hurting")
    resolved_at = Moment(required=False, label="It was resolved")
    closed_at = Moment(required=False, label="It was closed")
    reason = _text("How you know")

    def present(self, incident: Incident) -> dict[str, Any]:
        """The times as they stand."""
        return {name: _minute(getattr(incident, name)) for name in self.field_order if name != "reason"}

    def edit(self) -> Edit:
        """Only what was changed, since a form shows no seconds."""
        times = {name: self.cleaned_data[name] for name in self.changed_data if name in TIMES}
        return Edit(times=times, reason=self.cleaned_data["reason"])


class DescribeForm(DeedForm):
    """What it is called and how bad it is."""

    field_order = ("title", "severity", "customer_impacting", "summary", "services", "reason")
    title = forms.CharField(max_length=200, label="What is wrong")
    severity = forms.ChoiceField(choices=SEVERITY_CHOICES, label="How bad it is")
    customer_impacting = forms.ChoiceField(choices=YES_NO, required=False, label="Do customers notice")
    summary = _text("What is known", required=False, most=10_000)
    services = _services()

    def present(self, incident: Incident) -> dict[str, Any]:
        """What it says now."""
        felt = {True: "yes", False: "no"}.get(incident.customer_impacting is True, "")
        return {
            "title": incident.title,
            "severity": incident.severity,
            "customer_impacting": felt if incident.customer_impacting is not None else "",
            "summary": incident.summary,
            "services": [service.slug for service in incident.services.all()],
        }

    def edit(self) -> Edit:
        """What was changed."""
        said = self.cleaned_data
        names = [name for name in self.changed_data if name in ("title", "severity", "summary")]
        columns: dict[str, Any] = {name: said[name] for name in names}
        if "customer_impacting" in self.changed_data:
            columns["customer_impacting"] = {"yes": True, "no": False}.get(said["customer_impacting"])
        if "services" in self.changed_data:
            columns["services"] = [service.slug for service in said["services"]]
        return Edit(columns=columns, reason=said["reason"])


class ImpactForm(DeedForm):
    """When a service was hurt."""

    field_order = ("service", "level", "start", "end")
    service = forms.ModelChoiceField(Service.objects.order_by("slug"), to_field_name="slug", empty_label=None)
    level = forms.ChoiceField(choices=Level.choices, label="How badly")
    start = Moment(label="From")
    end = Moment(required=False, label="Until", help_text="Empty: it still is.")

    def __init__(self, said: Any = None, *, incident: Incident) -> None:
        super().__init__(said, incident=incident)
        del self.fields["reason"]

    def span(self) -> tuple[datetime, datetime | None]:
        """From when until when."""
        return self.cleaned_data["start"], self.cleaned_data["end"]


class PersonForm(DeedForm):
    """Somebody, chosen by name."""

    user = forms.ChoiceField(label="Who")

    def __init__(self, said: Any = None, *, incident: Incident) -> None:
        super().__init__(said, incident=incident)
        del self.fields["reason"]
        chooser = self.fields["user"]
        assert isinstance(chooser, forms.ChoiceField)
        people = User.objects.filter(is_active=True).order_by("name", "pk")[:500]
        chooser.choices = [(person.email, person.name) for person in people]


class RoleForm(PersonForm):
    """Who does what."""

    field_order = ("role", "user")
    role = forms.ChoiceField(choices=[("commander", "Commander"), ("comms", "Comms"), ("scribe", "Scribe")])


class PageForm(DeedForm):
    """Whom to wake and why."""

    field_order = ("target", "message")
    target = forms.ChoiceField(label="Whom")
    message = _text("What they must know", required=False, most=1000)

    def __init__(self, said: Any = None, *, incident: Incident) -> None:
        super().__init__(said, incident=incident)
        del self.fields["reason"]
        chooser = self.fields["target"]
        assert isinstance(chooser, forms.ChoiceField)
        people = User.objects.filter(is_active=True).order_by("name", "pk")[:500]
        own = [(f"service:{one.slug}", f"Whoever has the watch for {one.slug}") for one in incident.services.all()]
        chooser.choices = [*own, *((f"user:{person.email}", person.name) for person in people)]


class MarkForm(DeedForm):
    """What a change did."""

    field_order = ("change", "role", "note")
    change = forms.CharField(max_length=40, help_text="As in CHG-9.")
    role = forms.ChoiceField(
        choices=[
            ("caused", "Caused it"),
            ("contributed", "Contributed"),
            ("fixed", "Fixed it"),
            ("cleared", "Cleared"),
        ],
        label="What it did",
    )
    note = forms.CharField(max_length=300, required=False, label="Why you think so")

    def __init__(self, said: Any = None, *, incident: Incident) -> None:
        super().__init__(said, incident=incident)
        del self.fields["reason"]


class ReviseForm(ReasonForm):
    """What a note shall say instead of `text`."""

    field_order = ("text", "reason")
    text = _text("What happened", most=10_000)

    def __init__(self, said: Any = None, *, incident: Incident, text: str) -> None:
        self.was = text
        super().__init__(said, incident=incident)

    def present(self, incident: Incident) -> dict[str, Any]:
        """What it says now."""
        return {"text": self.was}
