"""What happens by itself when nobody does anything."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.callers import caller_of_person
from changes.models import Change, Template
from changes.states import State
from changes.tasks import mind_tickets
from changes.tickets import policy
from changes.tickets.content import Draft
from changes.tickets.doing import finish_change, review_change
from changes.tickets.filing import file_change
from notifications.models import Message
from tests.factories import NOON, make_ticket
from workflow.ledger import timeline

HOUR = timedelta(hours=1)


def emergency(shop, hours_ago):
    draft = Draft(type="emergent", title="Restart the queue", services=("checkout",), reason="It is stuck.")
    change = file_change(draft, by=caller_of_person(shop.bo))
    Message.objects.all().delete()
    began = timezone.now() - hours_ago * HOUR
    Change.objects.update(started_at=began, review_due_at=began + policy.REVIEW_WITHIN)
    return change


def told():
    return sorted(Message.objects.values_list("recipient", "priority"))


@pytest.mark.parametrize(
    ("hours", "reminded", "outcome"),
    [
        (11.9, 0, "quiet"),
        (12, 0, "remind"),
        (12, 1, "quiet"),
        (20, 1, "remind"),
        (20, 2, "quiet"),
        (24, 2, "page"),
        (24, 3, "quiet"),
        (90, 0, "page"),
    ],
)
def test_a_review_is_reminded_of_twice_and_then_paged(hours, reminded, outcome):
    now = NOON + hours * HOUR
    due = NOON + policy.REVIEW_WITHIN
    assert policy.reminder_due(due_at=due, reminded=reminded, now=now).outcome == outcome


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        (11, []),
        (13, [("ann@example.com", Message.Priority.NORMAL)]),
        (25, [("ann@example.com", Message.Priority.PAGE)]),
    ],
)
def test_an_emergency_that_nobody_reviews_is_chased_once_at_each_step(shop, hours, expected):
    emergency(shop, hours)
    mind_tickets()
    mind_tickets()
    assert told() == expected


@pytest.mark.django_db
def test_a_review_calls_the_reminders_back(shop):
    change = emergency(shop, 13)
    mind_tickets()
    finish_change(change.ref, by=caller_of_person(shop.bo), outcome="succeeded")
    review_change(change.ref, by=caller_of_person(shop.ann))
    assert set(Message.objects.filter(topic=f"review:{change.ref}").values_list("state", flat=True)) == {"cancelled"}
    Message.objects.all().delete()
    Change.objects.update(review_due_at=None)
    mind_tickets()
    assert told() == []


@pytest.mark.django_db
@pytest.mark.parametrize("state", ["submitted", "approved"])
def test_a_change_that_did_not_begin_in_its_window_expires(shop, state):
    ended = timezone.now() - HOUR
    ticket = make_ticket(shop, state=state, window_start=ended - HOUR, window_end=ended)
    mind_tickets()
    change = Change.objects.get(pk=ticket.pk)
    assert change.state == State.EXPIRED
    assert timeline(change.ref)[0].verb == "expired"


@pytest.mark.django_db
@pytest.mark.parametrize("state", ["draft", "in_progress", "finished"])
def test_nothing_else_expires(shop, state):
    ended = timezone.now() - HOUR
    ticket = make_ticket(shop, state=state, window_start=ended - HOUR, window_end=ended)
    mind_tickets()
    assert Change.objects.get(pk=ticket.pk).state == state


@pytest.mark.django_db
def test_a_finished_change_closes_by_itself_after_a_day(shop):
    now = timezone.now()
    settled = make_ticket(shop, state="finished", outcome="succeeded", finished_at=now - 25 * HOUR)
    fresh = make_ticket(shop, state="finished", outcome="succeeded", finished_at=now - 23 * HOUR)
    owed = make_ticket(
        shop, state="finished", outcome="failed", finished_at=now - 25 * HOUR, review_due_at=now + 100 * HOUR
    )
    mind_tickets()
    states = dict(Change.objects.values_list("pk", "state"))
    assert (states[settled.pk], states[fresh.pk], states[owed.pk]) == ("closed", "finished", "finished")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("outcome", "state"), [("failed", "demoted"), ("rolled_back", "demoted"), ("partial", "approved")]
)
def test_a_failure_demotes_the_template(shop, outcome, state):
    template = Template.objects.create(
        slug="restart", name="Restart", title="Restart", environment=shop.production, author=shop.ann, digest="x",
        state="approved", approved_until=timezone.now() + 24 * HOUR,
    )  # fmt: skip
    ticket = make_ticket(shop, state="in_progress", authorization="template", template=template)
    finish_change(ticket.change.ref, by=caller_of_person(shop.bo), outcome=outcome)
    assert Template.objects.get().state == state
