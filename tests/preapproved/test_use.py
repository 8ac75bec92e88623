"""A change that is made from a template: nobody approves it, and how it ends decides about the template."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.callers import caller_of_person
from changes.models import Template
from changes.tickets.content import Draft
from changes.tickets.doing import finish_change, start_change
from changes.tickets.filing import file_change, submit_change
from tests.preapproved.people import TERMS, is_usable, refusal, state_of
from workflow.ledger import timeline


@pytest.fixture
def filed(team):
    """A change by Bo, who files, submits and starts it, from the template that Ann and he approved."""
    team.approved()
    return started(team)


def draft():
    now = timezone.now()
    start, end = now - timedelta(minutes=1), now + timedelta(hours=1)
    return Draft(template="rotate-keys", window_start=start, window_end=end)


def started(team):
    bo = caller_of_person(team.shop.bo)
    change = file_change(draft(), by=bo)
    assert submit_change(change.ref, by=bo).change.state == "approved"
    start_change(change.ref, by=bo)
    return change


def test_a_change_from_a_template_says_what_it_says_and_needs_no_approval(filed):
    ticket = filed.ticket
    assert (filed.authorization, filed.title, ticket.rollback_plan) == ("template", TERMS.title, TERMS.rollback_plan)
    assert [service.slug for service in ticket.services.all()] == ["checkout"]
    assert not ticket.approvals.exists()


@pytest.mark.parametrize("outcome", ["failed", "rolled_back"])
def test_a_failure_ends_the_use_of_its_template_and_the_next_one_is_refused(team, filed, outcome):
    finish_change(filed.ref, by=caller_of_person(team.shop.bo), outcome=outcome)
    assert (state_of(), is_usable()) == ("demoted", False)
    assert filed.ref in timeline(Template.objects.get().ref)[0].data["because"]
    assert refusal(file_change, draft(), by=caller_of_person(team.shop.bo)).code == "template_usable"


@pytest.mark.parametrize("outcome", ["succeeded", "succeeded_with_issues", "partial", "not_done"])
def test_any_other_end_leaves_its_template_in_use(team, filed, outcome):
    finish_change(filed.ref, by=caller_of_person(team.shop.bo), outcome=outcome)
    assert is_usable()


def test_a_template_that_nobody_has_approved_yet_makes_no_change(team):
    team.propose()
    team.approve(team.shop.ann)
    refused = refusal(file_change, draft(), by=caller_of_person(team.shop.bo))
    assert refused.code == "template_usable"
    assert refused.field == "template"


def test_a_change_that_was_filed_before_its_template_was_edited_is_not_let_through_by_it(team):
    team.approved()
    bo = caller_of_person(team.shop.bo)
    change = file_change(draft(), by=bo)
    team.change(team.dan, rollback_minutes=50)
    assert refusal(submit_change, change.ref, by=bo).code == "template_usable"
    team.approve(team.shop.ann)
    team.approve(team.shop.bo)
    change.refresh_from_db()
    assert change.state == "draft"
