"""Templates in an organisation file."""

import io

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from changes.models import Template, TemplateApproval
from changes.preapproved import actions
from tests.preapproved.people import is_usable, state_of
from workflow.models import Entry

FILE = """
templates:
  - slug: rotate-keys
    name: Rotate keys
    title: Rotate the API keys of checkout
    services: [checkout]
    environment: production
    reason: They expire every 90 days.
    risk_answers: {no_automated_rollback: true}
    test_evidence: Done in UAT the week before.
    rollback_plan: Put the old keys back.
    rollback_minutes: 5
    verification_plan: A payment goes through.
    author: dan@example.com
    approved_by: [ann@example.com, bo@example.com]
"""


@pytest.fixture
def apply(team, tmp_path):
    """Applies a text as a file and returns what was printed."""

    def applied(text=FILE, *words):
        file, out = tmp_path / "organisation.yaml", io.StringIO()
        file.write_text(text)
        call_command("apply_organisation", str(file), *words, stdout=out)
        return out.getvalue()

    return applied


def test_a_file_proposes_a_template_and_two_people_in_it_approve_it(apply):
    printed = apply()
    assert "+ template rotate-keys, written by dan@example.com" in printed
    assert "~ template rotate-keys: approved by bo@example.com" in printed
    assert is_usable()
    assert Template.objects.get().risk_answers == {
        "irreversible": False,
        "customer_downtime": False,
        "data_migration": False,
        "no_automated_rollback": True,
        "first_time": False,
    }


def test_the_same_file_again_does_nothing(apply):
    apply()
    before = Entry.objects.count()
    assert "= nothing to do" in apply()
    assert Entry.objects.count() == before


def test_a_dry_run_writes_nothing(apply):
    assert "+ template rotate-keys" in apply(FILE, "--dry-run")
    assert not Template.objects.exists()


def test_a_change_in_the_file_is_shown_and_approved_anew(apply):
    apply()
    printed = apply(FILE.replace("rollback_minutes: 5", "rollback_minutes: 50"))
    assert "~ template rotate-keys: rollback_minutes 5 -> 50" in printed
    assert is_usable()
    assert TemplateApproval.objects.filter(voided_at=None).count() == 2


def test_what_the_file_leaves_out_stays(apply):
    apply(FILE.replace("    risk_answers", "    description: All of them.\n    risk_answers"))
    assert "= nothing to do" in apply()
    assert Template.objects.get().description == "All of them."


def test_one_approval_in_the_file_leaves_the_other_to_the_page(apply, team):
    one = FILE.replace(", bo@example.com]", "]")
    apply(one)
    assert state_of() == "proposed"
    assert "= nothing to do" in apply(one)
    team.approve(team.shop.bo)
    assert is_usable()


def test_a_new_name_costs_no_approval(apply):
    apply()
    assert "name Rotate keys -> Keys" in apply(FILE.replace("name: Rotate keys", "name: Keys"))
    assert is_usable()
    assert Template.objects.get().name == "Keys"


@pytest.mark.parametrize("state", ["demoted", "retired"])
def test_a_file_never_brings_back_what_was_demoted_or_retired(apply, state):
    apply()
    if state == "demoted":
        actions.demote_template(Template.objects.get(), because="CHG-7 failed.", at=timezone.now())
    else:
        Template.objects.update(state="retired")
    printed = apply()
    assert "! template rotate-keys was" in printed
    assert state_of() == state
    apply(FILE.replace("rollback_minutes: 5", "rollback_minutes: 50"))
    assert state_of() == "proposed"
    assert not is_usable()


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        ("[ann@example.com, bo", "[ann@example.com, dan", "four_eyes"),
        ("checkout]", "nothing]", "unknown_reference"),
        ("environment: production", "environment: mars", "unknown_reference"),
        ("no_automated_rollback", "astrology", "unknown_question"),
        ("rollback_plan: Put the old keys back.", 'rollback_plan: ""', "required"),
        ("rollback_minutes: 5", "rollback_minutes: -5", "greater_than_equal"),
        ("[ann@example.com, bo", "[ann@example.com, cy", "approver_role"),
        ("author: dan", "author: ann", "four_eyes"),
    ],
)
def test_a_wrong_entry_is_refused_and_nothing_is_applied(apply, before, after, code):
    with pytest.raises(CommandError, match=code):
        apply(FILE.replace(before, after))
    assert not Template.objects.exists()


def test_a_template_that_nobody_could_approve_is_refused_with_names(apply):
    with pytest.raises(CommandError, match=r"Ann Lee wrote a part of it.*quorum_unsatisfiable"):
        apply(FILE.replace("author: dan", "author: ann").replace("[ann@example.com, bo@example.com]", "[]"))
    assert not Template.objects.exists()
