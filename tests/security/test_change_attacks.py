"""What somebody who wants a change through without others, or to spoil the pages, gets from each door."""

import json
import re
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.models import Membership
from changes.audit.cells import cell
from changes.models import Approval, Change, Freeze, Review, Template, Ticket
from changes.preapproved.actions import demote_template
from notifications.models import Message
from tests.conftest import token_client
from tests.factories import SHA, deployment, make_freeze, make_service, make_ticket, make_user
from tests.preapproved.people import Team, make_team
from tests.tickets.test_api import URL, body
from tests.tickets.test_filing_pages import typed

SCOPES = ("changes", "read", "deploy")


class Person:
    """Somebody with a token and a browser."""

    def __init__(self, user):
        self.user = user
        self.api = token_client(user, *SCOPES)
        self.web = Client(raise_request_exception=False)
        self.web.force_login(user)

    def file(self, **changed):
        """File a change through the API; its ref."""
        answer = self.api.post(URL, body(**changed), format="json")
        assert answer.status_code == 201, answer.content
        return answer.json()["ref"]

    def submit(self, **changed):
        """File it and ask for its approval."""
        return self.file(submit=True, **changed)

    def say(self, ref, verb, **word):
        """Use a verb of the API."""
        return self.api.post(f"{URL}/{ref}/{verb}", word, format="json")

    def press(self, ref, verb, **word):
        """Press a button on the page."""
        return self.web.post(f"/changes/{ref}/{verb}", {"verb": verb, **word})

    def refused(self, ref, verb, code, **word):
        """Through both doors, with the rule, and without any effect."""
        before = state_of(ref)
        spoken = self.say(ref, verb, **word)
        assert (spoken.status_code in {403, 409, 422}, spoken.json()["code"]) == (True, code), spoken.content
        pressed = self.press(ref, verb, **word)
        assert pressed.status_code == 422, pressed.content
        assert state_of(ref) == before

    def __getattr__(self, name):
        return getattr(self.user, name)


def change_of(ref):
    return Change.objects.get(pk=int(ref.removeprefix("CHG-")))


def state_of(ref):
    change = change_of(ref)
    return change.state, change.outcome, change.review_due_at, Approval.objects.filter(ticket=change.pk).count()


def done(answer):
    assert answer.status_code in {200, 201, 302}, answer.content
    return answer


@pytest.fixture
def crew(shop):
    """Ann and Eve lead Payments, Bo and Dee are in it; Cy leads Delivery, to which the wiki belongs."""
    dee, eve = (make_user(f"{name}@example.com", name.title()) for name in ("dee", "eve"))
    Membership.objects.create(team=shop.payments, user=dee)
    Membership.objects.create(team=shop.payments, user=eve, is_lead=True)
    make_service("wiki", shop.delivery, tier=3)
    users = {"ann": shop.ann, "bo": shop.bo, "cy": shop.cy, "admin": shop.admin, "dee": dee, "eve": eve}
    return {name: Person(user) for name, user in users.items()}


# --- One person as two -----------------------------------------------------------------------------------------------


def test_a_second_account_with_the_same_mailbox_is_the_same_person(crew, shop):
    twin = make_user("bo+second@example.com", "Robert")
    Membership.objects.create(team=shop.payments, user=twin, is_lead=True)
    Membership.objects.create(team=shop.delivery, user=twin, is_lead=True)
    Person(twin).refused(crew["bo"].submit(services=["ledger"]), "approve", "four_eyes")
    Person(twin).refused(crew["dee"].submit(services=["ledger"], implementer="bo@example.com"), "approve", "four_eyes")


def test_a_second_account_that_leads_elsewhere_reviews_nothing_of_the_first(crew, shop):
    twin = make_user("bo+lead@example.com", "Robert")
    Membership.objects.create(team=shop.delivery, user=twin, is_lead=True)
    ref = crew["bo"].file(type="emergent", window_start=None, window_end=None)
    done(crew["bo"].say(ref, "finish", outcome="succeeded"))
    Person(twin).refused(ref, "review", "reviewer_role", note="Fine.")


def test_two_accounts_with_one_mailbox_are_not_two_approvals(crew, shop):
    twin = make_user("ann+second@example.com", "Anna")
    Membership.objects.create(team=shop.payments, user=twin, is_lead=True)
    ref = crew["bo"].submit(services=["ledger"], risk_answers=dict.fromkeys(body()["risk_answers"], True))
    done(crew["ann"].say(ref, "approve"))
    assert done(Person(twin).say(ref, "approve")).json()["state"] == "submitted"
    assert done(crew["eve"].press(ref, "approve"))
    assert state_of(ref)[0] == "approved"


