"""How a template comes to be trusted and stops being it: two people, 180 days, one failure."""

from datetime import timedelta

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.callers import caller_of_person
from accounts.models import Membership
from catalog.models import Service
from changes.models import Template, TemplateApproval
from changes.preapproved import actions, queries
from changes.preapproved.content import terms_of
from notifications.models import Message
from tests.preapproved.people import TERMS, is_usable, refusal, state_of
from workflow.errors import InvalidFields
from workflow.ledger import timeline


def mails(word):
    """Who was written to, under a title with this word."""
    found = [m for m in Message.objects.order_by("recipient") if word in m.payload["title"]]
    return [(message.recipient, message.state) for message in found]


# --- Two people ------------------------------------------------------------------------------------------------------


def test_a_template_is_usable_for_180_days_once_a_lead_and_a_member_approved_it(team):
    before = timezone.now()
    team.propose()
    assert (state_of(), is_usable()) == ("proposed", False)
    team.approve(team.shop.bo)
    assert (state_of(), is_usable()) == ("proposed", False)
    template = team.approve(team.shop.ann)
    assert (state_of(), is_usable()) == ("approved", True)
    assert template.approved_until is not None
    assert template.approved_until - before >= timedelta(days=180)
    with time_machine.travel(template.approved_until):
        assert not is_usable()


def test_who_wrote_it_never_approves_it_leads_and_administrators_included(team):
    for person in (team.dan, team.shop.admin):
        slug = f"by-{person.pk}"
        team.propose(by=person, slug=slug)
        assert refusal(team.approve, person, slug=slug).code == "four_eyes"
        assert state_of(slug) == "proposed"


def test_an_administrator_of_no_owning_team_approves_nothing(team):
    team.propose()
    assert refusal(team.approve, team.shop.admin).code == "approver_role"
    assert refusal(team.approve, team.shop.cy).code == "approver_role"


def test_nobody_approves_twice(team):
    team.propose()
    team.approve(team.shop.ann)
    assert refusal(team.approve, team.shop.ann).code == "already_approved"
    assert state_of() == "proposed"


def test_whoever_joined_after_the_proposal_does_not_approve_it(team):
    team.propose(slug="rotate-keys")
    Membership.objects.create(team=team.shop.payments, user=team.shop.cy, since=timezone.now() + timedelta(seconds=1))
    assert refusal(team.approve, team.shop.cy).code == "role_held_before"


def test_an_approval_of_a_text_that_has_changed_since_is_refused(team):
    seen = team.propose().digest
    team.change(team.dan, reason="Another reason.")
    assert refusal(team.approve, team.shop.ann, seen=seen).code == "stale_approval"
    assert not TemplateApproval.objects.exists()


def test_the_database_itself_keeps_the_author_from_approving(team):
    template = team.propose()
    row = {"template": template, "approver": team.dan, "author": team.dan, "digest": template.digest}
    with pytest.raises(IntegrityError), transaction.atomic():
        TemplateApproval.objects.create(at=timezone.now(), **row)


def test_a_proposal_that_nobody_could_approve_is_refused_with_names_and_leaves_nothing(team):
    refused = refusal(team.propose, by=team.shop.ann)
    assert refused.code == "quorum_unsatisfiable"
    assert "Ann Lee wrote a part of it." in refused.message
    assert not Template.objects.exists()
    assert not Message.objects.exists()


def test_only_people_of_an_owning_team_and_administrators_propose(team):
    assert refusal(team.propose, by=team.shop.cy).code == "may_propose_template"
    assert team.propose(by=team.shop.admin).author == team.shop.admin


