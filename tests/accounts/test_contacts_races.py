"""Two clocks that make the same digest at once. Real transactions on real connections, on PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.contacts import digests
from accounts.contacts.actions import tell
from accounts.contacts.letters import Letter
from accounts.contacts.models import Preference
from accounts.contacts.policy import Urgency
from notifications.models import Message
from tests.factories import make_user

pytestmark = [pytest.mark.postgres_only, pytest.mark.django_db(transaction=True)]
ROUNDS = 6


def test_of_two_clocks_at_once_one_makes_the_digest() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time, so there is no race to win")
    ann, now = make_user("ann@example.com"), timezone.now()
    Preference.objects.create(user=ann, collected=["ask"])

    def make(due: timedelta) -> int:
        try:
            return digests.make_due_digests(now=now + due)
        finally:
            connection.close()

    for day in range(ROUNDS):
        with transaction.atomic():
            tell(
                Letter(ann.pk, Urgency.ASK, f"ask:{day}", f"CHG-{day} waits", "Approve."), at=now + timedelta(days=day)
            )
        with ThreadPoolExecutor(max_workers=4) as pool:
            made = list(pool.map(make, [timedelta(days=day + 1, minutes=1)] * 4))
        assert sorted(made) == [0, 0, 0, 1]
    assert [one.title for one in Message.objects.all()] == ["1 thing waits for you"] * ROUNDS
