"""Teams hear of gaps in their watch."""

from datetime import UTC, datetime

import pytest

from notifications.models import Message
from oncall.gaps.actions import tell_of_gaps
from tests.factories import make_watch

MONDAY = datetime(2026, 11, 30, 8, 5, tzinfo=UTC)


@pytest.mark.django_db
def test_leads_are_told_once_a_week_of_gaps_on_monday_morning(shop):
    schedule = make_watch(shop)
    tell_of_gaps(now=MONDAY)
    assert not Message.objects.exists(), "there is no gap"
    schedule.rotations.update(end=datetime(2026, 12, 3, 9, tzinfo=UTC))
    tell_of_gaps(now=MONDAY.replace(hour=7))
    assert not Message.objects.exists(), "it is too early"
    tell_of_gaps(now=MONDAY)
    tell_of_gaps(now=MONDAY.replace(hour=9))
    message = Message.objects.get()
    assert message.recipient == "ann@example.com"
    first = message.payload["text"].splitlines()[0]
    assert first.startswith("Cover 1 gap in the watch of payments_primary before Thu 3 Dec 09:00: http")
    tell_of_gaps(now=MONDAY.replace(month=12, day=7))
    assert Message.objects.count() == 2
