"""What a person sees and does about templates."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts.callers import caller_of_person
from changes.models import Template
from changes.preapproved import actions
from tests.changes.test_pages import seen
from tests.factories import make_ticket
from tests.preapproved.people import TERMS, Team, is_usable, state_of

TYPED = {
    "name": "Rotate keys",
    "slug": "rotate-keys",
    "title": TERMS.title,
    "services": ["checkout"],
    "environment": "production",
    "description": TERMS.description,
    "reason": TERMS.reason,
    "risk_answers": ["no_automated_rollback"],
    "test_evidence": TERMS.test_evidence,
    "rollback_plan": TERMS.rollback_plan,
    "rollback_minutes": "5",
    "verification_plan": TERMS.verification_plan,
}


@pytest.fixture
def web(client, team):
    """A browser in which Dan is signed in."""
    client.force_login(team.dan)
    return client


def open_page(client, person, path="/templates/rotate-keys"):
    client.force_login(person)
    return seen(client.get(path))


def approve(client, person, digest=""):
    client.force_login(person)
    digest = digest or Template.objects.get().digest
    return seen(client.post("/templates/rotate-keys/approve", {"seen": digest, "note": "Read it."}, follow=True))


# --- One proposes, two approve ---------------------------------------------------------------------------------------


def test_one_person_proposes_and_two_approve_with_words_on_each_step(web, team):
    told = seen(web.post("/templates/new", TYPED, follow=True))
    assert "Rotate keys waits for approval. Needs 2 more approvals, a lead of Payments among them" in told
    assert "Ann Lee or Bo Okafor can give them." in told
    assert "You wrote a part of it, so somebody else must judge it. Rule four_eyes" in told
    assert "Is there no automated way back? yes" in told
    assert "Is it irreversible? no" in told

    assert "Approve what it says below" in open_page(web, team.shop.bo)
    told = approve(web, team.shop.bo)
    assert "Needs 1 more approval, a lead of Payments among them" in told
    assert "You have approved it. Somebody else is asked now." in told
    assert "Bo Okafor approved what it says now: Read it." in told

    told = approve(web, team.shop.ann)
    assert "May be used until" in told
    assert "Approved by Bo Okafor and Ann Lee." in told
    assert "File a change from it" in told
    assert is_usable()


@pytest.mark.parametrize(("who", "rule"), [("dan", "four_eyes"), ("cy", "approver_role"), ("admin", "approver_role")])
def test_an_approval_by_the_wrong_person_is_refused_with_its_rule(web, team, who, rule):
    team.propose()
    person = team.dan if who == "dan" else getattr(team.shop, who)
    assert f"Rule {rule}." in approve(web, person)
    told = open_page(web, person)
    assert f"Rule {rule}" in told
    assert "Approve what it says below" not in told
    assert state_of() == "proposed"


def test_an_approval_of_a_text_that_has_changed_since_is_refused(web, team):
    old = team.propose().digest
    team.change(team.dan, reason="Another reason.")
    assert "Rule stale_approval." in approve(web, team.shop.ann, old)
    assert state_of() == "proposed"


def test_nobody_decides_by_following_a_link(web, team):
    team.propose()
    for verb in ("approve", "retire"):
        assert web.get(f"/templates/rotate-keys/{verb}").status_code == 405


def test_a_proposal_that_nobody_could_approve_says_so_and_loses_nothing(client, team):
    client.force_login(team.shop.ann)
    answer = client.post("/templates/new", TYPED)
    told = seen(answer)
    assert "A lead of Payments must approve, and there is none who may. Ann Lee wrote a part of it." in told
    assert "quorum_unsatisfiable" in told
    assert 'value="Rotate the API keys of checkout"' in answer.content.decode()
    assert not Template.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"reason": ""}, "This is needed."),
        ({"services": ["nothing"]}, "nothing"),
        ({"environment": "mars"}, "valid choice"),
        ({"rollback_minutes": "ten"}, "“ten” is not a number."),
        ({"rollback_minutes": "-1"}, "greater than or equal"),
        ({"risk_answers": ["astrology"]}, "astrology"),
        ({"slug": "two words"}, "Enter a valid"),
        ({"title": "x" * 301}, "at most 300"),
    ],
    ids=str,
)
def test_a_wrong_template_says_so_beside_the_field_and_loses_nothing(web, wrong, complaint):
    answer = web.post("/templates/new", {**TYPED, **wrong})
    assert answer.status_code == 200
    assert complaint in seen(answer)
    assert TERMS.rollback_plan in answer.content.decode()
    assert not Template.objects.exists()


def test_an_address_that_is_taken_is_told_beside_it(web, team):
    team.propose()
    assert "There is a template “rotate-keys” already." in seen(web.post("/templates/new", TYPED))


# --- What changed, how it went ---------------------------------------------------------------------------------------


def test_an_edit_shows_what_has_changed_since_the_last_approval(web, team):
    team.approved()
    edited = {name: value for name, value in TYPED.items() if name != "slug"} | {"rollback_minutes": "50"}
    told = seen(web.post("/templates/rotate-keys/edit", edited, follow=True))
    assert "What has changed since Bo Okafor approved it" in told
    assert "Minutes for the way back 5 50" in told
    assert "Risk answers nothing applies no automated rollback" in told
    assert "Way back The old keys" not in told.partition("What it says")[0]
    assert "approved an earlier text; that does not count any more" in told
    assert not is_usable()


def test_the_form_of_an_edit_shows_what_it_says(web, team):
    team.propose(risk_answers={**TERMS.risk_answers, "irreversible": True})
    form = web.get("/templates/rotate-keys/edit").content.decode()
    assert re.search(r'value="irreversible"[^>]* checked', form)
    assert not re.search(r'value="data_migration"[^>]* checked', form)
    assert '<option value="checkout" selected>' in form
    assert TERMS.rollback_plan in form


def test_a_demoted_template_says_why_and_can_be_proposed_again(web, team):
    template = team.approved()
    change = team.made_from(template, "rolled_back")
    actions.demote_template(template, because=f"{change.ref} was rolled back.", at=timezone.now())
    told = seen(web.get("/templates/rotate-keys"))
    assert "May not be used since a change went wrong" in told
    assert f"{change.ref} was rolled back." in told
    assert "Changes made from it: 1 rolled back" in told
    assert "File a change from it" not in told
    assert "Propose it again" in told

    edited = {name: value for name, value in TYPED.items() if name != "slug"} | {"risk_answers": []}
    told = seen(web.post("/templates/rotate-keys/edit", edited, follow=True))
    assert "Needs 2 more approvals" in told


def test_an_expired_template_says_so_and_who_can_approve_it_anew(web, team):
    until = team.approved().approved_until
    with time_machine.travel(until + timedelta(days=1)):
        told = open_page(web, team.shop.ann)
        assert "Its approval has expired" in told
        assert "Approve what it says below" in told
        assert "1 has expired." in open_page(web, team.dan, "/templates")


def test_the_timeline_tells_who_did_what(web, team):
    team.approved()
    told = seen(web.get("/templates/rotate-keys")).partition("Timeline")[2]
    assert "Ann Lee approved it." in told
    assert "Bo Okafor approved it. It may be used until" in told
    assert "Dan Roe proposed it." in told
    team.change(team.dan, rollback_minutes=50)
    team.change(team.dan, rollback_minutes=50, reason="Another reason.")
    told = seen(web.get("/templates/rotate-keys")).partition("Timeline")[2]
    assert "Dan Roe changed minutes for the way back. It needs two approvals." in told
    assert "Dan Roe changed reason. It needs two approvals." in told


def test_a_template_is_retired_with_a_reason_that_its_page_shows(web, team):
    team.approved()
    assert "Rule reason_required." in seen(web.post("/templates/rotate-keys/retire", {"reason": " "}, follow=True))
    told = seen(web.post("/templates/rotate-keys/retire", {"reason": "A pipeline does it."}, follow=True))
    assert "A pipeline does it. No change can be made from it" in told
    assert state_of() == "retired"


def test_who_can_change_nothing_is_told_whom_to_ask(web, team):
    team.approved()
    told = open_page(web, team.shop.cy)
    assert "To change or retire it, ask the team that owns one of its services" in told
    assert "Retire this template" not in told


# --- The list --------------------------------------------------------------------------------------------------------


def test_the_list_opens_with_a_sentence_and_shows_first_what_waits_for_a_person(web, team):
    team.approved()
    team.propose(slug="flush", name="Flush the cache", title="Flush the cache")
    told = seen(web.get("/templates"))
    assert "1 may be used, 1 waits for approval." in told
    assert told.index("Flush the cache") < told.index("Rotate keys")


def test_an_empty_list_says_what_a_template_is_good_for(web):
    assert "No template yet" in seen(web.get("/templates"))


@pytest.mark.parametrize("path", ["/templates/nothing", "/templates/nothing/edit"])
def test_what_does_not_exist_is_a_page_not_found(web, path):
    assert web.get(path).status_code == 404


@pytest.mark.parametrize("count", [3, 30])
def test_the_list_asks_the_database_as_often_for_30_templates_as_for_3(web, team, count, django_assert_max_num_queries):
    for number in range(count):
        team.made_from(team.propose(slug=f"template-{number}", title=f"Title {'x' * number}"))
    with django_assert_max_num_queries(9):
        page = web.get("/templates")
    assert page.content.decode().count('class="dl-title"') == count


def test_a_template_page_asks_the_database_at_most_14_times(web, team, django_assert_max_num_queries):
    template = team.approved()
    for _ in range(10):
        team.made_from(template)
    with django_assert_max_num_queries(14):
        web.get("/templates/rotate-keys")


# --- Worth a template? -----------------------------------------------------------------------------------------------


def done(team: Team, *outcomes, title="Rotate keys of {n}", **columns):
    """Reviewed changes that ended so, one a day, the latest yesterday."""
    for number, outcome in enumerate(outcomes):
        at = timezone.now() - timedelta(days=number + 1)
        said = {"state": "closed", "outcome": outcome, "title": title.format(n=number), "started_at": at, **columns}
        make_ticket(team.shop, **said)


def test_five_successes_of_the_same_kind_are_worth_a_template(web, team):
    done(team, *["succeeded"] * 5)
    told = seen(web.get("/templates"))
    assert "Worth a template?" in told
    assert "5 times, the latest is CHG-" in told
    form = web.get(f"/templates/new?like={make_ticket(team.shop, title='Rotate keys of 9').change.ref}")
    assert 'value="Rotate keys of 9"' in form.content.decode()
    assert '<option value="checkout" selected>' in form.content.decode()


@pytest.mark.parametrize(
    "outcomes",
    [["succeeded"] * 4, ["succeeded"] * 9 + ["rolled_back"], ["succeeded"] * 9 + ["succeeded_with_issues"]],
    ids=["too few", "one rolled back", "one with issues"],
)
def test_what_is_rare_or_went_wrong_is_not_suggested(web, team, outcomes):
    done(team, *outcomes)
    assert "Worth a template?" not in seen(web.get("/templates"))


@pytest.mark.parametrize(
    "columns", [{"authorization": "emergency"}, {"authorization": "template"}, {"state": "finished", "outcome": ""}]
)
def test_only_reviewed_changes_that_ended_are_counted(web, team, columns):
    for _ in range(6):
        make_ticket(team.shop, **{"state": "closed", "outcome": "succeeded", "title": "Rotate keys", **columns})
    assert "Worth a template?" not in seen(web.get("/templates"))


def test_what_has_a_template_already_is_not_suggested(web, team):
    done(team, *["succeeded"] * 6, title="Rotate the API keys of checkout, {n}")
    assert "Worth a template?" in seen(web.get("/templates"))
    template = team.propose()
    assert "Worth a template?" not in seen(web.get("/templates"))
    actions.retire_template(template.slug, reason="Not wanted.", by=caller_of_person(team.dan))
    assert "Worth a template?" in seen(web.get("/templates"))


@pytest.mark.parametrize("like", ["CHG-999", "nonsense", "CHG-1%00", "INC-3"])
def test_a_reference_of_nothing_opens_an_empty_form(web, like):
    assert web.get(f"/templates/new?like={like}").status_code == 200


def test_what_waits_for_a_person_is_among_what_they_find_first(web, team):
    team.propose()
    assert "Approve the template Rotate keys" in open_page(web, team.shop.ann, "/")
    assert "Approve the template" not in open_page(web, team.dan, "/")
    team.approve(team.shop.ann)
    assert "Approve the template" not in open_page(web, team.shop.ann, "/")
    assert "Dan Roe asks" in open_page(web, team.shop.bo, "/")
