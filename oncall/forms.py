"""The shape of what is typed about the watch."""

import re
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.utils import timezone

from accounts.models import Team, User
from accounts.zones import instant, known_zones, wall_clock
from oncall import restrictions
from oncall.declared import DeclaredRotation, DeclaredSchedule, Named
from oncall.models import Rotation
from oncall.restrictions import BadRestriction
from oncall.shifts.actions import Wish

FIRST_YEAR, LAST_YEAR = 2000, 2100
NOBODY = "nobody"
_LIMIT = re.compile(r"(?:(?P<start_day>[a-z]+) )?(?P<start>[0-9:]+) to (?:(?P<end_day>[a-z]+) )?(?P<end>[0-9:]+)\Z")


def _is_near(day: date) -> None:
    """At both ends of the calendar, other zones have no name for a day."""
    if not FIRST_YEAR <= day.year < LAST_YEAR:
        raise forms.ValidationError(f"The year must be between {FIRST_YEAR} and {LAST_YEAR}.", code="year")


def _day(label: str, **more: Any) -> forms.DateField:
    widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    return forms.DateField(label=label, input_formats=["%Y-%m-%d"], widget=widget, validators=[_is_near], **more)


def _time(label: str, **more: Any) -> forms.TimeField:
    widget = forms.TimeInput(format="%H:%M", attrs={"type": "time"})
    return forms.TimeField(label=label, input_formats=["%H:%M"], widget=widget, **more)


class ScheduleForm(forms.Form):
    """A new schedule, before it has rotations."""

    name = forms.CharField(max_length=100, help_text="As in payments_primary. Letters from A to Z, digits, . _ and -.")
    team = forms.ModelChoiceField(queryset=Team.objects.order_by("name"), to_field_name="slug", empty_label=None)
    time_zone = forms.ChoiceField(
        choices=lambda: [(name, name.replace("_", " ")) for name in sorted(known_zones())],
        help_text="It hands over on the clocks there, summer and winter.",
    )

    def declared(self) -> DeclaredSchedule:
        """What was typed, as the action takes it."""
        said = self.cleaned_data
        slug = re.sub(r"[^a-z0-9]+", "-", said["name"].lower()).strip("-")[:64]
        return DeclaredSchedule(slug or "schedule", said["name"], said["team"].slug, said["time_zone"])


class RotationForm(forms.Form):
    """One rotation, on the clocks of its schedule."""

    name = forms.CharField(max_length=100, help_text="As in week, or nights.")
    participants = forms.CharField(
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 6}),
        label="People, in the order of their turns",
        help_text="One e-mail on each line. “team:payments” is everybody of a team, “nobody” a gap on purpose. "
        "The same may come several times.",
    )
    type = forms.ChoiceField(choices=Rotation.Type.choices, initial="weekly", label="They hand over every so many")
    length = forms.IntegerField(min_value=1, max_value=1000, initial=1, label="How many")
    start = _day("First day", help_text="Turns are counted from here.")
    start_time = _time("At")
    end = _day("Ends on", required=False, help_text="Empty: it goes on.")
    limits = forms.CharField(
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        label="Counts only",
        help_text="One time on each line, as in “22:00 to 06:00” or “Monday 08:00 to Friday 18:00”. Empty: always.",
    )

    def __init__(self, said: Any = None, *, zone: str, present: DeclaredRotation | None = None) -> None:
        self.zone = ZoneInfo(zone)
        super().__init__(said, initial=self._initial(present) if present else None)
        if present:
            self.fields["name"].disabled = True

    def _initial(self, present: DeclaredRotation) -> dict[str, Any]:
        start = wall_clock(present.start, self.zone)
        return {
            "name": present.name,
            "participants": "\n".join(_line(turn) for turn in present.participants),
            "type": present.type,
            "length": present.length,
            "start": start.date(),
            "start_time": start.time(),
            "end": wall_clock(present.end, self.zone).date() if present.end else None,
            "limits": restrictions.in_words(restrictions.read(present.limits)).replace("; ", "\n"),
        }

    def clean_limits(self) -> list[dict[str, str]]:
        """The restrictions as they are written elsewhere."""
        lines = [line.strip().lower() for line in self.cleaned_data["limits"].splitlines() if line.strip()]
        try:
            return restrictions.stored(restrictions.read([_limit(line) for line in lines]))
        except BadRestriction as bad:
            raise forms.ValidationError(str(bad), code="restriction") from bad

    def declared(self) -> DeclaredRotation:
        """What was typed, as the action takes it."""
        said = self.cleaned_data
        start = datetime.combine(said["start"], said["start_time"])
        lines = [line.strip() for line in said["participants"].splitlines() if line.strip()]
        return DeclaredRotation(
            name=said["name"],
            type=said["type"],
            start=instant(start, self.zone),
            participants=tuple(_turn(line) for line in lines),
            length=said["length"],
            end=instant(datetime.combine(said["end"], said["start_time"]), self.zone) if said["end"] else None,
            limits=said["limits"],
        )


def _limit(line: str) -> dict[str, str]:
    match = _LIMIT.match(line)
    if match is None:
        raise BadRestriction(
            f"“{line[:40]}” is no time. Write it like 22:00 to 06:00, or Monday 08:00 to Friday 18:00."
        )
    return {name: text for name, text in match.groupdict().items() if text}


def _line(turn: Named) -> str:
    kind, name = turn
    return {"user": name, "team": f"team:{name}"}.get(kind, NOBODY)


def _turn(line: str) -> Named:
    if line.lower() == NOBODY:
        return "none", ""
    return ("team", line.removeprefix("team:")) if line.startswith("team:") else ("user", line.lower())


class ShiftForm(forms.Form):
    """Somebody else for a while: an override, or a request to swap. Times are on the reader's clocks."""

    user = forms.ChoiceField(label="Who")
    start = _day("From")
    start_time = _time("At")
    end = _day("Until")
    end_time = _time("At")
    reason = forms.CharField(max_length=300, required=False, label="Why")

    def __init__(self, said: Any = None, *, people: Sequence[User]) -> None:
        super().__init__(said)
        chooser = self.fields["user"]
        assert isinstance(chooser, forms.ChoiceField)
        chooser.choices = [(person.email, person.name) for person in people]

    def wish(self) -> Wish:
        """What was typed, as the actions take it."""
        said, zone = self.cleaned_data, ZoneInfo(timezone.get_current_timezone_name())
        start = instant(datetime.combine(said["start"], said["start_time"]), zone)
        end = instant(datetime.combine(said["end"], said["end_time"]), zone)
        return Wish(said["user"], start, end, (), said["reason"])


def usual_zone(person: User) -> str:
    """The zone that a new schedule of this person most likely follows."""
    return person.time_zone if person.time_zone in known_zones() else settings.ORGANISATION_TIME_ZONE
