"""Schedules as people change them: nobody's next turns move, and what was stays."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from accounts.callers import caller_of_person
from accounts.models import Membership
from changes.tickets.content import Draft
from changes.tickets.filing import file_change
from oncall import actions, queries, watching
from oncall.declared import DeclaredRotation, DeclaredSchedule
from oncall.models import EscalationPolicy, Schedule
from oncall.shifts import actions as shifts
from oncall.shifts.actions import Wish
from tests.factories import make_user
from workflow.errors import Conflict, Forbidden, Unprocessable
from workflow.ledger import timeline

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def midnight() -> datetime:
    return timezone.now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def turns(*emails: str | None) -> tuple[tuple[str, str], ...]:
    return tuple(("user", email) if email else ("none", "") for email in emails)


def daily(*emails: str | None, **changed) -> DeclaredSchedule:
    """Payments' watch in UTC, handed over at midnight since ten days."""
    rotation = DeclaredRotation("day", "daily", midnight() - 10 * DAY, turns(*emails), **changed)
    return DeclaredSchedule("payments-primary", "payments_primary", "payments", "UTC", (rotation,))


@pytest.fixture
def watch(shop) -> Schedule:
    """Ann, Bo and Cy take turns day by day."""
    return actions.declare_schedule(daily(*TRIO), by=caller_of_person(shop.ann))


TRIO = ("ann@example.com", "bo@example.com", "cy@example.com")


def days(schedule: Schedule, start: datetime, count: int) -> list[str]:
    """Who has the watch at each of the noons."""
    found = watching.watch_of(schedule, start, start + count * DAY)
    return ["+".join(p.name.split()[0] for p in found.on_call(start + i * DAY + DAY / 2)) for i in range(count)]


def test_with_a_new_member_whoever_is_next_stays_next_and_the_past_stays_as_it_was(shop, watch):
    make_user("di@example.com", "Di")
    before, coming = days(watch, midnight() - 10 * DAY, 11), days(watch, midnight(), 4)
    actions.replace_schedule(watch.slug, daily(*TRIO, "di@example.com"), by=caller_of_person(shop.ann))
    assert days(watch, midnight() - 10 * DAY, 11) == before
    now = days(watch, midnight(), 5)
    # Who is next stays next; the new one comes where the list has her, after Cy and before Ann.
    assert now[:2] == coming[:2]
    assert sorted(now[1:]) == ["Ann", "Bo", "Cy", "Di"]
    assert now[now.index("Di") - 1] == "Cy"
    assert "rotations" in timeline(watch.ref)[0].data


def test_who_leaves_is_passed_over_and_the_others_stay_in_their_order(shop, watch):
    coming = days(watch, midnight(), 7)
    actions.replace_schedule(watch.slug, daily("ann@example.com", "bo@example.com"), by=caller_of_person(shop.ann))
    now = days(watch, midnight(), 5)
    stays = [name for name in coming[1:] if name != "Cy"]
    assert (now[0], now[1:5]) == (coming[0], stays[:4])


def test_the_same_declaration_again_changes_nothing_even_after_a_change_of_members(shop, watch):
    make_user("di@example.com", "Di")
    wanted, by = daily(*TRIO, "di@example.com"), caller_of_person(shop.ann)
    actions.replace_schedule(watch.slug, wanted, by=by)
    written, rows = len(timeline(watch.ref)), watch.rotations.count()
    actions.replace_schedule(watch.slug, wanted, by=by)
    actions.replace_schedule(watch.slug, queries.declared_of(watch), by=by)
    assert (len(timeline(watch.ref)), watch.rotations.count()) == (written, rows)
    assert not queries.differing_rotations(watch, wanted)


def test_a_preview_says_whose_hours_change_and_keeps_nothing(shop, watch):
    wanted = daily("ann@example.com", "bo@example.com")
    seen = actions.preview_schedule(watch.slug, wanted, by=caller_of_person(shop.ann), days=28)
    assert sum((change for _, change in seen.hours), timedelta()) == timedelta()
    assert seen.hours[0][0] == shop.cy
    assert seen.hours[0][1] < -8 * DAY
    assert watch.rotations.count() == 1


def test_a_rotation_that_is_left_out_ends_now_and_keeps_its_past(shop, watch):
    before = days(watch, midnight() - 5 * DAY, 5)
    actions.replace_schedule(watch.slug, replace(daily(*TRIO), rotations=()), by=caller_of_person(shop.ann))
    assert days(watch, midnight() - 5 * DAY, 5) == before
    assert days(watch, midnight() + DAY, 2) == ["", ""]


def test_only_leads_of_the_team_and_administrators_change_rotations(shop, watch):
    with pytest.raises(Forbidden) as refused:
        actions.replace_schedule(watch.slug, daily("bo@example.com"), by=caller_of_person(shop.bo))
    assert refused.value.code == "may_change_schedule"
    Schedule.objects.update(truth="remote")
    with pytest.raises(Conflict, match="changed in Opsgenie"):
        actions.replace_schedule(watch.slug, daily("bo@example.com"), by=caller_of_person(shop.admin))


@pytest.mark.parametrize(
    ("changed", "code", "field"),
    [
        ({"name": "Zürich"}, "schedule_name", "name"),
        ({"time_zone": "Mars/Base"}, "unknown_time_zone", "time_zone"),
        ({"team": "nobody"}, "unknown_team", "team"),
    ],
)
def test_what_no_schedule_may_be_is_said_at_its_field(shop, changed, code, field):
    with pytest.raises(Unprocessable) as refused:
        actions.declare_schedule(replace(daily(*TRIO), **changed), by=caller_of_person(shop.admin))
    assert (refused.value.code, refused.value.field) == (code, field)


