"""What a plan collides with among the changes that are filed, and when there is room for it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from changes.calendar.queries import Plan, collisions_of, free_slot_for
from changes.freezes.models import Freeze
from tests.factories import make_service, make_ticket

HOUR = timedelta(hours=1)


def noon():
    return (timezone.now() + timedelta(days=1)).replace(hour=12, minute=0, second=0, microsecond=0)


@pytest.fixture
def plan(shop):
    """What Cy plans for checkout in production, tomorrow at noon for an hour; pass what differs."""

    def make(**changed):
        terms = {
            "change_id": None,
            "service_ids": (shop.checkout.pk,),
            "environment_id": shop.production.pk,
            "implementer_id": shop.cy.pk,
            "start": noon(),
            "end": noon() + HOUR,
        }
        return Plan(**(terms | changed))

    return make


def test_a_change_of_the_same_tier_0_service_blocks_and_says_why(shop, plan):
    ticket = make_ticket(shop, state="approved")
    (found,) = collisions_of(plan())
    assert (found.ref, found.reason, found.blocks) == (ticket.change.ref, "same_service", True)
    assert found.words == "Both change checkout (tier 0)."
    assert (found.start, found.end) == (noon(), noon() + HOUR)


def test_a_change_of_what_the_service_depends_on_collides_too(shop, plan):
    make_ticket(shop, state="submitted", services=[shop.ledger])
    (found,) = collisions_of(plan())
    assert (found.reason, found.blocks) == ("dependency", True)
    assert found.words == "checkout (tier 0) depends on ledger."


def test_a_service_that_a_ticket_names_second_collides_as_well(shop, plan):
    mail = make_service("mail", shop.delivery)
    make_ticket(shop, state="approved", services=[mail, shop.ledger])
    assert [found.reason for found in collisions_of(plan(service_ids=(shop.ledger.pk,)))] == ["same_service"]


def test_the_same_hands_in_another_environment_are_a_warning(shop, plan):
    make_ticket(shop, state="approved", environment=shop.uat, implementer=shop.cy)
    (found,) = collisions_of(plan())
    assert (found.reason, found.words, found.blocks) == ("same_implementer", "Cy Rao carries out both.", False)


def test_another_environment_with_other_hands_is_free(shop, plan):
    make_ticket(shop, state="approved", environment=shop.uat)
    assert collisions_of(plan()) == []


@pytest.mark.parametrize("state", ["draft", "rejected", "withdrawn", "expired", "finished", "closed"])
def test_what_is_not_agreed_or_is_over_takes_no_time(shop, plan, state):
    make_ticket(shop, state=state)
    assert collisions_of(plan()) == []


def test_a_change_does_not_collide_with_itself(shop, plan):
    ticket = make_ticket(shop, state="submitted")
    assert collisions_of(plan(change_id=ticket.pk)) == []


def test_an_emergent_change_that_is_under_way_is_in_the_way_of_what_begins_now(shop, plan):
    now = timezone.now()
    make_ticket(shop, state="in_progress", window_start=None, window_end=None, started_at=now - HOUR)
    assert len(collisions_of(plan(start=now, end=now + HOUR))) == 1
    assert collisions_of(plan()) == []


def test_what_overran_its_window_is_still_in_the_way(shop, plan):
    now = timezone.now()
    over = {"window_start": now - 3 * HOUR, "window_end": now - 2 * HOUR, "started_at": now - 3 * HOUR}
    make_ticket(shop, state="in_progress", **over)
    assert len(collisions_of(plan(start=now, end=now + HOUR))) == 1


# --- Room ------------------------------------------------------------------------------------------------------------


def test_the_next_free_slot_is_after_what_is_in_the_way(shop, plan):
    make_ticket(shop, state="approved")
    make_ticket(
        shop, state="approved", services=[shop.ledger], window_start=noon() + HOUR, window_end=noon() + 2 * HOUR
    )
    assert free_slot_for(plan()) == (noon() + 2 * HOUR, noon() + 3 * HOUR)


def test_the_slot_avoids_warnings_as_well(shop, plan):
    make_ticket(shop, state="approved", environment=shop.uat, implementer=shop.cy)
    assert free_slot_for(plan()) == (noon() + HOUR, noon() + 2 * HOUR)


def test_the_slot_is_not_inside_a_hard_freeze_but_may_be_in_a_soft_one(shop, plan):
    make_ticket(shop, state="approved")
    freeze = Freeze.objects.create(
        name="Year end", start=noon() + HOUR, end=noon() + 24 * HOUR, last_end=noon() + 24 * HOUR
    )
    assert free_slot_for(plan()) == (noon() + 24 * HOUR, noon() + 25 * HOUR)
    freeze.is_hard = False
    freeze.save()
    assert free_slot_for(plan()) == (noon() + HOUR, noon() + 2 * HOUR)


def test_without_room_within_a_fortnight_there_is_no_slot(shop, plan):
    Freeze.objects.create(
        name="Move", start=noon(), end=noon() + timedelta(days=30), last_end=noon() + timedelta(days=30)
    )
    assert free_slot_for(plan()) is None


def test_a_slot_is_never_in_the_past(shop, plan):
    slot = free_slot_for(plan(start=noon() - timedelta(days=9), end=noon() - timedelta(days=9) + HOUR))
    assert slot is not None
    assert slot[0] >= timezone.now()


@pytest.mark.parametrize("count", [1, 12])
def test_the_number_of_statements_does_not_grow(shop, plan, count, django_assert_num_queries):
    for number in range(count):
        make_ticket(shop, state="approved", title=f"Change {number}", services=[shop.checkout, shop.ledger])
    with django_assert_num_queries(2):
        assert len(collisions_of(plan())) == count
    with django_assert_num_queries(4):
        assert free_slot_for(plan()) is not None