def test_a_second_account_neither_approves_ones_template_nor_confirms_ones_override(crew, team, shop):
    twin, lead = make_user("dan+second@example.com", "Daniel"), make_user("ann+second@example.com", "Anna")
    for person in (twin, lead):
        Membership.objects.create(team=shop.payments, user=person, is_lead=True)
    seen = team.propose().digest
    path = "/api/v1/templates/rotate-keys/approve"
    assert Person(twin).api.post(path, {"seen": seen}, format="json").json()["code"] == "four_eyes"
    done(crew["ann"].api.post(path, {"seen": seen}, format="json"))
    done(Person(lead).api.post(path, {"seen": seen}, format="json"))
    assert Template.objects.get().state == "proposed"
    freeze, until = make_freeze(), (timezone.now() + timedelta(hours=1)).isoformat()
    asked = {"reason": "It burns.", "expires_at": until}
    given = done(crew["ann"].api.post(f"/api/v1/freezes/{freeze.pk}/override", asked, format="json")).json()["id"]
    confirmed = f"/api/v1/freezes/{freeze.pk}/confirm-override"
    assert Person(lead).api.post(confirmed, {"override": given}, format="json").json()["code"] == "four_eyes"
    Person(lead).web.post(f"/freezes/{freeze.pk}/override/{given}/confirm")
    assert freeze.overrides.get().confirmed_at is None


@pytest.mark.parametrize("author", ["Dee <DEE@example.com>", "dee+git@example.com", " dee@EXAMPLE.com "])
def test_the_author_of_a_commit_is_known_however_the_address_is_spelled(crew, author):
    ref = crew["bo"].submit(commits=[{"sha": SHA, "author": author}])
    crew["dee"].refused(ref, "approve", "four_eyes")


@pytest.mark.parametrize("sha", [SHA.upper(), SHA[:8]])
def test_the_author_of_a_deployed_commit_is_known_however_the_commit_is_spelled(crew, ci, sha):
    done(ci.post("/api/v1/deployments", deployment(commits=[{"sha": SHA, "author": "dee@example.com"}]), format="json"))
    crew["dee"].refused(crew["bo"].submit(sha=sha), "approve", "four_eyes")


def test_later_deploys_of_a_commit_do_not_hide_who_wrote_it(crew, ci):
    for run, author in enumerate(["dee@example.com", *["nobody@example.com"] * 6]):
        told = deployment(run_id=str(run), commits=[{"sha": SHA, "author": author}])
        done(ci.post("/api/v1/deployments", told, format="json"))
    crew["dee"].refused(crew["bo"].submit(sha=SHA), "approve", "four_eyes")


def test_who_wrote_a_deploy_cannot_drop_out_of_it_by_telling_it_again(crew, ci):
    failed = {"status": "failed", "evidence": None, "commits": [{"sha": SHA, "author": "dee@example.com"}]}
    ref = done(ci.post("/api/v1/deployments", deployment(**failed), format="json")).json()["ref"]
    again = failed | {"commits": [{"sha": SHA, "author": "nobody@example.com"}]}
    done(ci.post("/api/v1/deployments", deployment(**again), format="json"))
    crew["dee"].refused(ref, "review", "four_eyes", note="Fine.")
    done(crew["eve"].say(ref, "review", note="Seen."))


# --- Who must approve ------------------------------------------------------------------------------------------------


def test_adding_the_service_of_a_friendly_team_leaves_nobody_out(crew):
    ref = crew["bo"].submit(services=["ledger", "wiki"])
    answer = done(crew["cy"].say(ref, "approve")).json()
    assert (answer["state"], answer["required_teams"]) == ("submitted", ["delivery", "payments"])
    assert "somebody of Payments" in answer["decision"]["because"]
    crew["bo"].refused(ref, "start", "transition_illegal")
    assert done(crew["dee"].say(ref, "approve")).json()["state"] == "approved"


@pytest.mark.parametrize(
    "edit",
    [
        {"services": ["wiki", "checkout"]},
        {"environment": "uat"},
        {"rollback_minutes": 6},
        {"window_end": (timezone.now() + timedelta(hours=9)).isoformat()},
        {"implementer": "dee@example.com"},
        {"sha": SHA},
    ],
)
def test_nothing_that_was_approved_can_be_exchanged_afterwards(crew, edit):
    ref = crew["bo"].submit()
    done(crew["dee"].say(ref, "approve"))
    answer = crew["bo"].api.patch(f"{URL}/{ref}", edit, format="json")
    assert done(answer).json()["state"] == "submitted"
    crew["bo"].refused(ref, "start", "transition_illegal")