def test_people_who_may_not_sign_in_any_more_keep_their_turn_and_leave_a_gap(shop, watch):
    shop.bo.is_active = False
    shop.bo.save()
    assert sorted(days(watch, midnight(), 3)) == ["", "Ann", "Cy"]
    shop.bo.is_active = True
    shop.bo.save()
    assert sorted(days(watch, midnight(), 3)) == ["Ann", "Bo", "Cy"]


def test_everybody_of_a_team_has_its_turn_together(shop):
    wanted = daily("cy@example.com")
    rotation = replace(wanted.rotations[0], participants=(("team", "payments"),))
    schedule = actions.declare_schedule(replace(wanted, rotations=(rotation,)), by=caller_of_person(shop.admin))
    assert days(schedule, midnight(), 1) == ["Ann+Bo"]
    Membership.objects.filter(user=shop.bo).delete()
    assert days(schedule, midnight(), 1) == ["Ann"]


# --- Exceptions ------------------------------------------------------------------------------------------------------


def test_an_override_counts_until_it_is_taken_back_and_a_second_one_cannot_overlap(shop, watch):
    start = midnight() + 2 * DAY
    usual = days(watch, start, 1)[0]
    other = next(person for person in (shop.ann, shop.bo, shop.cy) if person.name.split()[0] != usual)
    by = caller_of_person(shop.bo)
    override = shifts.add_override(watch.slug, Wish(other.email, start, start + DAY), by=by)
    assert days(watch, start, 2)[0] == other.name.split()[0]
    wish = Wish(shop.ann.email, start + DAY / 2, start + 2 * DAY, rotations=["day"])
    with pytest.raises(Conflict) as refused:
        shifts.add_override(watch.slug, wish, by=by)
    assert refused.value.code == "overrides_overlap"
    shifts.cancel_override(watch.slug, override.pk, by=by)
    shifts.cancel_override(watch.slug, override.pk, by=by)
    assert days(watch, start, 1)[0] == usual
    assert [entry.verb for entry in timeline(watch.ref)][:2] == ["override_cancelled", "override_added"]


def test_an_override_of_a_rotation_outlives_a_change_of_its_members(shop, watch):
    start = midnight() + 5 * DAY
    wish = Wish(shop.ann.email, start, start + DAY, rotations=["day"])
    shifts.add_override(watch.slug, wish, by=caller_of_person(shop.ann))
    only_others = daily("bo@example.com", "cy@example.com")
    actions.replace_schedule(watch.slug, only_others, by=caller_of_person(shop.ann))
    assert days(watch, start, 2)[0] == "Ann"


def test_a_swap_counts_once_the_other_one_agrees_and_nobody_agrees_for_them(shop, watch):
    start = next(midnight() + i * DAY for i in range(1, 4) if days(watch, midnight() + i * DAY, 1) == ["Ann"])
    swap = shifts.ask_swap(watch.slug, Wish(shop.bo.email, start, start + DAY), by=caller_of_person(shop.ann))
    assert days(watch, start, 1) == ["Ann"]
    with pytest.raises(Forbidden):
        shifts.answer_swap(swap.pk, agrees=True, by=caller_of_person(shop.admin))
    shifts.answer_swap(swap.pk, agrees=True, by=caller_of_person(shop.bo))
    assert days(watch, start, 1) == ["Bo"]
    with pytest.raises(Conflict):
        shifts.answer_swap(swap.pk, agrees=False, by=caller_of_person(shop.bo))
    with pytest.raises(Conflict) as refused:
        shifts.ask_swap(watch.slug, Wish(shop.cy.email, start, start + DAY), by=caller_of_person(shop.ann))
    assert refused.value.code == "has_the_watch"


# --- Services --------------------------------------------------------------------------------------------------------


def test_coverage_is_unknown_without_a_schedule_and_nobody_when_a_part_of_the_time_has_a_gap(shop):
    now = timezone.now()
    assert queries.coverage(shop.checkout.pk, now, now + timedelta(hours=1)) == "unknown"
    schedule = actions.declare_schedule(daily(*TRIO), by=caller_of_person(shop.ann))
    assert queries.coverage(shop.checkout.pk, now, now + timedelta(hours=1)) == "reachable"
    schedule.rotations.update(end=now + timedelta(minutes=30))
    assert queries.coverage(shop.checkout.pk, now, now + timedelta(hours=1)) == "nobody"
    assert queries.on_call_for([shop.checkout], now).is_known


def test_a_policy_brings_the_schedule_of_another_team_to_a_service(shop):
    schedule = actions.declare_schedule(replace(daily("cy@example.com"), team="delivery"), by=caller_of_person(shop.cy))
    assert not queries.on_call_for([shop.checkout], timezone.now()).is_known
    policy = EscalationPolicy.objects.create(slug="checkout", name="Checkout", team=shop.payments)
    policy.services.add(shop.checkout)
    policy.steps.create(position=0, schedule=schedule)
    assert queries.on_call_for([shop.checkout], timezone.now()).people == {shop.cy.pk: "payments_primary"}


def test_who_has_the_watch_begins_an_emergency_without_breaking_the_glass(shop):
    actions.declare_schedule(daily("bo@example.com"), by=caller_of_person(shop.ann))
    draft = Draft(type="emergent", title="Restart the queue", services=("checkout",), reason="It is stuck.")
    begun = [file_change(draft, by=caller_of_person(person)) for person in (shop.bo, shop.ann)]
    assert [standing.ticket.is_break_glass for standing in begun] == [False, True]
