"""Filing a change on its page: what it says beforehand, what it refuses, and that nothing typed is lost."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Membership
from catalog.models import Service
from changes.models import Approval, Change, Freeze, Ticket
from changes.tickets.risk_policy import RISK_QUESTIONS
from tests.changes.test_pages import seen
from tests.factories import make_service, make_ticket, make_user
from tests.preapproved.people import make_team

pytestmark = pytest.mark.django_db
NEW = "/changes/new"


@pytest.fixture
def dee(shop):
    """Another member of Payments."""
    dee = make_user("dee@example.com", "Dee Fox")
    Membership.objects.create(team=shop.payments, user=dee)
    return dee


def local(at):
    """A moment as a browser of somebody in UTC sends it."""
    return f"{at:%Y-%m-%dT%H:%M}"


def typed(**changed):
    start = timezone.now() + timedelta(days=1)
    said = {
        "type": "standard",
        "title": "Raise the pool of connections",
        "services": ["ledger"],
        "environment": "production",
        "implementer": "bo@example.com",
        "window_start": local(start),
        "window_end": local(start + timedelta(hours=1)),
        "reason": "It ran dry twice.",
        "rollback_plan": "Set it back.",
        "rollback_minutes": "5",
        "test_evidence": "A day on UAT.",
        "verification_plan": "Watch the waiting time.",
        "customer_impacting": "no",
        **{f"risk_{code}": "no" for code in RISK_QUESTIONS},
        "do": "submit",
        **changed,
    }
    return {name: value for name, value in said.items() if value is not None}


@pytest.fixture
def bo(shop, dee):
    """A browser in which Bo, a member of Payments whose clock shows UTC, is signed in."""
    client = Client()
    client.force_login(shop.bo)
    return client


def kept(answer):
    """The value of every field of the form as it stands on a page."""
    html = answer.content.decode()
    found = dict(re.findall(r'<input[^>]* name="(\w+)"[^>]* value="([^"]*)"', html))
    found |= {
        name: text.strip()
        for name, text in re.findall(r'<textarea name="(\w+)"[^>]*>(.*?)</textarea>', html, re.DOTALL)
    }
    return found


# --- Beforehand ------------------------------------------------------------------------------------------------------


def test_the_page_begins_with_what_most_changes_are(bo):
    page = bo.get(NEW)
    text, html = seen(page), page.content.decode()
    assert "Standard Planned work" in text
    assert "Emergent Urgent" in text
    assert '<option value="bo@example.com" selected>Bo Okafor (you)' in html
    assert '<option value="production" selected>' in html
    start, end = kept(page)["window_start"], kept(page)["window_end"]
    assert start > local(timezone.now()) or start.endswith("00:00")
    assert start.endswith(":00")
    assert end > start
    assert "Window starts (UTC)" in text


def test_the_window_is_offered_on_the_readers_own_clock(shop, ann):
    assert "Window starts (CET)" in seen(ann.get(NEW)) or "Window starts (CEST)" in seen(ann.get(NEW))


def test_who_can_approve_is_said_before_anything_is_filed(bo):
    text = seen(bo.post("/changes/preview", typed()))
    assert "Low risk: 0 points" in text
    assert "Low risk needs 1 approval from Payments. Ann Lee and Dee Fox can approve it." in text
    assert Change.objects.count() == 0


def test_the_level_and_its_reasons_follow_what_is_answered(bo):
    text = seen(
        bo.post("/changes/preview", typed(services=["checkout"], risk_irreversible="yes", risk_first_time="yes"))
    )
    assert "Medium risk: 5 points" in text
    assert "Is it irreversible? +3" in text
    assert "It touches a tier 0 service. +1" in text
    assert "Medium risk needs a lead of Payments to approve. Ann Lee can approve it." in text


def test_a_change_that_nobody_could_approve_says_so_with_names_before_and_when_it_is_submitted(ann, shop):
    said = typed(implementer="ann@example.com", risk_irreversible="yes")
    beforehand = seen(ann.post("/changes/preview", said))
    assert "Nobody could approve this A lead of Payments must approve, and there is none who may." in beforehand
    assert "Ann Lee requested it." in beforehand
    answer = ann.post(NEW, said)
    assert answer.status_code == 422
    assert "quorum_unsatisfiable" in seen(answer)
    assert Change.objects.count() == 0


def test_a_collision_is_shown_with_the_next_free_slot_which_a_button_takes(bo, shop):
    start = (timezone.now() + timedelta(days=1)).replace(minute=0, second=0, microsecond=0)
    window = {"window_start": start, "window_end": start + timedelta(hours=1)}
    other = make_ticket(
        shop, state="submitted", requester=shop.ann, implementer=shop.ann, services=[shop.checkout], **window
    )
    said = typed(services=["checkout"], window_start=local(start), window_end=local(start + timedelta(hours=1)))
    page = bo.post(NEW, {**said, "do": "check"})
    assert "This window collides with 1 change" in seen(page)
    assert f"{other.change.ref} {other.change.title}" in seen(page)
    refused = bo.post(NEW, said)
    assert refused.status_code == 422
    assert 'data-code="collision_tier_0"' in refused.content.decode()
    slot = re.search(r'value="(slot [^"]+)"', page.content.decode())
    assert slot
    moved = bo.post(NEW, {**said, "do": slot[1]})
    assert kept(moved)["window_start"] == local(start + timedelta(hours=1))
    assert kept(moved)["title"] == said["title"]
    assert "No other change is in the way." in seen(moved)


def test_a_freeze_is_shown_and_forbids(bo, shop):
    now = timezone.now()
    Freeze.objects.create(name="Black Friday", start=now, end=now + timedelta(days=3), last_end=now + timedelta(days=3))
    assert "Hard freeze Black Friday" in seen(bo.post("/changes/preview", typed()))
    answer = bo.post(NEW, typed())
    assert answer.status_code == 422
    assert 'data-code="freeze_active"' in answer.content.decode()


def test_a_window_that_is_over_is_said_beside_it(bo):
    past = timezone.now() - timedelta(days=1)
    said = typed(window_start=local(past), window_end=local(past + timedelta(hours=1)))
    assert "This window is over" in seen(bo.post("/changes/preview", said))
    answer = bo.post(NEW, said)
    assert answer.status_code == 422
    assert 'id="id_window_end_problem" data-code="window_ahead"' in answer.content.decode()


# --- Filing ----------------------------------------------------------------------------------------------------------


def test_a_change_that_says_everything_is_filed_and_waits_for_approval(bo, shop):
    answer = bo.post(NEW, typed(), follow=True)
    change = Change.objects.get()
    assert (change.state, change.service, change.requester) == ("submitted", shop.ledger, shop.bo)
    assert "is filed. Whoever can approve it has been told." in seen(answer)
    assert "Needs 1 more approval; Ann Lee or Dee Fox can give it" in seen(answer)


def test_a_draft_may_lack_what_submitting_asks_for(bo):
    answer = bo.post(NEW, typed(reason="", test_evidence="", do="draft"), follow=True)
    assert Change.objects.get().state == "draft"
    assert "Say how it was tested and what came out." in seen(answer)
    refused = bo.post(f"/changes/{Change.objects.get().ref}/submit")
    assert refused.status_code == 422
    assert "Say why the change is made." in seen(refused)


@pytest.mark.parametrize(
    ("wrong", "beside", "sentence"),
    [
        ({"title": ""}, "title", "Say in a few words what is changed."),
        ({"services": None}, "services", "Name at least one service that it touches."),
        ({"rollback_minutes": "ten"}, "rollback_minutes", "“ten” is not a number."),
        ({"rollback_minutes": "-1"}, "rollback_minutes", "greater than or equal to 0"),
        ({"window_end": "2026-11-24T09:00"}, "window_end", "The window must end after it begins."),
        ({"window_start": "tomorrow"}, "window_start", "This is no date and time."),
        ({"window_start": "0001-01-01T00:00"}, "window_start", "The year must be between 2000 and 2100."),
        ({"rollback_plan": ""}, "rollback_plan", "Say how to get back if it goes wrong."),
        ({"implementer": "nobody@example.com"}, "implementer", "nobody@example.com"),
        ({"commits": "abc def ghi"}, "commits", "names more than a commit and an e-mail"),
        ({"title": "x" * 301}, "title", "at most 300 characters"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_nothing_typed_is_lost(bo, wrong, beside, sentence):
    said = typed(description="First this.\nThen that.", incident="INC-3", **wrong)
    answer = bo.post(NEW, said)
    html = answer.content.decode()
    assert answer.status_code == 422
    assert f'id="id_{beside}_problem"' in html
    assert sentence in seen(answer)
    found = kept(answer)
    names = {"title", "window_start", "window_end", "reason", "rollback_plan", "rollback_minutes", "test_evidence"}
    for name in names | {"verification_plan", "description", "incident", "commits"} & set(said):
        assert found.get(name, "") == said.get(name, ""), name
    assert ('value="ledger" checked' in html) == ("services" not in wrong)
    assert Change.objects.count() == 0


def test_an_empty_form_names_everything_that_is_missing_at_once(bo):
    answer = bo.post(NEW, {"type": "standard", "do": "submit"})
    assert answer.status_code == 422
    missing = {"title", "services", "reason", "rollback_plan", "test_evidence", "verification_plan"}
    assert missing <= set(answer.context["form"].errors)


def test_what_was_typed_survives_the_end_of_the_session(bo, shop):
    bo.get(NEW)
    bo.cookies.pop("decklog_session")
    answer = bo.post(NEW, typed(title="Typed for ten minutes"), headers={"referer": f"http://testserver{NEW}"})
    assert answer["Location"].startswith("/accounts/login/")
    bo.post(answer["Location"], {"login": "bo@example.com", "password": "correct horse battery"})
    page = bo.get(NEW)
    assert kept(page)["title"] == "Typed for ten minutes"
    assert "Nothing was sent yet" in seen(page)
    assert Change.objects.count() == 0


def test_another_way_in_keeps_what_was_typed(bo):
    emergent = bo.post(NEW, typed(do="emergent"))
    assert "Why it cannot wait, or the incident" in seen(emergent)
    assert kept(emergent)["rollback_plan"] == "Set it back."
    back = bo.post(NEW, {**kept(emergent), "services": ["ledger"], "do": "standard"})
    assert kept(back)["rollback_plan"] == "Set it back."
    assert kept(back)["title"] == "Raise the pool of connections"


def test_a_former_change_can_be_filed_again(bo, shop):
    former = make_ticket(
        shop, title="Rotate the keys", rollback_plan="Take the old ones.", state="closed", services=[shop.ledger]
    )
    page = bo.get(f"{NEW}?copy={former.change.ref}")
    assert kept(page)["title"] == "Rotate the keys"
    assert kept(page)["rollback_plan"] == "Take the old ones."
    assert 'value="ledger" checked' in page.content.decode()
    assert kept(page)["window_start"] != local(former.change.window_start)
    assert bo.get(f"{NEW}?copy=CHG-999").status_code == 200
    assert bo.get(f"{NEW}?copy=rubbish&template=none&type=none").status_code == 200


def test_a_template_asks_for_a_window_only_and_approves_what_is_made_from_it(shop, client):
    template = make_team(shop).approved()
    client.force_login(shop.bo)
    page = client.get(f"{NEW}?template={template.slug}")
    assert "What Rotate keys says" in seen(page)
    assert "They expire every 90 days." in seen(page)
    chosen = client.post(NEW, typed(do="template", template=template.slug))
    assert "Approved by its template" in seen(chosen)
    assert kept(chosen)["rollback_plan"] == "Set it back."
    said = {**kept(chosen), "implementer": "bo@example.com", "do": "submit", "template": template.slug}
    assert "is approved by its template" in seen(client.post(NEW, said, follow=True))
    change = Change.objects.get()
    assert (change.state, change.service, change.ticket.rollback_minutes) == ("approved", shop.checkout, 5)
    edit = client.get(f"/changes/{change.ref}/edit").content.decode()
    assert 'name="window_start"' in edit
    assert 'name="rollback_plan"' not in edit


# --- Emergencies -----------------------------------------------------------------------------------------------------


def test_an_emergency_needs_three_fields_begins_at_once_and_says_what_is_owed(bo, shop):
    said = {
        "type": "emergent",
        "title": "Restart the queue",
        "services": ["ledger"],
        "reason": "It is stuck.",
        "do": "begin",
    }
    answer = bo.post(NEW, said, follow=True)
    change = Change.objects.get()
    assert (change.type, change.state, change.environment) == ("emergent", "in_progress", shop.production)
    text = seen(answer)
    assert "An emergency, under way" in text
    assert "Somebody else must review it by" in text
    assert "the leads were told" in text


def test_an_emergency_may_name_its_incident_instead_of_a_reason(bo):
    bo.post(NEW, {"type": "emergent", "title": "Restart", "services": ["ledger"], "reason": "inc-31", "do": "begin"})
    assert Ticket.objects.get().incident == "INC-31"


def test_an_emergency_without_a_reason_is_refused_beside_the_field(bo):
    answer = bo.post(NEW, {"type": "emergent", "title": "Restart", "services": ["ledger"], "do": "begin"})
    assert answer.status_code == 422
    assert 'id="id_reason_problem" data-code="reason_required"' in answer.content.decode()


# --- Editing ---------------------------------------------------------------------------------------------------------


def test_an_edit_says_that_approvals_will_count_no_longer_and_asks_for_them_again(bo, shop, ann):
    bo.post(NEW, typed())
    ref = Change.objects.get().ref
    ann.post(f"/changes/{ref}/approve", {"verb": "approve"})
    assert Change.objects.get().state == "approved"
    page = bo.get(f"/changes/{ref}/edit")
    assert "An edit makes the approvals that were given count no longer." in seen(page)
    answer = bo.post(
        f"/changes/{ref}/edit", typed(rollback_plan="Take it slowly back.", do="save", type=None), follow=True
    )
    assert "Approval is asked for again." in seen(answer)
    assert Change.objects.get().state == "submitted"
    assert Approval.objects.get().voided_at
    assert "The edit at" in seen(answer)
    seen_by_approver = seen(ann.get(f"/changes/{ref}"))
    assert "What changed since you approved it" in seen_by_approver
    assert "Way back Set it back. Take it slowly back." in seen_by_approver


def test_an_edit_that_changes_nothing_keeps_the_approvals(bo, shop, ann):
    said = typed(reason="First line.\r\nSecond line.")
    bo.post(NEW, said)
    ref = Change.objects.get().ref
    ann.post(f"/changes/{ref}/approve", {"verb": "approve"})
    bo.post(f"/changes/{ref}/edit", {**said, "do": "save"})
    assert Change.objects.get().state == "approved"
    assert Approval.objects.get().voided_at is None


def test_an_edit_that_is_refused_keeps_what_was_typed(bo, shop):
    ref = make_ticket(shop).change.ref
    answer = bo.post(f"/changes/{ref}/edit", typed(title="", reason="A long story.", do="save"))
    assert kept(answer)["reason"] == "A long story."
    assert 'id="id_title_problem"' in answer.content.decode()


def test_under_way_only_what_nobody_approved_can_be_edited(bo, shop):
    ticket = make_ticket(shop, state="in_progress", started_at=timezone.now())
    page = bo.get(f"/changes/{ticket.change.ref}/edit").content.decode()
    assert 'name="public_note"' in page
    assert 'name="rollback_plan"' not in page
    bo.post(f"/changes/{ticket.change.ref}/edit", {"public_note": "It is faster.", "title": "Another", "do": "save"})
    change = Change.objects.get()
    assert (change.public_note, change.title) == ("It is faster.", ticket.change.title)


def test_a_stranger_to_the_change_cannot_edit_it_and_is_told_the_rule(shop, client):
    ref = make_ticket(shop).change.ref
    client.force_login(shop.cy)
    answer = client.get(f"/changes/{ref}/edit", follow=True)
    assert "Rule may_edit_change" in seen(answer)


@pytest.mark.parametrize("count", [3, 40])
def test_the_page_asks_the_database_as_often_however_much_there_is(bo, shop, count, django_assert_num_queries):
    for number in range(count):
        make_service(f"service-{number}", shop.payments)
        make_user(f"person-{number}@example.com")
    slugs = [service.slug for service in Service.objects.all()]
    bo.get(NEW)
    with django_assert_num_queries(8):
        bo.get(NEW)
    bo.post("/changes/preview", typed(services=slugs))
    with django_assert_num_queries(10):
        bo.post("/changes/preview", typed(services=slugs))