def test_risk_that_is_talked_down_after_an_approval_is_asked_about_again(crew):
    high = dict.fromkeys(body()["risk_answers"], True)
    ref = crew["bo"].submit(risk_answers=high)
    done(crew["ann"].say(ref, "approve"))
    lowered = crew["bo"].api.patch(f"{URL}/{ref}", {"risk_answers": body()["risk_answers"]}, format="json").json()
    assert (lowered["state"], lowered["risk"]["level"]) == ("submitted", "low")
    assert [one["voided_at"] is None for one in lowered["approvals"]] == [False]


def test_whoever_approved_a_change_does_not_carry_it_out(crew):
    ref = crew["bo"].submit()
    done(crew["ann"].say(ref, "approve"))
    crew["ann"].refused(ref, "start", "four_eyes")
    assert "start" not in crew["ann"].api.get(f"{URL}/{ref}").json()["allowed_actions"]
    done(crew["bo"].press(ref, "start"))


def test_whoever_began_or_ended_a_change_does_not_look_back_at_it(crew):
    ref = crew["bo"].submit()
    done(crew["dee"].say(ref, "approve"))
    done(crew["ann"].say(ref, "start"))
    done(crew["bo"].say(ref, "finish", outcome="failed"))
    crew["ann"].refused(ref, "review", "four_eyes", note="Fine.")
    done(crew["eve"].press(ref, "review", note="Seen."))
    assert Review.objects.get().reviewer == crew["eve"].user


# --- Templates -------------------------------------------------------------------------------------------------------


@pytest.fixture
def team(shop) -> Team:
    """Payments with Ann, who leads it, Bo and Dan."""
    return make_team(shop)


@pytest.fixture
def from_template(team):
    """A change by Bo that is approved by its template, and its ref."""
    team.approved()
    bo = Person(team.shop.bo)
    keep = ("type", "window_start", "window_end")
    said = {name: value for name, value in body().items() if name in keep}
    answer = bo.api.post(URL, {**said, "template": "rotate-keys", "sha": SHA, "submit": True}, format="json")
    assert done(answer).json()["state"] == "approved"
    return bo, answer.json()["ref"]


def edited(team):
    team.change(team.dan, rollback_plan="There is none.")


def edited_and_approved(team):
    edited(team)
    team.approve(team.shop.ann)
    team.approve(team.shop.bo)


def demoted(team):
    demote_template(Template.objects.get(), because="It failed.", at=timezone.now())


def expired(team):
    Template.objects.update(approved_until=timezone.now() - timedelta(minutes=1))


@pytest.mark.parametrize("happened", [edited, edited_and_approved, demoted, expired])
def test_a_change_does_not_begin_on_a_template_that_stands_for_it_no_longer(team, from_template, happened):
    bo, ref = from_template
    commits = [{"sha": SHA, "author": "bo@example.com", "reviewed_by": ["dan@example.com"]}]
    deploy = {"service": "checkout", "environment": "production", "pipeline": "checkout-deploy", "sha": SHA}
    asked = {**deploy, "commits": commits}
    assert bo.api.post("/api/v1/gate", asked, format="json").json()["decision"] == "allow"
    happened(team)
    bo.refused(ref, "start", "template_usable")
    assert bo.api.post("/api/v1/gate", asked, format="json").json()["decision"] == "review"


def test_a_draft_of_what_a_template_said_before_is_not_let_through_by_what_it_says_now(team):
    team.approved()
    bo = Person(team.shop.bo)
    said = {name: body()[name] for name in ("type", "window_start", "window_end")}
    ref = done(bo.api.post(URL, {**said, "template": "rotate-keys"}, format="json")).json()["ref"]
    edited_and_approved(team)
    bo.refused(ref, "submit", "template_usable")


@pytest.mark.parametrize("part", ["services", "environment", "rollback_plan", "risk_answers", "customer_impacting"])
def test_what_a_template_says_cannot_be_patched_into_a_change_from_it(from_template, part):
    bo, ref = from_template
    other = {"services": ["ledger"], "environment": "uat", "rollback_plan": "None.", "customer_impacting": True}
    other["risk_answers"] = dict.fromkeys(body()["risk_answers"], True)
    answer = bo.api.patch(f"{URL}/{ref}", {part: other[part]}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "template_fixed")


