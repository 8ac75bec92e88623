"""The page of a filed change: who may do what, why not, and what was said, as people see it."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.callers import caller_of_person
from accounts.models import Membership
from changes.models import Approval, Change, Freeze, Review
from changes.tickets import deciding, doing, filing
from changes.tickets.content import Draft
from changes.tickets.risk_policy import RISK_QUESTIONS
from tests.changes.test_pages import log, seen
from tests.factories import PASSWORD, make_ticket, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def dee(shop):
    """Another member of Payments."""
    dee = make_user("dee@example.com", "Dee Fox")
    Membership.objects.create(team=shop.payments, user=dee)
    return dee


def as_(person):
    client = Client()
    client.force_login(person)
    return client


def by(person):
    return caller_of_person(person)


def submitted(person, **changed):
    """The ref of a change that waits for approval: `person` asks, for ledger in production, from now on."""
    now = timezone.now()
    said = {
        "title": "Raise the pool of connections",
        "services": ("ledger",),
        "reason": "It ran dry twice.",
        "risk_answers": dict.fromkeys(RISK_QUESTIONS, False),
        "test_evidence": "A day on UAT.",
        "rollback_plan": "Set it back.",
        "rollback_minutes": 5,
        "verification_plan": "Watch the waiting time.",
        "window_start": now - timedelta(minutes=5),
        "window_end": now + timedelta(hours=2),
    }
    return filing.file_and_submit(Draft(**{**said, **changed}), by=by(person)).ref


def act(person, ref, verb, **said):
    return as_(person).post(f"/changes/{ref}/{verb}", {"verb": verb, **said})


def state():
    return Change.objects.get().state


# --- Four eyes -------------------------------------------------------------------------------------------------------


def test_who_requested_it_cannot_approve_it_and_reads_why_and_by_which_rule(shop, dee):
    ref = submitted(shop.bo)
    page = as_(shop.bo).get(f"/changes/{ref}")
    assert "You cannot approve it. You requested it, so somebody else must judge it. Rule four_eyes" in seen(page)
    assert f"/changes/{ref}/approve" not in page.content.decode()
    answer = act(shop.bo, ref, "approve")
    assert answer.status_code == 422
    assert "four_eyes" in seen(answer)
    assert state() == "submitted"


def test_who_carries_it_out_cannot_approve_it(shop, dee):
    ref = submitted(shop.bo, implementer="dee@example.com")
    assert "You took it on, so somebody else must judge it." in seen(act(dee, ref, "approve"))
    assert state() == "submitted"


def test_who_wrote_one_of_its_commits_cannot_approve_it(shop, dee):
    ref = submitted(shop.bo, commits=({"sha": "abc1234", "author": "Dee@Example.com"},))
    assert "You authored one of its commits" in seen(act(dee, ref, "approve"))
    assert state() == "submitted"


def test_an_administrator_gets_no_exception(shop, dee):
    ref = submitted(shop.bo)
    answer = act(shop.admin, ref, "approve")
    assert "approver_role" in seen(answer)
    Membership.objects.create(team=shop.payments, user=shop.admin, is_lead=True)
    assert "role_held_before" in seen(act(shop.admin, ref, "approve"))
    own = submitted(shop.admin, title="Another")
    assert "four_eyes" in seen(act(shop.admin, own, "approve"))
    assert set(Change.objects.values_list("state", flat=True)) == {"submitted"}


# --- Approving and rejecting -----------------------------------------------------------------------------------------


def test_the_only_one_who_can_approve_is_told_so_and_does_it_with_one_button(shop, dee):
    ref = submitted(shop.bo, risk_answers={**dict.fromkeys(RISK_QUESTIONS, False), "irreversible": True})
    page = as_(shop.ann).get(f"/changes/{ref}")
    assert "and only you can give it" in seen(page)
    assert "Medium risk needs a lead of Payments to approve." in seen(page)
    answer = as_(shop.ann).post(f"/changes/{ref}/approve", {"verb": "approve", "reason": "Fine."}, follow=True)
    assert "Your approval counts." in seen(answer)
    assert "Approved by Ann Lee" in seen(answer)
    assert Approval.objects.get().note == "Fine."


def test_an_approval_of_what_was_edited_meanwhile_is_refused_and_the_comment_stays(shop, dee):
    ref = submitted(shop.bo)
    read = Change.objects.get().ticket.digest
    filing.amend_change(ref, {"rollback_plan": "There is none."}, by=by(shop.bo))
    answer = act(shop.ann, ref, "approve", seen=read, reason="Looks right to me.")
    text = seen(answer)
    assert answer.status_code == 422
    assert "The change was edited since you opened it." in text
    assert "stale_approval" in text
    assert "Looks right to me." in text
    assert "What changed since you opened it" in text
    assert "Way back Set it back. There is none." in text
    assert state() == "submitted"
    assert f'name="seen" value="{Change.objects.get().ticket.digest}"' in answer.content.decode()


def test_a_second_approval_by_the_same_person_is_refused(shop, dee):
    answers = {**dict.fromkeys(RISK_QUESTIONS, False), "irreversible": True, "customer_downtime": True}
    ref = submitted(shop.bo, risk_answers=answers)
    act(shop.ann, ref, "approve")
    page = as_(shop.ann).get(f"/changes/{ref}")
    assert "You cannot approve it. You approved it already. Rule already_approved" in seen(page)
    assert "already_approved" in seen(act(shop.ann, ref, "approve"))
    assert state() == "submitted"


def test_a_rejection_needs_a_reason_and_tells_it(shop, dee):
    ref = submitted(shop.bo)
    answer = act(shop.ann, ref, "reject")
    assert "Say why, so that it can be mended." in seen(answer)
    assert state() == "submitted"
    act(shop.ann, ref, "reject", reason="Test the way back first.")
    text = seen(as_(shop.bo).get(f"/changes/{ref}"))
    assert "Rejected by Ann Lee Test the way back first." in text
    assert "Take it back into a draft" in text


def test_a_rejected_change_goes_back_into_a_draft_and_the_answer_stays_in_its_history(shop, dee):
    ref = submitted(shop.bo)
    act(shop.ann, ref, "reject", reason="Test it first.")
    act(shop.bo, ref, "revise", reason="Will do.")
    text = seen(as_(shop.bo).get(f"/changes/{ref}"))
    assert state() == "draft"
    assert "Took it back into a draft" in text.replace("took it back", "Took it back")
    assert "rejected it Test it first." in text


def test_strangers_to_a_change_see_it_whole_and_no_button(shop, dee):
    ref = submitted(shop.bo)
    page = as_(shop.cy).get(f"/changes/{ref}").content.decode()
    assert "<form" not in page.partition('id="content"')[2].partition("dl-tabs")[0]
    assert "Watch the waiting time." in page


def test_what_is_no_longer_legal_is_refused_with_the_state_in_words(shop, dee):
    ref = submitted(shop.bo)
    act(shop.bo, ref, "withdraw")
    answer = act(shop.ann, ref, "approve")
    assert f"You cannot approve {ref}: it is withdrawn." in seen(answer)
    assert "transition_illegal" in seen(answer)


@pytest.mark.parametrize("verb", ["submit", "approve", "start", "finish", "close", "edit"])
def test_a_pipelines_deploy_has_no_such_page(ann, ci, verb):
    ref = log(ci)
    assert ann.post(f"/changes/{ref}/{verb}").status_code == 404
    assert ann.post(f"/changes/CHG-999999/{verb}").status_code == 404


def test_a_word_typed_when_the_session_had_ended_is_still_there(shop, dee):
    ref = submitted(shop.bo)
    client = as_(shop.ann)
    client.get(f"/changes/{ref}")
    client.cookies.pop("decklog_session")
    page = f"/changes/{ref}"
    said = {"verb": "reject", "reason": "Why at night?"}
    answer = client.post(f"{page}/reject", said, headers={"referer": f"http://testserver{page}"})
    client.post(answer["Location"], {"login": "ann@example.com", "password": PASSWORD})
    text = seen(client.get(page))
    assert "Why at night?" in text
    assert "Nothing was sent yet" in text
    assert state() == "submitted"


# --- Carrying out ----------------------------------------------------------------------------------------------------


def test_an_approved_change_is_begun_finished_and_closed_with_two_buttons(shop, dee):
    ref = submitted(shop.bo)
    deciding.approve_change(ref, by=by(shop.ann))
    assert "You can begin now." in seen(as_(shop.bo).get(f"/changes/{ref}"))
    act(shop.bo, ref, "start")
    act(shop.bo, ref, "finish", outcome="succeeded", note="Quiet.", close="on")
    assert state() == "closed"
    text = seen(as_(shop.bo).get(f"/changes/{ref}"))
    assert "Closed: succeeded Nothing is owed." in text
    assert "Quiet." in text


def test_what_must_be_reviewed_is_not_closed_by_finishing_it(shop, dee):
    ref = submitted(shop.bo)
    deciding.approve_change(ref, by=by(shop.ann))
    act(shop.bo, ref, "start")
    act(shop.bo, ref, "finish", outcome="succeeded_with_issues", close="on")
    assert state() == "finished"
    assert "review_required" in seen(act(shop.bo, ref, "close"))
    assert "You cannot review it." in seen(as_(shop.bo).get(f"/changes/{ref}"))


def test_rolling_back_is_one_button_and_asks_for_a_review(shop, dee):
    ref = submitted(shop.bo)
    deciding.approve_change(ref, by=by(shop.ann))
    doing.start_change(ref, by=by(shop.bo))
    act(shop.bo, ref, "rollback", note="Errors went up.")
    change = Change.objects.get()
    assert (change.state, change.outcome) == ("finished", "rolled_back")
    assert "Rolled back, and waits for a review" in seen(as_(dee).get(f"/changes/{ref}"))


def test_a_freeze_forbids_to_begin_and_says_which(shop, dee):
    ref = submitted(shop.bo)
    deciding.approve_change(ref, by=by(shop.ann))
    now = timezone.now()
    Freeze.objects.create(name="Black Friday", start=now, end=now + timedelta(days=1), last_end=now + timedelta(days=1))
    answer = act(shop.bo, ref, "start")
    assert "The freeze “Black Friday” is in force" in seen(answer)
    assert "freeze_active" in seen(answer)
    assert state() == "approved"


def test_an_outcome_is_corrected_with_a_reason_and_both_stay(shop, dee):
    ref = submitted(shop.bo)
    deciding.approve_change(ref, by=by(shop.ann))
    doing.start_change(ref, by=by(shop.bo))
    doing.finish_change(ref, by=by(shop.bo), outcome="succeeded")
    assert "Say what was found out." in seen(act(shop.bo, ref, "correct", outcome="failed"))
    act(shop.bo, ref, "correct", outcome="failed", reason="Nobody looked at the queue.")
    text = seen(as_(shop.bo).get(f"/changes/{ref}"))
    assert "corrected how it ended: failed, not succeeded" in text
    assert "finished it: succeeded" in text


# --- Looking back ----------------------------------------------------------------------------------------------------


def emergency(person):
    draft = Draft(type="emergent", title="Restart the queue", services=("ledger",), reason="It is stuck.")
    ref = filing.file_change(draft, by=by(person)).ref
    doing.finish_change(ref, by=by(person), outcome="succeeded")
    return ref


def test_somebody_else_looks_back_with_five_questions_and_that_closes_it(shop, dee):
    ref = emergency(shop.bo)
    assert "four_eyes" in seen(act(shop.bo, ref, "review", note="All well."))
    page = as_(dee).get(f"/changes/{ref}")
    for question in ("Did it go as planned?", "Did customers notice?", "Is there something to follow up?"):
        assert question in seen(page)
    act(dee, ref, "review", note="Right so.", answer_as_planned="yes", answer_customer_impact="no")
    review = Review.objects.get()
    assert (review.reviewer, review.answers) == (dee, {"as_planned": True, "customer_impact": False})
    text = seen(as_(shop.bo).get(f"/changes/{ref}"))
    assert "Closed: succeeded Reviewed by Dee Fox." in text
    assert "Did customers notice? No" in text


def test_a_review_that_is_overdue_says_so(shop, dee):
    with time_machine.travel("2026-11-24T12:00:00Z", tick=False):
        ref = emergency(shop.bo)
    with time_machine.travel("2026-11-25T13:00:00Z", tick=False):
        assert "That time has passed." in seen(as_(dee).get(f"/changes/{ref}"))


def test_a_deploy_that_failed_is_looked_back_at_on_its_own_page(shop, ci, dee):
    ref = log(ci, status="failed")
    author = as_(shop.ann).get(f"/changes/{ref}")
    assert "You can look back at it" not in seen(author)
    assert "You can look back at it" in seen(as_(dee).get(f"/changes/{ref}"))
    assert "four_eyes" in seen(act(shop.ann, ref, "review", note="All well."))
    assert state() == "finished"
    act(dee, ref, "review", note="The alert came late.")
    text = seen(as_(shop.ann).get(f"/changes/{ref}"))
    assert state() == "closed"
    assert "The alert came late." in text


# --- How much it asks ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 12])
def test_the_page_asks_the_database_as_often_however_much_happened(shop, dee, count, django_assert_max_num_queries):
    ref = submitted(shop.bo, services=("checkout", "ledger"), window_start=timezone.now() + timedelta(hours=1))
    for number in range(count):
        deciding.approve_change(ref, by=by(shop.ann))
        filing.amend_change(ref, {"rollback_plan": f"Plan {number}"}, by=by(shop.bo))
        Membership.objects.create(team=shop.payments, user=make_user(f"p{number}@example.com"))
    now = timezone.now()
    for number in range(count):
        Freeze.objects.create(name=f"Freeze {number}", start=now, end=now + timedelta(days=9))
        make_ticket(
            shop, services=[shop.ledger], state="approved", window_start=now, window_end=now + timedelta(hours=5)
        )
    client = as_(shop.ann)
    client.get(f"/changes/{ref}")
    with django_assert_max_num_queries(12):
        assert client.get(f"/changes/{ref}").status_code == 200