def test_a_template_must_say_what_a_reviewed_change_says(team):
    refused = refusal(team.propose, rollback_plan="", risk_answers={}, rollback_minutes=None)
    assert isinstance(refused, InvalidFields)
    assert {field for field, _, _ in refused.errors} == {"rollback_plan", "rollback_minutes", "risk_answers"}


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"services": ["checkout", "nothing"]}, "services"),
        ({"environment": "mars"}, "environment"),
        ({"title": "  "}, "title"),
        ({"risk_answers": {**TERMS.risk_answers, "astrology": True}}, "risk_answers"),
    ],
)
def test_what_does_not_exist_is_refused_beside_its_field(team, changed, field):
    assert refusal(team.propose, **changed).field == field


def test_an_address_that_is_taken_is_refused(team):
    team.propose()
    assert refusal(team.propose).code == "slug_taken"


# --- Edits -----------------------------------------------------------------------------------------------------------


def test_an_edit_voids_the_approvals_and_the_template_waits_again(team):
    team.approved()
    template = team.change(team.dan, rollback_minutes=50)
    assert (template.state, template.approved_until, is_usable()) == ("proposed", None, False)
    assert TemplateApproval.objects.filter(voided_at=None).count() == 0
    team.approve(team.shop.ann)
    team.approve(team.shop.bo)
    assert is_usable()


def test_a_new_name_alone_costs_no_approval(team):
    team.approved()
    assert team.change(team.dan, name="Keys").name == "Keys"
    assert is_usable()


def test_everybody_who_wrote_a_part_of_what_is_not_approved_yet_is_kept_from_approving(team):
    team.propose()
    refused = refusal(team.change, team.shop.bo, reason="Another reason.")
    assert refused.code == "quorum_unsatisfiable"
    assert "Bo Okafor wrote a part of it. Dan Roe wrote a part of it." in refused.message


def test_who_wrote_what_was_approved_since_may_approve_the_edit_of_another(team):
    team.approved()
    team.change(team.shop.bo, reason="Another reason.")
    team.approve(team.shop.ann)
    team.approve(team.dan)
    assert is_usable()


def test_a_template_whose_content_was_changed_behind_its_back_is_not_usable(team):
    team.approved()
    Template.objects.update(rollback_plan="None.")
    assert not is_usable()
    assert refusal(team.change, team.shop.cy).code == "may_propose_template"


# --- The end of it ---------------------------------------------------------------------------------------------------


def test_in_the_last_14_days_two_people_approve_it_anew_without_a_break(team):
    until = team.approved().approved_until
    with time_machine.travel(until - timedelta(days=15)):
        assert refusal(team.approve, team.shop.ann).code == "template_approvable"
    with time_machine.travel(until - timedelta(days=13)):
        team.approve(team.shop.ann)
        assert Template.objects.get().approved_until == until
        assert is_usable()
        renewed = team.approve(team.shop.bo)
        assert renewed.approved_until - until > timedelta(days=160)
    with time_machine.travel(until + timedelta(days=1)):
        assert is_usable()


def test_an_expired_template_comes_back_by_two_new_approvals_and_not_by_one(team):
    until = team.approved().approved_until
    with time_machine.travel(until + timedelta(days=9)):
        team.approve(team.shop.bo)
        assert not is_usable()
        team.approve(team.shop.ann)
        assert is_usable()


def test_a_failed_change_demotes_its_template_until_two_people_approve_it_again(team):
    template = team.approved()
    actions.demote_template(template, because="CHG-7, made from it, failed.", at=timezone.now())
    assert (state_of(), is_usable()) == ("demoted", False)
    assert refusal(team.approve, team.shop.ann).code == "template_approvable"
    assert timeline(template.ref)[0].data["because"] == "CHG-7, made from it, failed."
    assert [to for to, _ in mails("may not be used")] == ["ann@example.com", "bo@example.com", "dan@example.com"]

    team.change(team.dan)
    team.approve(team.shop.ann)
    team.approve(team.shop.bo)
    assert is_usable()


@pytest.mark.parametrize("state", Template.State.values)
def test_a_failure_leaves_no_template_usable_whatever_its_state_and_is_recorded(team, state):
    template = team.approved()
    Template.objects.update(state=state)
    actions.demote_template(template, because="CHG-7 failed.", at=timezone.now())
    assert state_of() == ("retired" if state == "retired" else "demoted")
    assert timeline(template.ref)[0].data["because"] == "CHG-7 failed."