# --- Time ------------------------------------------------------------------------------------------------------------


def test_a_window_that_moves_into_a_freeze_after_approval_is_refused(crew):
    ref = crew["bo"].submit()
    done(crew["dee"].say(ref, "approve"))
    start = timezone.now() + timedelta(days=1)
    make_freeze(start=start, end=start + timedelta(hours=5))
    moved = {"window_start": start.isoformat(), "window_end": (start + timedelta(hours=1)).isoformat()}
    answer = crew["bo"].api.patch(f"{URL}/{ref}", moved, format="json")
    assert (answer.status_code, answer.json()["code"], state_of(ref)[0]) == (409, "freeze_active", "approved")


def test_leave_for_one_service_is_none_for_another(crew, shop):
    freeze = make_freeze()
    until = (timezone.now() + timedelta(days=2)).isoformat()
    asked = {"reason": "It burns.", "services": ["wiki"], "expires_at": until}
    given = done(crew["cy"].api.post(f"/api/v1/freezes/{freeze.pk}/override", asked, format="json")).json()
    done(
        crew["ann"].api.post(f"/api/v1/freezes/{freeze.pk}/confirm-override", {"override": given["id"]}, format="json")
    )
    answer = crew["bo"].api.post(URL, body(submit=True, services=["ledger", "wiki"]), format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "freeze_active")
    assert crew["cy"].web.get(f"/freezes/{freeze.pk}").status_code == 200


def test_an_override_is_not_confirmed_through_another_freeze(crew):
    mine, other = make_freeze(), make_freeze(name="Year end")
    asked = {"reason": "It burns.", "expires_at": (timezone.now() + timedelta(hours=2)).isoformat()}
    given = done(crew["ann"].api.post(f"/api/v1/freezes/{mine.pk}/override", asked, format="json")).json()["id"]
    path = f"/api/v1/freezes/{other.pk}/confirm-override"
    assert crew["eve"].api.post(path, {"override": given}, format="json").status_code == 404
    assert crew["eve"].web.post(f"/freezes/{other.pk}/override/{given}/confirm").status_code in {302, 404}
    assert mine.overrides.get().confirmed_at is None


@pytest.mark.parametrize(
    ("start", "length", "field"),
    [(timedelta(days=1), timedelta(days=93), "window_end"), (timedelta(days=370), timedelta(hours=1), "window_start")],
)
def test_nobody_books_a_service_for_years_or_in_years(crew, start, length, field):
    at = timezone.now() + start
    window = {"window_start": at.isoformat(), "window_end": (at + length).isoformat()}
    answer = crew["bo"].api.post(URL, body(submit=True, **window), format="json")
    assert answer.status_code == 422, answer.content
    error = answer.json()["errors"][0]
    assert (error["field"], error["code"]) == (field, "window_within_reach")
    local = {name: text[:16] for name, text in window.items()}
    page = crew["bo"].web.post("/changes/new", typed(**local))
    assert (page.status_code, Ticket.objects.count()) == (422, 0)
    assert b"92 days at most" in page.content or b"within 366 days" in page.content
    assert crew["bo"].web.post("/changes/preview", typed(**local)).status_code == 200


def test_what_missed_its_window_is_not_approved_any_more_before_it_expires_by_itself(crew):
    ref = crew["bo"].submit()
    Change.objects.update(window_end=timezone.now() - timedelta(seconds=1))
    crew["dee"].refused(ref, "approve", "window_missed")


def test_what_missed_its_window_does_not_begin_before_it_expires_by_itself(from_template):
    bo, ref = from_template
    with time_machine.travel(change_of(ref).window_end, tick=False):
        bo.refused(ref, "start", "window_missed")


# --- Outcomes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", ["succeeded_with_issues", "failed"])
def test_a_review_that_is_owed_is_still_owed_when_the_outcome_is_corrected(crew, outcome):
    ref = crew["bo"].submit()
    done(crew["dee"].say(ref, "approve"))
    done(crew["bo"].say(ref, "start"))
    due = done(crew["bo"].say(ref, "finish", outcome=outcome)).json()["review_due_at"]
    done(crew["bo"].press(ref, "correct", outcome="succeeded", reason="It was nothing."))
    assert change_of(ref).review_due_at.isoformat()[:16] == due[:16]
    crew["bo"].refused(ref, "close", "review_required")
    crew["bo"].refused(ref, "review", "four_eyes", note="Fine.")


