"""The shape of what is typed about freezes."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.db.models import QuerySet

from accounts.models import Team
from accounts.zones import instant, known_zones
from catalog.models import Environment, Service
from changes.freezes.actions import Wish
from changes.freezes.content import Declared
from changes.freezes.policy import FIRST_YEAR, LAST_YEAR
from workflow import moments
from workflow.moments import WEEKDAYS

DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
REPEATS = {
    "once": "Once",
    "weekly": "Every week",
    "monthly_day": "Every month on the same day, such as the 15th",
    "monthly_weekday": "Every month on the same weekday, such as the last Friday",
    "yearly": "Every year",
    "rule": "By a rule of my own",
}


def _zones() -> list[tuple[str, str]]:
    return [(name, name.replace("_", " ")) for name in sorted(known_zones())]


def _is_near(day: date) -> None:
    """At both ends of the calendar, other zones have no name for a day."""
    if not FIRST_YEAR <= day.year < LAST_YEAR:
        sentence = f"The year must be between {FIRST_YEAR} and {LAST_YEAR}."
        raise forms.ValidationError(sentence, code="freeze_is_sound")


def _day(label: str, **more: Any) -> forms.DateField:
    return forms.DateField(
        label=label,
        input_formats=["%Y-%m-%d"],
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        validators=[_is_near],
        **more,
    )


def _time(label: str) -> forms.TimeField:
    return forms.TimeField(
        label=label, input_formats=["%H:%M"], widget=forms.TimeInput(format="%H:%M", attrs={"type": "time"})
    )


class FreezeForm(forms.Form):
    """A freeze: what, when on the clocks of one zone, how often, and for whom."""

    name = forms.CharField(max_length=120, help_text="As in Year end, or Weekend.")
    reason = forms.CharField(max_length=4000, required=False, widget=forms.Textarea(attrs={"rows": 2}))
    strength = forms.ChoiceField(
        choices=[
            ("hard", "Hard: the gate refuses deploys, and planned changes cannot begin"),
            ("soft", "Soft: both go on, with a warning"),
        ],
        initial="hard",
        label="How strict",
        widget=forms.RadioSelect,
    )
    start = _day("First day")
    start_time = _time("From")
    end = _day("Last day", help_text="Of the first time, if it repeats.")
    end_time = _time("Until")
    time_zone = forms.ChoiceField(choices=_zones, help_text="These times are on the clocks there, summer and winter.")
    repeats = forms.ChoiceField(choices=list(REPEATS.items()), initial="once", widget=forms.RadioSelect)
    weekdays = forms.MultipleChoiceField(
        choices=list(zip(DAYS, WEEKDAYS, strict=True)),
        required=False,
        label="With “Every week”: on these days",
        help_text="The weekday of the first day is always among them.",
        widget=forms.CheckboxSelectMultiple,
    )
    until = _day("Repeats until", required=False, help_text="The last day on which it may begin. Empty: without end.")
    rrule = forms.CharField(
        max_length=300,
        required=False,
        label="With “By a rule of my own”: the rule",
        help_text="An RRULE as calendars use them, such as FREQ=MONTHLY;BYDAY=1MO,3MO.",
    )
    environments = forms.ModelMultipleChoiceField(
        queryset=Environment.objects.none(),
        to_field_name="slug",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None means all.",
    )
    services = forms.ModelMultipleChoiceField(
        queryset=Service.objects.none(),
        to_field_name="slug",
        required=False,
        widget=forms.SelectMultiple(attrs={"size": 6}),
        help_text="No service and no team means every service. Hold Ctrl or ⌘ to choose several.",
    )
    teams = forms.ModelMultipleChoiceField(
        queryset=Team.objects.none(),
        to_field_name="slug",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="All services of these teams.",
    )

    def __init__(self, said: Any = None, *, zone: str, present: Declared | None = None) -> None:
        known = zone if zone in known_zones() else settings.ORGANISATION_TIME_ZONE
        first = {"time_zone": known, "start_time": time(0), "end_time": time(0)}
        super().__init__(said, initial=initial_of(present, known) if present else first)
        _fill(
            self.fields,
            environments=Environment.objects.all(),
            services=Service.objects.all(),
            teams=Team.objects.all(),
        )

    def declared(self) -> Declared:
        """What was typed, as the action takes it."""
        said, zone = self.cleaned_data, ZoneInfo(self.cleaned_data["time_zone"])
        return Declared(
            name=said["name"],
            reason=said["reason"],
            is_hard=said["strength"] == "hard",
            start=instant(datetime.combine(said["start"], said["start_time"]), zone),
            end=instant(datetime.combine(said["end"], said["end_time"]), zone),
            rrule=rule_of(said),
            time_zone=said["time_zone"],
            **{name: [row.slug for row in said[name]] for name in ("services", "teams", "environments")},
        )


def initial_of(present: Declared, zone: str) -> dict[str, Any]:
    """What the form shows for a freeze that was declared so; `zone` is for one that names none."""
    name = present.time_zone or zone
    start, end = (moment.astimezone(ZoneInfo(name)) for moment in (present.start, present.end))
    return {
        "name": present.name,
        "reason": present.reason,
        "strength": "hard" if present.is_hard else "soft",
        "start": start.date(),
        "start_time": start.time(),
        "end": end.date(),
        "end_time": end.time(),
        "time_zone": name,
        "repeats": "rule" if present.rrule else "once",
        "rrule": present.rrule,
        **{part: list(getattr(present, part)) for part in ("services", "teams", "environments")},
    }


def rule_of(said: Mapping[str, Any]) -> str:
    """The RRULE that the choices amount to; empty for a freeze that happens once."""
    if said["repeats"] == "once":
        return ""
    if said["repeats"] == "rule":
        return said["rrule"].strip() or "FREQ="
    until = f";UNTIL={said['until']:%Y%m%d}" if said["until"] else ""
    return _REPEATED[said["repeats"]](said["start"], said) + until


def _weekly(first: date, said: Mapping[str, Any]) -> str:
    days = {*said["weekdays"], DAYS[first.weekday()]}
    return f"FREQ=WEEKLY;BYDAY={','.join(day for day in DAYS if day in days)}"


def _monthly_weekday(first: date, said: Mapping[str, Any]) -> str:
    number = (first.day - 1) // 7 + 1
    return f"FREQ=MONTHLY;BYDAY={number if number < 5 else -1}{DAYS[first.weekday()]}"


_REPEATED: dict[str, Callable[[date, Mapping[str, Any]], str]] = {
    "weekly": _weekly,
    "monthly_day": lambda first, said: f"FREQ=MONTHLY;BYMONTHDAY={first.day}",
    "monthly_weekday": _monthly_weekday,
    "yearly": lambda first, said: "FREQ=YEARLY",
}


class OverrideForm(forms.Form):
    """Leave to change something in a freeze."""

    reason = forms.CharField(
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 2}),
        label="Why it cannot wait",
        help_text="As in: security fix for CVE-2026-1234.",
    )
    services = forms.ModelMultipleChoiceField(
        queryset=Service.objects.none(),
        to_field_name="slug",
        required=False,
        widget=forms.SelectMultiple(attrs={"size": 5}),
        help_text="None means all that the freeze covers.",
    )
    hours = forms.ChoiceField(
        choices=[("2", "2 hours"), ("8", "8 hours"), ("24", "1 day"), ("72", "3 days"), ("168", "7 days")],
        initial="8",
        label="For how long, from now",
    )

    def __init__(self, *args: Any, services: QuerySet[Service], begins: datetime | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _fill(self.fields, services=services)
        self._begins = begins
        if begins is not None:
            self.fields["hours"].label = f"For how long, from when it begins ({moments.stamp(begins)})"

    def wish(self, *, now: datetime) -> Wish:
        """What was typed, as the action takes it: the hours count from now, or from when the freeze begins later."""
        said = self.cleaned_data
        expires_at = max(now, self._begins or now) + timedelta(hours=int(said["hours"]))
        return Wish(said["reason"], expires_at, [service.slug for service in said["services"]])


def _fill(fields: dict[str, forms.Field], **rows: QuerySet[Any]) -> None:
    for name, queryset in rows.items():
        field = fields[name]
        assert isinstance(field, forms.ModelMultipleChoiceField)
        field.queryset = queryset
