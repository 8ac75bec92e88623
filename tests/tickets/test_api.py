"""What a client of the API may rely on when it files, decides and carries out changes."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Membership
from changes.models import Change, Freeze, Hold, Ticket
from changes.states import MOVES, State
from changes.tickets.states import VERBS
from notifications.models import Message
from tests.conftest import token_client
from tests.factories import SHA, deployment, make_user
from tests.tickets.test_journey import NO_RISK

URL = "/api/v1/changes"


def body(**changed):
    now = timezone.now()
    whole = {
        "type": "standard",
        "title": "Raise the pool of connections",
        "reason": "The pool ran dry twice.",
        "services": ["checkout"],
        "environment": "production",
        "risk_answers": NO_RISK,
        "test_evidence": "Ran a day on UAT.",
        "rollback_plan": "Set it back.",
        "rollback_minutes": 5,
        "verification_plan": "Watch the waiting time.",
        "window_start": (now - timedelta(minutes=1)).isoformat(),
        "window_end": (now + timedelta(hours=2)).isoformat(),
    }
    return {name: value for name, value in {**whole, **changed}.items() if value is not None}


@pytest.fixture
def people(shop):
    """A client for each person; Dee is a second peer of Payments, Eve leads it beside Ann, Lo is a lone stranger."""
    dee, eve, lo = (make_user(f"{name}@example.com", name.title()) for name in ("dee", "eve", "lo"))
    Membership.objects.create(team=shop.payments, user=dee)
    Membership.objects.create(team=shop.payments, user=eve, is_lead=True)
    users = {"ann": shop.ann, "bo": shop.bo, "cy": shop.cy, "admin": shop.admin, "dee": dee, "eve": eve, "lo": lo}
    return {name: token_client(user, "changes", "read", "deploy") for name, user in users.items()}


def filed(client, **changed):
    answer = client.post(URL, body(**changed), format="json")
    assert answer.status_code == 201, answer.content
    return answer.json()["ref"]


def submitted(client, **changed):
    return filed(client, submit=True, **changed)


def say(client, ref, verb, **word):
    return client.post(f"{URL}/{ref}/{verb}", word, format="json")


def refusal(answer):
    assert answer.status_code >= 400, answer.content
    return answer.status_code, answer.json()["code"]


def test_a_filed_change_says_who_must_agree_and_what_may_be_done(people):
    answer = people["ann"].post(URL, body(), format="json").json()
    assert (answer["state"], answer["authorization"], answer["type"]) == ("draft", "reviewed", "standard")
    assert answer["risk"]["level"] == "low"
    assert [one["code"] for one in answer["risk"]["contributions"]] == ["tier_0"]
    assert (answer["required_approvals"], answer["approvals"]) == (1, [])
    assert set(answer["eligible_approvers"]) == {"bo@example.com", "dee@example.com", "eve@example.com"}
    assert {"edit", "submit", "withdraw"} == set(answer["allowed_actions"])
    assert answer["url"].endswith(f"/changes/{answer['ref']}")
    listed = people["bo"].get(URL).json()["results"]
    assert [row["ref"] for row in listed] == [answer["ref"]]


def test_the_whole_way_of_a_change(people):
    ref = submitted(people["ann"])
    seen = people["bo"].get(f"{URL}/{ref}").json()
    assert "approve" in seen["allowed_actions"]
    assert say(people["bo"], ref, "approve", seen=seen["digest"], note="Fine.").json()["state"] == "approved"
    assert say(people["ann"], ref, "start").json()["state"] == "in_progress"
    assert say(people["ann"], ref, "finish", outcome="succeeded").json()["state"] == "finished"
    closed = say(people["ann"], ref, "close").json()
    assert (closed["state"], closed["outcome"], closed["allowed_actions"]) == ("closed", "succeeded", [])
    entries = people["ann"].get(f"{URL}/{ref}/timeline").json()["results"]
    assert [entry["verb"] for entry in reversed(entries)] == [
        "filed", "submitted", "approved", "started", "finished", "closed",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("answers", "level", "number", "leads"),
    [
        ({}, "low", 1, []),
        ({"irreversible": True}, "medium", 1, ["payments"]),
        ({"irreversible": True, "customer_downtime": True}, "high", 2, ["payments"]),
    ],
)
def test_the_risk_decides_how_many_must_agree(people, answers, level, number, leads):
    answer = people["dee"].post(URL, body(risk_answers={**NO_RISK, **answers}), format="json").json()
    assert (answer["risk"]["level"], answer["required_approvals"], answer["required_leads"]) == (level, number, leads)


def test_medium_risk_wants_a_lead_and_says_who(people):
    ref = submitted(people["dee"], risk_answers={**NO_RISK, "irreversible": True})
    answer = say(people["bo"], ref, "approve")
    assert refusal(answer) == (403, "approver_role")
    assert "Ann Lee and Eve" in answer.json()["detail"]
    assert say(people["eve"], ref, "approve").json()["state"] == "approved"


def test_high_risk_wants_two_and_a_lead_among_them(people):
    ref = submitted(people["dee"], risk_answers=dict.fromkeys(NO_RISK, True))
    half = say(people["bo"], ref, "approve").json()
    assert half["state"] == "submitted"
    assert "Ann Lee or Eve can give it" in half["decision"]["because"]
    assert say(people["eve"], ref, "approve").json()["state"] == "approved"


# --- Four eyes -------------------------------------------------------------------------------------------------------


def test_who_requested_it_cannot_approve_it_whatever_they_are(people, shop):
    Membership.objects.create(team=shop.payments, user=shop.admin, is_lead=True)
    ref = submitted(people["admin"])
    assert refusal(say(people["admin"], ref, "approve")) == (403, "four_eyes")
    assert refusal(say(people["admin"], ref, "reject", reason="No.")) == (403, "four_eyes")


def test_who_carries_it_out_cannot_approve_it(people):
    ref = submitted(people["ann"], implementer="bo@example.com")
    assert refusal(say(people["bo"], ref, "approve")) == (403, "four_eyes")


def test_who_carries_it_out_may_be_named_by_the_beginning_of_their_address(people):
    assert people["ann"].post(URL, body(implementer="bo"), format="json").json()["implementer"] == "bo@example.com"


def test_who_wrote_a_commit_cannot_approve_it(people):
    ref = submitted(people["ann"], commits=[{"sha": SHA, "author": " BO@example.com "}])
    assert refusal(say(people["bo"], ref, "approve")) == (403, "four_eyes")


def test_who_wrote_the_deployed_commit_cannot_approve_it(people):
    commits = [{"sha": SHA, "author": "bo@example.com", "reviewed_by": ["ann@example.com"]}]
    assert people["cy"].post("/api/v1/deployments", deployment(commits=commits), format="json").status_code == 201
    ref = submitted(people["ann"], sha=SHA)
    assert refusal(say(people["bo"], ref, "approve")) == (403, "four_eyes")


def test_an_administrator_without_a_role_cannot_approve_it(people):
    assert refusal(say(people["admin"], submitted(people["ann"]), "approve")) == (403, "approver_role")


def test_a_stranger_to_the_team_cannot_approve_edit_or_carry_it_out(people):
    ref = submitted(people["ann"])
    assert refusal(say(people["cy"], ref, "approve")) == (403, "approver_role")
    assert refusal(people["lo"].patch(f"{URL}/{ref}", {"title": "Mine"}, format="json")) == (403, "may_edit_change")
    say(people["bo"], ref, "approve")
    assert refusal(say(people["lo"], ref, "start")) == (403, "may_carry_out")
    assert refusal(say(people["lo"], ref, "withdraw")) == (403, "may_edit_change")


def test_another_token_of_the_requester_is_the_requester(people, shop):
    ref = submitted(people["ann"])
    assert refusal(say(token_client(shop.ann, "changes", "read"), ref, "approve")) == (403, "four_eyes")


def test_who_edits_a_change_to_drop_out_of_it_cannot_approve_it(people):
    ref = submitted(people["ann"], implementer="bo@example.com")
    moved = people["bo"].patch(f"{URL}/{ref}", {"implementer": "dee@example.com"}, format="json")
    assert moved.json()["implementer"] == "dee@example.com"
    assert refusal(say(people["bo"], ref, "approve")) == (403, "four_eyes")


@pytest.mark.parametrize(
    "field", ["requester", "state", "risk", "approvals", "authorization", "type", "template", "digest", "outcome"]
)
def test_no_field_that_is_not_a_part_can_be_patched(people, field):
    ref = submitted(people["ann"])
    before = people["ann"].get(f"{URL}/{ref}").json()
    assert refusal(people["ann"].patch(f"{URL}/{ref}", {field: "approved"}, format="json")) == (422, "unknown_field")
    assert people["ann"].get(f"{URL}/{ref}").json() == before


def test_a_new_change_cannot_say_more_than_its_parts(people):
    answer = people["ann"].post(URL, body(state="approved", requester="bo@example.com"), format="json").json()
    assert (answer["state"], answer["requester"]) == ("draft", "ann@example.com")
    assert set(answer["warnings"]) == {"unknown_field:state", "unknown_field:requester"}


@pytest.mark.parametrize(
    "edit",
    [
        {"services": ["checkout", "ledger"]},
        {"rollback_plan": "There is none."},
        {"risk_answers": {**NO_RISK, "first_time": True}},
        {"window_end": (timezone.now() + timedelta(hours=30)).isoformat()},
        {"implementer": "bo@example.com"},
        {"title": "Drop the table"},
        {"sha": SHA},
        {"customer_impacting": True},
    ],
)
def test_an_edit_after_approval_voids_it(people, edit):
    ref = submitted(people["ann"])
    assert say(people["dee"], ref, "approve").json()["state"] == "approved"
    edited = people["ann"].patch(f"{URL}/{ref}", edit, format="json").json()
    assert edited["state"] == "submitted"
    assert [one["voided_at"] is not None for one in edited["approvals"]] == [True]
    assert refusal(say(people["ann"], ref, "start")) == (409, "transition_illegal")


def test_a_public_note_is_not_what_was_approved(people):
    ref = submitted(people["ann"])
    say(people["dee"], ref, "approve")
    edited = people["ann"].patch(f"{URL}/{ref}", {"public_note": "Faster."}, format="json").json()
    assert (edited["state"], edited["public_note"]) == ("approved", "Faster.")


def test_an_approval_of_something_else_than_was_read_is_stale(people):
    ref = submitted(people["ann"])
    seen = people["bo"].get(f"{URL}/{ref}").json()["digest"]
    people["ann"].patch(f"{URL}/{ref}", {"rollback_plan": "There is none."}, format="json")
    assert refusal(say(people["bo"], ref, "approve", seen=seen)) == (409, "stale_approval")


def test_what_was_tampered_with_in_the_database_does_not_start(people):
    ref = submitted(people["ann"])
    say(people["bo"], ref, "approve")
    Ticket.objects.update(rollback_plan="Something else.")
    assert refusal(say(people["ann"], ref, "start")) == (409, "stale_approval")


def test_a_role_that_somebody_got_for_the_purpose_does_not_count(people, shop):
    ref = submitted(people["ann"])
    Membership.objects.create(team=shop.payments, user=shop.cy, is_lead=True, since=timezone.now())
    answer = say(people["cy"], ref, "approve")
    assert refusal(answer) == (403, "role_held_before")


def test_a_quorum_that_cannot_be_met_is_refused_with_names(people, shop):
    Membership.objects.filter(user__email__in=["dee@example.com", "eve@example.com"]).delete()
    answer = people["ann"].post(URL, body(submit=True, implementer="bo@example.com"), format="json")
    assert refusal(answer) == (409, "quorum_unsatisfiable")
    assert "Bo Okafor took it on" in answer.json()["detail"]
    assert not Change.objects.exists()


def test_a_person_who_left_cannot_be_asked_to_approve(people):
    ref = filed(people["ann"])
    assert "bo@example.com" in people["ann"].get(f"{URL}/{ref}").json()["eligible_approvers"]
    bo = Membership.objects.get(user__email="bo@example.com").user
    bo.is_active = False
    bo.save()
    assert "bo@example.com" not in people["ann"].get(f"{URL}/{ref}").json()["eligible_approvers"]


# --- The states, pair by pair ----------------------------------------------------------------------------------------

WORDS = {"reject": {"reason": "No."}, "finish": {"outcome": "succeeded"}}
ACTORS = {"approve": "bo", "reject": "bo", "review": "bo"}


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_is_refused_in_every_state_that_does_not_allow_it(people, verb):
    ref = submitted(people["ann"])
    for state in sorted(set(State.values) - VERBS[verb] - ({"closed"} if verb == "close" else set())):
        Change.objects.update(state=state)
        answer = say(people[ACTORS.get(verb, "ann")], ref, verb, **WORDS.get(verb, {}))
        assert refusal(answer) == (409, "transition_illegal"), state
        assert Change.objects.get().state == state


def test_closing_a_closed_change_changes_nothing(people):
    ref = submitted(people["ann"])
    Change.objects.update(state="closed", outcome="succeeded")
    before = people["ann"].get(f"{URL}/{ref}").json()
    assert say(people["ann"], ref, "close").json() == before


def test_every_verb_leads_where_the_table_of_moves_allows():
    ends = {"submit": "submitted", "approve": "approved", "reject": "rejected", "revise": "draft"}
    ends |= {
        "withdraw": "withdrawn",
        "start": "in_progress",
        "finish": "finished",
        "review": "closed",
        "close": "closed",
    }
    assert all(ends[verb] in MOVES[start] for verb, starts in VERBS.items() for start in starts)


# --- Bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "field", "code"),
    [
        ({"title": "  "}, "title", "blank"),
        ({"services": []}, "services", "service_needed"),
        ({"services": ["chekout"]}, "services", "unknown_service"),
        ({"environment": "mars"}, "environment", "unknown_environment"),
        ({"implementer": "nobody@example.com"}, "implementer", "unknown_person"),
        ({"risk_answers": {"shiny": True}}, "risk_answers", "unknown_question"),
        ({"risk_answers": {"irreversible": "yes"}}, "risk_answers.irreversible", "not_a_boolean"),
        ({"window_start": "tomorrow"}, "window_start", "time"),
        ({"window_end": "2020-01-01T00:00:00Z"}, "window_end", "window_order"),
        ({"rollback_minutes": "ten"}, "rollback_minutes", "not_an_integer"),
        ({"type": "normal"}, "type", "not_a_choice"),
        ({"template": "no-such"}, "template", "unknown_template"),
    ],
)
def test_what_is_wrong_is_named(people, changed, field, code):
    answer = people["ann"].post(URL, body(**changed), format="json")
    assert answer.status_code == 422, answer.content
    assert (field, code) in [(error["field"], error["code"]) for error in answer.json()["errors"]]
    assert not Change.objects.exists()


@pytest.mark.parametrize(
    "part",
    [
        "reason", "test_evidence", "rollback_plan", "rollback_minutes", "verification_plan", "risk_answers",
    ],
)  # fmt: skip
def test_a_draft_may_lack_what_submitting_asks_for(people, part):
    ref = filed(people["ann"], **{part: None})
    answer = say(people["ann"], ref, "submit")
    assert answer.status_code == 422
    assert part in [error["field"] for error in answer.json()["errors"]]


def test_a_window_that_is_over_cannot_be_submitted(people):
    ref = filed(people["ann"], window_start="2026-01-01T00:00:00Z", window_end="2026-01-02T00:00:00Z")
    assert refusal(say(people["ann"], ref, "submit")) == (422, "window_ahead")


def test_a_rejection_wants_a_reason_and_a_finish_an_outcome(people):
    ref = submitted(people["ann"])
    assert refusal(say(people["bo"], ref, "reject")) == (422, "reason_required")
    say(people["bo"], ref, "approve")
    say(people["ann"], ref, "start")
    assert refusal(say(people["ann"], ref, "finish")) == (422, "outcome_required")
    assert refusal(say(people["ann"], ref, "finish", outcome="unknown")) == (422, "outcome_required")


def test_a_token_without_the_scope_or_outside_its_limits_is_refused(people, shop):
    ref = submitted(people["ann"])
    assert refusal(say(token_client(shop.bo, "read"), ref, "approve")) == (403, "permission_denied")
    limited = token_client(shop.bo, "changes", services=["ledger"])
    assert refusal(say(limited, ref, "approve")) == (403, "token_limits")
    assert refusal(limited.post(URL, body(), format="json")) == (403, "token_limits")


def test_nobody_finds_what_does_not_exist(people):
    assert refusal(say(people["ann"], "CHG-999", "approve")) == (404, "not_found")
    deploy = people["ann"].post("/api/v1/deployments", deployment(), format="json").json()["ref"]
    assert refusal(say(people["ann"], deploy, "approve")) == (404, "not_a_ticket")


def test_the_same_key_files_once(people):
    sent = body()
    first, again = (people["ann"].post(URL, sent, format="json", headers={"Idempotency-Key": "k1"}) for _ in range(2))
    assert first.json()["ref"] == again.json()["ref"]
    assert Change.objects.count() == 1


# --- Emergencies -----------------------------------------------------------------------------------------------------


def emergency(client, **changed):
    said = {"type": "emergent", "title": "Restart the queue", "services": ["checkout"], "reason": "It is stuck."}
    return client.post(URL, {**said, **changed}, format="json")


def test_an_emergency_begins_at_once_tells_the_leads_and_owes_a_review(people):
    answer = emergency(people["bo"]).json()
    assert (answer["state"], answer["authorization"], answer["is_break_glass"]) == ("in_progress", "emergency", True)
    assert answer["review_due_at"]
    assert {message.recipient for message in Message.objects.all()} == {"ann@example.com", "eve@example.com"}
    assert set(Message.objects.values_list("priority", flat=True)) == {Message.Priority.PAGE}


def test_an_emergency_wants_a_reason_or_an_incident(people):
    assert refusal(emergency(people["bo"], reason=""))[0] == 422
    assert emergency(people["bo"], reason="", incident="INC-3").status_code == 201


def test_an_emergency_may_tell_the_rest_afterwards(people):
    ref = emergency(people["bo"]).json()["ref"]
    edited = people["bo"].patch(f"{URL}/{ref}", {"rollback_plan": "Restart again."}, format="json").json()
    assert (edited["state"], edited["rollback_plan"]) == ("in_progress", "Restart again.")
    assert refusal(people["bo"].patch(f"{URL}/{ref}", {"title": "Nothing"}, format="json")) == (409, "not_editable")


def test_an_emergency_is_reviewed_by_somebody_else(people):
    ref = emergency(people["bo"], implementer="dee@example.com").json()["ref"]
    assert refusal(say(people["ann"], ref, "review")) == (409, "transition_illegal")
    say(people["bo"], ref, "finish", outcome="succeeded")
    assert refusal(say(people["bo"], ref, "close")) == (409, "review_required")
    for maker in ("bo", "dee"):
        assert refusal(say(people[maker], ref, "review")) == (403, "four_eyes")
    assert refusal(say(people["lo"], ref, "review")) == (403, "reviewer_role")
    reviewed = say(people["cy"], ref, "review", note="Right so.", answers={"as_planned": True}).json()
    assert (reviewed["state"], reviewed["review"]["reviewer"]) == ("closed", "cy@example.com")


def test_an_unproven_deploy_is_reviewed_by_somebody_who_did_not_log_or_write_it(people):
    ref = people["dee"].post("/api/v1/deployments", deployment(evidence=None), format="json").json()["ref"]
    assert people["eve"].get(f"{URL}/{ref}").json()["allowed_actions"] == ["review"]
    assert refusal(say(people["dee"], ref, "review")) == (403, "four_eyes")
    assert refusal(say(people["ann"], ref, "review")) == (403, "four_eyes")
    assert say(people["eve"], ref, "review", note="Looked at it.").json()["state"] == "closed"
    assert refusal(say(people["eve"], ref, "review")) == (409, "transition_illegal")


@pytest.mark.parametrize("outcome", ["failed", "rolled_back", "partial", "not_done", "succeeded_with_issues"])
def test_what_did_not_plainly_succeed_is_reviewed(people, outcome):
    ref = submitted(people["ann"])
    say(people["bo"], ref, "approve")
    say(people["ann"], ref, "start")
    assert say(people["ann"], ref, "finish", outcome=outcome).json()["review_due_at"]
    assert say(people["bo"], ref, "review").json()["state"] == "closed"


def test_an_outcome_can_be_corrected_and_both_stay(people):
    ref = submitted(people["ann"])
    say(people["bo"], ref, "approve")
    say(people["ann"], ref, "start")
    say(people["ann"], ref, "finish", outcome="succeeded")
    assert refusal(say(people["ann"], ref, "correct", outcome="failed")) == (422, "reason_required")
    corrected = say(people["ann"], ref, "correct", outcome="failed", reason="It broke an hour later.").json()
    assert (corrected["outcome"], corrected["state"]) == ("failed", "finished")
    assert corrected["review_due_at"]
    entry = people["ann"].get(f"{URL}/{ref}/timeline").json()["results"][0]
    assert (entry["verb"], entry["data"]["before"]) == ("corrected", "succeeded")


def test_a_start_outside_the_window_is_flagged_and_reviewed(people):
    later = timezone.now() + timedelta(days=1)
    window = {"window_start": later.isoformat(), "window_end": (later + timedelta(hours=1)).isoformat()}
    ref = submitted(people["ann"], **window)
    say(people["bo"], ref, "approve")
    assert say(people["ann"], ref, "start").json()["flags"] == ["outside_window"]
    assert say(people["ann"], ref, "finish", outcome="succeeded").json()["review_due_at"]


def test_reading_a_change_costs_the_same_whatever_it_holds(people, django_assert_max_num_queries):
    ref = submitted(people["ann"], services=["checkout", "ledger"], risk_answers=dict.fromkeys(NO_RISK, True))
    say(people["bo"], ref, "approve")
    people["ann"].get(URL)
    with django_assert_max_num_queries(12):
        assert people["ann"].get(f"{URL}/{ref}").status_code == 200


# --- The time it takes -----------------------------------------------------------------------------------------------


def window(hours, *, length=1):
    start = timezone.now() + timedelta(hours=hours)
    return {"window_start": start.isoformat(), "window_end": (start + timedelta(hours=length)).isoformat()}


def test_two_changes_of_a_tier_0_service_cannot_have_the_same_time(people):
    submitted(people["ann"], **window(5))
    answer = people["dee"].post(URL, body(submit=True, **window(5.5)), format="json")
    assert refusal(answer) == (409, "collision_tier_0")
    assert "The next free time is" in answer.json()["detail"]


def test_two_changes_of_another_service_at_the_same_time_are_warned_of_and_offered_another(people):
    first = submitted(people["ann"], services=["ledger"], **window(5))
    answer = people["dee"].post(URL, body(submit=True, services=["ledger"], **window(5.5)), format="json").json()
    assert [(met["ref"], met["reason"], met["blocks"]) for met in answer["collisions"]] == [
        (first, "same_service", False)
    ]
    assert answer["next_free_slot"]["start"] > answer["collisions"][0]["window_start"]


def test_a_hard_freeze_forbids_the_window_and_the_start(people, shop):
    freeze = {
        "name": "Year end",
        "start": timezone.now() + timedelta(hours=4),
        "end": timezone.now() + timedelta(days=9),
    }
    made = Freeze.objects.create(is_hard=True, **freeze)
    answer = people["ann"].post(URL, body(submit=True, **window(5)), format="json")
    assert refusal(answer) == (409, "freeze_active")
    assert "Year end" in answer.json()["detail"]
    ref = submitted(people["ann"])
    say(people["bo"], ref, "approve")
    Freeze.objects.filter(pk=made.pk).update(start=timezone.now() - timedelta(hours=1))
    assert refusal(say(people["ann"], ref, "start")) == (409, "freeze_active")
    Freeze.objects.filter(pk=made.pk).update(is_hard=False)
    assert say(people["ann"], ref, "start").json()["flags"] == ["freeze_soft"]


def test_a_hold_forbids_the_start_until_it_is_released(people, shop):
    ref = submitted(people["ann"])
    say(people["bo"], ref, "approve")
    hold = Hold.objects.create(service=shop.checkout, source="INC-3", reason="Sev-1.", opened_at=timezone.now())
    assert refusal(say(people["ann"], ref, "start")) == (409, "hold_open")
    Hold.objects.filter(pk=hold.pk).update(released_at=timezone.now())
    assert say(people["ann"], ref, "start").status_code == 200


def test_an_emergency_waits_for_no_freeze_and_no_hold_and_says_so(people, shop):
    now = timezone.now()
    Freeze.objects.create(name="Year end", start=now - timedelta(hours=1), end=now + timedelta(hours=1))
    Hold.objects.create(service=shop.checkout, source="INC-3", reason="Sev-1.", opened_at=now)
    assert emergency(people["bo"]).json()["flags"] == ["freeze_active", "hold_open"]