def test_whoever_corrects_an_outcome_does_not_look_back_at_it(crew):
    ref = crew["bo"].submit()
    done(crew["dee"].say(ref, "approve"))
    done(crew["bo"].say(ref, "start"))
    done(crew["bo"].say(ref, "finish", outcome="failed"))
    done(crew["ann"].say(ref, "correct", outcome="succeeded", reason="It was nothing."))
    crew["ann"].refused(ref, "review", "four_eyes", note="Fine.")


@pytest.fixture
def closed(crew):
    """Bo's change that succeeded and that Cy reviewed."""
    ref = crew["bo"].submit(risk_answers=dict.fromkeys(body()["risk_answers"], True))
    done(crew["dee"].say(ref, "approve"))
    done(crew["ann"].say(ref, "approve"))
    done(crew["bo"].say(ref, "start"))
    done(crew["bo"].say(ref, "finish", outcome="succeeded"))
    done(crew["cy"].say(ref, "review", note="All good."))
    assert state_of(ref)[:3] == ("closed", "succeeded", None)
    return ref


def test_the_outcome_of_a_closed_change_is_corrected_and_looked_at_once_more(crew, closed):
    crew["cy"].refused(closed, "correct", "may_carry_out", outcome="failed", reason="It broke.")
    crew["bo"].refused(closed, "correct", "reason_required", outcome="failed")
    crew["bo"].refused(closed, "correct", "outcome_as_said", outcome="succeeded", reason="It worked.")
    assert "It ended otherwise" in crew["bo"].web.get(f"/changes/{closed}").content.decode()
    done(crew["bo"].press(closed, "correct", outcome="failed", reason="The nightly run lost rows."))
    assert state_of(closed)[:2] == ("finished", "failed")
    crew["bo"].refused(closed, "close", "review_required")
    crew["bo"].refused(closed, "review", "four_eyes", note="Fine.")
    assert Message.objects.filter(topic=f"review:{closed}", state="pending", recipient="eve@example.com").exists()
    done(crew["eve"].press(closed, "review", note="Found it too."))
    assert state_of(closed)[:3] == ("closed", "failed", None)
    page = crew["bo"].web.get(f"/changes/{closed}").content.decode()
    for told in ("inished it: succeeded", "All good.", "orrected how it ended: failed, not succeeded", "Found it too."):
        assert told in page


def test_a_corrected_outcome_counts_in_what_its_template_is_trusted_by(from_template):
    bo, ref = from_template
    done(bo.say(ref, "start"))
    done(bo.say(ref, "finish", outcome="succeeded"))
    if change_of(ref).review_due_at is None:
        done(bo.say(ref, "close"))
    assert Template.objects.get().state == "approved"
    done(bo.say(ref, "correct", outcome="failed", reason="The nightly run lost rows."))
    assert Template.objects.get().state == "demoted"


def test_after_three_months_what_was_said_of_an_end_stands(crew, closed):
    Change.objects.update(finished_at=timezone.now() - timedelta(days=90))
    crew["bo"].refused(closed, "correct", "outcome_correctable", outcome="failed", reason="It broke.")


# --- Asking again ----------------------------------------------------------------------------------------------------


