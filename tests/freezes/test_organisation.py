"""Freezes in an organisation file."""

from datetime import UTC, datetime

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from changes.freezes.queries import all_windows
from changes.models import Freeze
from workflow.ledger import timeline

pytestmark = pytest.mark.django_db

WEEKENDS = """
freezes:
  - {name: Weekends, hard: false, start: 2026-11-06T18:00:00+01:00, end: 2026-11-09T08:00:00+01:00,
     rrule: "FREQ=WEEKLY;BYDAY=FR", time_zone: Europe/Berlin}
"""


@pytest.fixture
def apply(tmp_path, capsys):
    """Applies a file with the given text; returns what was printed."""

    def put(text):
        file = tmp_path / "organisation.yaml"
        file.write_text(text)
        call_command("apply_organisation", str(file))
        return capsys.readouterr().out

    return put


def test_a_freeze_that_repeats_comes_from_a_file_and_the_same_file_again_does_nothing(apply):
    apply(WEEKENDS)
    freeze = Freeze.objects.get()
    assert (freeze.rrule, freeze.time_zone, freeze.last_end) == ("FREQ=WEEKLY;BYDAY=FR", "Europe/Berlin", None)
    april = all_windows(datetime(2027, 4, 1, tzinfo=UTC), datetime(2027, 4, 8, tzinfo=UTC))
    assert [window.start for window in april] == [datetime(2027, 4, 2, 16, tzinfo=UTC)]
    assert "= nothing to do" in apply(WEEKENDS)


def test_a_file_changes_what_differs_and_leaves_the_rest(apply):
    apply(WEEKENDS)
    printed = apply(WEEKENDS.replace("hard: false", "hard: true").replace("BYDAY=FR", "BYDAY=FR;UNTIL=20261231"))
    freeze = Freeze.objects.get()
    assert "~ freeze Weekends" in printed
    assert freeze.is_hard
    assert freeze.last_end == datetime(2026, 12, 28, 7, tzinfo=UTC)
    assert [entry.verb for entry in timeline(freeze.ref)] == ["changed", "declared"]

    apply("freezes: [{name: Weekends, start: 2026-11-06T18:00:00+01:00, end: 2026-11-09T08:00:00+01:00}]")
    assert Freeze.objects.get().rrule == freeze.rrule


def test_a_file_that_stops_the_repetition_says_so_with_null(apply):
    apply(WEEKENDS)
    apply(WEEKENDS.replace('"FREQ=WEEKLY;BYDAY=FR"', "null"))
    freeze = Freeze.objects.get()
    assert (freeze.rrule, freeze.last_end) == ("", freeze.end)


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("FREQ=WEEKLY;BYDAY=FR", "FREQ=SECONDLY", "daily, weekly, monthly or yearly"),
        ("FREQ=WEEKLY;BYDAY=FR", "FREQ=WEEKLY;BYDAY=MO", "does not fit the rule"),
        (", time_zone: Europe/Berlin", "", "needs the time zone"),
        ("Europe/Berlin", "Mars/Olympus", "is no time zone"),
        ("2026-11-09T08:00:00+01:00", "2026-11-06T08:00:00+01:00", "after the start"),
    ],
)
def test_a_rule_that_no_freeze_may_have_is_named_with_its_line(apply, before, after, says):
    with pytest.raises(CommandError, match=says):
        apply(WEEKENDS.replace(before, after))
    assert not Freeze.objects.exists()
