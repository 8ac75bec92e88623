"""A change is filed, judged, approved, done and looked back at."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.callers import caller_of_person
from accounts.models import Membership
from changes.states import State
from changes.tickets.content import Draft
from changes.tickets.deciding import approve_change, reject_change, revise_change
from changes.tickets.doing import close_change, finish_change, review_change, start_change
from changes.tickets.filing import amend_change, file_change, submit_change
from notifications.models import Message
from tests.factories import make_user
from workflow.errors import Conflict, Forbidden
from workflow.ledger import timeline

pytestmark = pytest.mark.django_db
NO_RISK = dict.fromkeys(
    ("irreversible", "customer_downtime", "first_time", "no_automated_rollback", "data_migration"), False
)


def whole(**changed):
    now = timezone.now()
    parts = {
        "title": "Raise the pool of connections",
        "services": ("checkout",),
        "environment": "production",
        "reason": "The pool ran dry twice.",
        "risk_answers": NO_RISK,
        "test_evidence": "Ran a day on UAT.",
        "rollback_plan": "Set it back.",
        "rollback_minutes": 5,
        "verification_plan": "Watch the waiting time.",
        "window_start": now - timedelta(minutes=1),
        "window_end": now + timedelta(hours=2),
    }
    return Draft(**{**parts, **changed})


@pytest.fixture
def dee(shop):
    dee = make_user("dee@example.com", "Dee Fox")
    Membership.objects.create(team=shop.payments, user=dee)
    return dee


def test_a_change_of_low_risk_goes_from_draft_to_closed(shop, dee):
    ann, bo = caller_of_person(shop.ann), caller_of_person(shop.bo)
    change = file_change(whole(), by=ann)
    assert (change.state, change.risk) == (State.DRAFT, "low")
    standing = submit_change(change.ref, by=ann)
    assert standing.change.state == State.SUBMITTED
    assert {m.recipient for m in Message.objects.all()} == {"bo@example.com", "dee@example.com"}
    with pytest.raises(Forbidden) as refusal:
        approve_change(change.ref, by=ann)
    assert refusal.value.code == "four_eyes"
    assert approve_change(change.ref, by=bo).change.state == State.APPROVED
    assert start_change(change.ref, by=ann).change.state == State.IN_PROGRESS
    assert finish_change(change.ref, by=ann, outcome="succeeded").change.state == State.FINISHED
    assert close_change(change.ref, by=ann).change.state == State.CLOSED
    assert [entry.verb for entry in reversed(timeline(change.ref))] == [
        "filed", "submitted", "approved", "started", "finished", "closed",
    ]  # fmt: skip


def test_an_edit_after_approval_asks_for_it_again(shop, dee):
    ann, bo = caller_of_person(shop.ann), caller_of_person(shop.bo)
    ref = file_change(whole(), by=ann).ref
    submit_change(ref, by=ann)
    approve_change(ref, by=bo)
    standing = amend_change(ref, {"rollback_plan": "There is none."}, by=ann)
    assert standing.change.state == State.SUBMITTED
    assert not standing.standing_approvals
    with pytest.raises(Conflict):
        start_change(ref, by=ann)


def test_an_emergency_begins_at_once_and_is_reviewed_by_somebody_else(shop):
    ann, cy = caller_of_person(shop.ann), caller_of_person(shop.cy)
    draft = Draft(type="emergent", title="Restart the queue", services=("checkout",), reason="It is stuck.")
    change = file_change(draft, by=ann)
    assert change.state == State.IN_PROGRESS
    finish_change(change.ref, by=ann, outcome="succeeded")
    with pytest.raises(Forbidden):
        review_change(change.ref, by=ann)
    assert review_change(change.ref, by=cy, note="Right so.").state == State.CLOSED


def test_a_rejected_change_can_be_revised(shop, dee):
    ann, bo = caller_of_person(shop.ann), caller_of_person(shop.bo)
    ref = file_change(whole(), by=ann).ref
    submit_change(ref, by=ann)
    assert reject_change(ref, by=bo, reason="No test.").change.state == State.REJECTED
    assert revise_change(ref, by=ann).change.state == State.DRAFT
    amend_change(ref, {"test_evidence": "Ran a day on UAT without an error."}, by=ann)
    assert submit_change(ref, by=ann).change.state == State.SUBMITTED
    assert approve_change(ref, by=bo).change.state == State.APPROVED