def test_what_was_rejected_is_not_asked_again_of_others_until_something_differs(crew):
    ref = crew["bo"].submit()
    done(crew["dee"].say(ref, "reject", reason="There is no way back."))
    done(crew["bo"].say(ref, "revise"))
    crew["bo"].refused(ref, "submit", "nothing_changed")
    note = {"public_note": "Payments may be slow."}
    done(crew["bo"].api.patch(f"{URL}/{ref}", note, format="json"))
    crew["bo"].refused(ref, "submit", "nothing_changed")
    done(crew["bo"].api.patch(f"{URL}/{ref}", {"rollback_plan": "Put the old pool back."}, format="json"))
    assert done(crew["bo"].say(ref, "submit")).json()["state"] == "submitted"
    # Nor is it put back behind the approvers' backs.
    answer = crew["bo"].api.patch(f"{URL}/{ref}", {"rollback_plan": body()["rollback_plan"]}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_changed")


def test_many_edits_of_a_submitted_change_are_one_mail_that_waits_a_little(crew):
    ref = crew["bo"].submit()
    for number in range(4):
        done(crew["bo"].api.patch(f"{URL}/{ref}", {"description": f"Version {number}"}, format="json"))
    waiting = Message.objects.filter(topic=f"approval:{ref}", state="pending", recipient="dee@example.com")
    assert [one.due_at > timezone.now() for one in waiting] == [True]


@pytest.mark.parametrize("name", ["cy", "admin"])
def test_a_stranger_does_not_say_how_a_change_ended(crew, name):
    ref = crew["bo"].submit()
    done(crew["dee"].say(ref, "approve"))
    done(crew["bo"].say(ref, "start"))
    crew[name].refused(ref, "finish", "may_carry_out", outcome="succeeded")


def test_an_emergency_of_the_only_lead_is_told_to_somebody(crew, shop):
    crew["cy"].file(type="emergent", services=["wiki"], window_start=None, window_end=None)
    assert {one.recipient for one in Message.objects.all()} == {"admin@example.com"}


# --- Tokens and doors ------------------------------------------------------------------------------------------------


def test_a_token_for_one_service_does_nothing_to_a_change_of_two(crew, shop):
    ref = crew["bo"].submit(services=["ledger", "checkout"])
    limited = token_client(shop.ann, *SCOPES, services=["checkout"])
    for verb in ("approve", "reject", "revise", "withdraw"):
        assert limited.post(f"{URL}/{ref}/{verb}", {"reason": "no"}, format="json").json()["code"] == "token_limits"
    assert limited.patch(f"{URL}/{ref}", {"public_note": "x"}, format="json").json()["code"] == "token_limits"
    grown = {"services": ["checkout", "ledger"]}
    mine = token_client(shop.ann, *SCOPES).post(URL, body(), format="json").json()["ref"]
    assert limited.patch(f"{URL}/{mine}", grown, format="json").json()["code"] == "token_limits"


def test_a_key_that_answered_one_deed_answers_no_other(crew):
    one, other = crew["bo"].submit(services=["ledger"]), crew["bo"].submit(services=["wiki"])
    key = {"HTTP_IDEMPOTENCY_KEY": "same-key"}
    dee = crew["dee"].api
    done(dee.post(f"{URL}/{one}/approve", {}, format="json", **key))
    for path in (f"{URL}/{other}/approve", f"{URL}/{one}/reject", f"{URL}/{one}/withdraw"):
        answer = dee.post(path, {}, format="json", **key)
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_mismatch")
    assert (
        crew["ann"].api.post(f"{URL}/{one}/approve", {}, format="json", **key).json()["code"] != "idempotency_mismatch"
    )


def test_another_site_can_press_no_button(crew, shop):
    ref, freeze = crew["bo"].submit(), make_freeze()
    forms = {"/changes/new": typed(), f"/changes/{ref}/approve": {}, f"/changes/{ref}/withdraw": {}}
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(shop.ann)
    for path, said in {**forms, f"/freezes/{freeze.pk}/end": {}}.items():
        assert strict.post(path, said).status_code == 403, path
    assert strict.post(f"{URL}/{ref}/approve", {}, content_type="application/json").status_code == 403
    assert (state_of(ref)[0], Ticket.objects.count()) == ("submitted", 1)


def test_a_button_pressed_twice_acts_once(crew):
    ref = crew["bo"].submit()
    done(crew["dee"].press(ref, "approve"))
    assert crew["dee"].press(ref, "approve").status_code == 422
    done(crew["bo"].press(ref, "start"))
    assert crew["bo"].press(ref, "start").status_code == 422
    done(crew["bo"].press(ref, "finish", outcome="failed"))
    assert crew["bo"].press(ref, "finish", outcome="succeeded").status_code == 422
    done(crew["dee"].press(ref, "review", note="Seen."))
    assert crew["dee"].press(ref, "review", note="Seen.").status_code == 422
    assert (Approval.objects.count(), Review.objects.count()) == (1, 1)


def test_a_page_that_is_sent_twice_files_one_change_and_the_next_page_another(crew):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(crew["bo"].user)

    def shown():
        found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', browser.get("/changes/new").content.decode())
        assert found
        return found[1]

    said = {**typed(type="emergent", do="begin"), "csrfmiddlewaretoken": shown()}
    pressed = [browser.post("/changes/new", said).headers["Location"] for _ in range(2)]
    assert (pressed[0], Ticket.objects.count()) == (pressed[1], 1)
    done(browser.post("/changes/new", {**said, "title": "Another one"}))
    done(browser.post("/changes/new", {**said, "csrfmiddlewaretoken": shown()}))
    assert Ticket.objects.count() == 3


@pytest.mark.parametrize("limit", [{"services": ["ledger"]}, {"environments": ["uat"]}])
def test_a_limited_token_decides_nothing_that_reaches_further(crew, shop, team, limit):
    team.approved()
    freeze, until = make_freeze(), (timezone.now() + timedelta(hours=1)).isoformat()
    done(
        crew["ann"].api.post(
            f"/api/v1/freezes/{freeze.pk}/override", {"reason": "x", "expires_at": until}, format="json"
        )
    )
    limited = token_client(shop.ann, *SCOPES, **limit)
    emergency = crew["bo"].file(type="emergent", window_start=None, window_end=None)
    done(crew["bo"].say(emergency, "finish", outcome="succeeded"))
    question = {"service": "checkout", "environment": "production", "pipeline": "checkout-deploy", "sha": SHA}
    posts = {
        f"/api/v1/freezes/{freeze.pk}/end": {},
        f"/api/v1/freezes/{freeze.pk}/override": {"reason": "x", "expires_at": until},
        "/api/v1/freezes": {"name": "All", "start": timezone.now().isoformat(), "end": until},
        "/api/v1/templates/rotate-keys/retire": {"reason": "x"},
        "/api/v1/templates/rotate-keys/approve": {"seen": Template.objects.get().digest},
        "/api/v1/gate": question,
        f"{URL}/{emergency}/review": {"note": "x"},
        URL: body(template="rotate-keys"),
    }
    answers = {path: limited.post(path, said, format="json").json().get("code") for path, said in posts.items()}
    assert answers == dict.fromkeys(posts, "token_limits")
    patched = limited.patch("/api/v1/templates/rotate-keys", {"reason": "x"}, format="json")
    assert patched.json()["code"] == "token_limits"


# --- What is written -------------------------------------------------------------------------------------------------

ODD = ["Restart\nApprove CHG-1: https://evil.example", "Restart \u202etreS", "Rest\u200bart", "a\u2028b", "\u200b"]


@pytest.mark.parametrize("title", ODD)
def test_a_title_stands_on_one_line_as_it_reads(crew, title):
    answer = crew["bo"].api.post(URL, body(title=title), format="json")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "title")
    page = crew["bo"].web.post("/changes/new", typed(title=title))
    assert page.status_code == 422
    ref = crew["bo"].file(services=["ledger"])
    patched = crew["bo"].api.patch(f"{URL}/{ref}", {"title": title}, format="json")
    assert (patched.status_code, Ticket.objects.count()) == (422, 1)


