"""Schedules and escalations in an organisation file."""

import io
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from oncall import queries
from oncall.models import EscalationPolicy, Schedule

pytestmark = pytest.mark.django_db
FILE = """
schedules:
  - {slug: payments-primary, name: payments_primary, team: payments, time_zone: Europe/Berlin, rotations: [
      {name: week, type: weekly, length: 1, start: 2026-01-05T08:00:00Z, end: null,
       participants: [ann@example.com, bo@example.com, null],
       restrictions: [{start_day: monday, start: "08:00", end_day: friday, end: "18:00"}]},
      {name: night, type: daily, start: 2026-01-05T08:00:00Z, participants: ["team:delivery"],
       restrictions: [{start: "22:00", end: "06:00"}]}]}
escalations:
  - {slug: checkout, team: payments, services: [checkout], repeat: 1,
     steps: [{schedule: payments-primary, wait_minutes: 5}, {user: cy@example.com, wait_minutes: 10}]}
"""


@pytest.fixture
def applied(shop, tmp_path: Path):
    def apply(text: str = FILE) -> str:
        (tmp_path / "organisation.yaml").write_text(text)
        out = io.StringIO()
        call_command("apply_organisation", str(tmp_path / "organisation.yaml"), stdout=out)
        return out.getvalue()

    return apply


def test_a_file_brings_schedules_and_escalations_and_applied_again_it_changes_nothing(applied):
    first = applied()
    assert "+ schedule payments-primary" in first
    assert "+ escalation checkout" in first
    schedule = Schedule.objects.get()
    assert [one.name for one in queries.declared_of(schedule).rotations] == ["week", "night"]
    assert [str(step.schedule or step.user) for step in EscalationPolicy.objects.get().steps.all()] == [
        "payments_primary",
        "Cy Rao",
    ]
    assert "payments-primary" not in applied()
    applied(
        FILE.replace("[ann@example.com, bo@example.com, null]", "[ann@example.com, cy@example.com, bo@example.com]")
    )
    again = applied(
        FILE.replace("[ann@example.com, bo@example.com, null]", "[ann@example.com, cy@example.com, bo@example.com]")
    )
    assert "~ schedule" not in again
    assert schedule.rotations.filter(end__gt=timezone.now()).count() == 1


def test_what_the_file_leaves_out_stays(applied):
    applied()
    assert "~ schedule" not in applied("schedules: [{slug: payments-primary, team: payments}]")
    assert "description" in applied("schedules: [{slug: payments-primary, team: payments, description: Nights too}]")
    assert Schedule.objects.get().rotations.count() == 2


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (
            '{start: "22:00", end: "06:00"}',
            '{start: "22:00", end: "06:00"}, {start: "07:00", end: "08:00"}',
            "restriction",
        ),
        ("bo@example.com, null", "nobody@example.com, null", "no person “nobody@example.com”"),
        ("{user: cy@example.com,", "{user: cy@example.com, team: payments,", "step_has_one_target"),
        ("2026-01-05T08:00:00Z, end: null", "2026-01-05T08:00:00Z, end: 2026-01-04T00:00:00Z", "rotation_is_sound"),
    ],
)
def test_mistakes_are_named_and_nothing_is_applied(applied, old, new, code):
    with pytest.raises(CommandError, match=code):
        applied(FILE.replace(old, new))
    assert not Schedule.objects.exists()