def retire(by, reason="We have a pipeline for it."):
    return actions.retire_template("rotate-keys", reason=reason, by=caller_of_person(by))


def test_a_retired_template_is_used_no_more_and_can_be_proposed_again(team):
    team.approved()
    assert refusal(retire, team.shop.cy).code == "may_propose_template"
    assert refusal(retire, team.shop.bo, " ").code == "reason_required"
    retire(team.shop.bo)
    assert not is_usable()
    assert refusal(retire, team.shop.bo).code == "transition_illegal"
    assert team.change(team.dan).state == "proposed"
    assert not is_usable()


# --- Mail ------------------------------------------------------------------------------------------------------------


def test_whoever_can_approve_is_written_to_once_and_called_back_when_it_is_done(team):
    team.propose()
    assert mails("waits for you") == [("ann@example.com", "pending"), ("bo@example.com", "pending")]
    team.approve(team.shop.ann)
    team.approve(team.shop.bo)
    assert {state for _, state in mails("waits for you")} == {"cancelled"}
    assert mails("is approved") == [("dan@example.com", "pending")]


def test_the_author_is_told_once_that_the_approval_ends_in_14_days(team):
    until = team.approved().approved_until
    for days in (20, 14, 10, 3):
        now = until - timedelta(days=days)
        for pk in queries.expiring(now=now):
            actions.tell_of_expiry(pk, now=now)
    assert mails("The approval of the template") == [("dan@example.com", "pending")]
    told = Message.objects.get(payload__title__startswith="The approval").payload["text"]
    assert "Ann Lee or Bo Okafor can give them." in told


def test_the_leads_are_told_when_the_author_is_gone(team):
    until = team.approved().approved_until
    team.dan.is_active = False
    team.dan.save()
    actions.tell_of_expiry(Template.objects.get().pk, now=until - timedelta(days=3))
    assert mails("The approval of the template") == [("ann@example.com", "pending")]


# --- Reading ---------------------------------------------------------------------------------------------------------


def test_the_picker_offers_what_is_usable_those_of_the_readers_teams_first(team):
    team.approved()
    edge = Service.objects.create(slug="edge", name="Edge", team=team.shop.delivery)
    Membership.objects.create(team=team.shop.delivery, user=team.shop.bo)
    Membership.objects.create(team=team.shop.delivery, user=team.shop.admin, is_lead=True)
    team.propose(by=team.shop.admin, slug="a-first", name="A first", services=[edge.slug])
    team.approve(team.shop.cy, slug="a-first")
    team.approve(team.shop.bo, slug="a-first")
    team.propose(slug="waiting")
    offered = [template.slug for template in queries.usable_templates(team.dan)]
    assert offered == ["rotate-keys", "a-first"]
    assert [template.slug for template in queries.usable_templates(team.shop.cy)] == ["a-first", "rotate-keys"]
    assert terms_of(queries.usable_templates(team.dan)[0]).content == TERMS.content


def test_how_its_changes_went_is_counted_by_outcome(team):
    template = team.approved()
    for outcome in ("succeeded", "succeeded", "rolled_back", ""):
        team.made_from(template, outcome)
    assert queries.outcomes_of([template.pk]) == {template.pk: {"succeeded": 2, "rolled_back": 1}}


def test_a_template_waits_for_those_who_can_approve_it_and_have_not(team):
    team.propose()
    team.approve(team.shop.ann)
    waiting = {
        person.name: [template.slug for template in queries.waiting_for(person, now=timezone.now())]
        for person in (team.shop.ann, team.shop.bo, team.dan, team.shop.cy)
    }
    assert waiting == {"Ann Lee": [], "Bo Okafor": ["rotate-keys"], "Dan Roe": [], "Cy Rao": []}