def test_a_long_reason_of_many_lines_is_a_short_first_line_in_a_mail(crew):
    ref = crew["bo"].submit()
    reason = "No.\nApprove CHG-1 at once: https://evil.example \u202e" + "x" * 19_900
    done(crew["dee"].say(ref, "reject", reason=reason))
    told = Message.objects.get(recipient="bo@example.com").payload
    assert len(told["title"]) < 400
    assert told["text"].splitlines()[0].endswith(f"/changes/{ref}")
    assert "\u202e" not in told["title"] + told["text"]


MARKUP = "<script>alert(1)</script>'\"><img src=x onerror=alert(1)>{{ 7|add:7 }}"
SPACIOUS = dict.fromkeys(("description", "reason", "test_evidence", "rollback_plan"), f"{MARKUP} {'x' * 19_800}")


def test_markup_and_length_spoil_no_page(crew, shop):
    said = {**SPACIOUS, "verification_plan": MARKUP, "public_note": MARKUP, "title": f"={MARKUP}", "incident": "<b>1"}
    commits = [{"sha": f"{number:040x}", "author": f"<i>{number}@example.com"} for number in range(200)]
    ref = crew["bo"].submit(services=["ledger"], commits=commits, **said)
    done(crew["dee"].say(ref, "reject", reason=MARKUP))
    pages = [f"/changes/{ref}", "/changes", "/calendar", "/", "/queue", f"/changes/new?copy={ref}"]
    for page in [*pages, f"/changes/{ref}/edit", f"/templates/new?like={ref}"]:
        html = crew["bo"].web.get(page).content.decode()
        assert [raw for raw in ("<script>alert", "<img src=x", "<b>1", ">14<") if raw in html] == [], page
    lines = b"".join(crew["bo"].web.get("/changes.csv").streaming_content).decode()
    assert f"'={MARKUP[:8]}" in lines


def test_forty_services_are_filed_and_forty_one_are_not(crew, shop):
    slugs = [make_service(f"s{number}", shop.payments, tier=2).slug for number in range(41)]
    ref = crew["bo"].submit(services=slugs[:40])
    assert crew["bo"].web.get(f"/changes/{ref}").status_code == 200
    answer = crew["bo"].api.post(URL, body(services=slugs), format="json")
    assert answer.status_code == 422
    assert crew["bo"].web.post("/changes/new", typed(services=slugs)).status_code == 422


@pytest.mark.parametrize("text", ["a\x00b", "a\ud800b"])
def test_what_no_database_keeps_is_refused_or_left_out_by_every_form(crew, text):
    raw = text.encode("utf-8", "surrogatepass")
    ref, freeze = crew["bo"].submit(), make_freeze()
    ann = crew["ann"].web
    answers = [ann.post(f"/changes/{ref}/{verb}", {"reason": raw, "note": raw}) for verb in ("reject", "withdraw")]
    answers += [ann.post("/changes/new", typed(**{name: raw})) for name in ("title", "reason", "commits", "incident")]
    answers.append(ann.post(f"/freezes/{freeze.pk}/override", {"reason": raw, "hours": "2"}))
    answers.append(ann.post(f"/freezes/{freeze.pk}/end", {"reason": raw}))
    sent = json.dumps({"reason": text}).encode()
    answers.append(crew["ann"].api.post(f"{URL}/{ref}/reject", sent, content_type="application/json"))
    assert max(answer.status_code for answer in answers) < 500


@pytest.mark.parametrize(
    "said",
    [
        {"start": "0001-01-01"},
        {"end": "9999-12-31", "time_zone": "Pacific/Midway"},
        {"repeats": "weekly", "until": "9999-12-31"},
        {"repeats": "rule", "rrule": "FREQ=MONTHLY;BYDAY=1FR,6FR"},
        {"repeats": "rule", "rrule": "FREQ=YEARLY;BYMONTH=1;BYDAY=53FR"},
        {"repeats": "rule", "rrule": "FREQ=MONTHLY;BYDAY=1FR,MO"},
        {"name": "Year\nend"},
        {"name": "Year \u202edne"},
    ],
)
def test_a_freeze_that_cannot_be_is_refused_on_its_page(crew, said):
    whole = {"name": "Year end", "strength": "hard", "start": "2027-01-01", "start_time": "00:00", "end": "2027-01-02"}
    whole |= {"end_time": "00:00", "time_zone": "Europe/Berlin", "repeats": "once", **said}
    for more in ({}, {"preview": "yes"}):
        answer = crew["ann"].web.post("/freezes/new", {**whole, **more})
        assert (answer.status_code, Freeze.objects.count()) == (200, 0)


@pytest.mark.parametrize("text", ["=1+1", "＝1+1", "  @SUM(A1)", "Fix;=1+1", "Fix;\t-1", "Fix\t+1"])
def test_no_text_becomes_a_formula_whatever_parts_the_cells(text):
    cells = re.split(r"[;\t]", cell(text))
    assert [one for one in cells if one.lstrip().startswith(("=", "+", "-", "@", "＝"))] == []


@pytest.mark.parametrize("at", ["2000-01-01T00:00", "2099-12-31T23:59", "2027-03-28T02:30", "2026-10-25T02:30", "x"])
def test_any_time_on_the_clock_is_answered(crew, at):
    for path in ("/changes/new", "/changes/preview"):
        answer = crew["ann"].web.post(path, typed(window_start=at, window_end=at))
        assert answer.status_code in {200, 422}, (path, answer.status_code)
    assert Ticket.objects.count() == 0


def test_hundreds_of_changes_at_one_time_spoil_no_page(crew, shop, django_assert_max_num_queries):
    for number in range(120):
        make_ticket(shop, state="approved", title=f"Change {number}", services=[shop.ledger])
    taken = Change.objects.all()[0]
    assert taken.window_start
    assert taken.window_end
    window = {"window_start": taken.window_start.isoformat(), "window_end": taken.window_end.isoformat()}
    ref = crew["bo"].file(services=["ledger"], **window)
    with django_assert_max_num_queries(40):
        shown = crew["bo"].api.get(f"{URL}/{ref}").json()
        page = crew["bo"].web.get(f"/changes/{ref}").content.decode()
    assert len(shown["collisions"]) == 50
    assert page.count("Change ") < 120
    assert crew["bo"].web.get("/calendar").status_code == 200
