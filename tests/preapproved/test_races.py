"""Two people who decide about a template at once. Real transactions on real connections, on PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.utils import timezone

from changes.models import Template, TemplateApproval
from changes.preapproved import actions
from tests import factories
from tests.preapproved.people import TERMS, is_usable, make_team, state_of
from workflow.errors import RuleViolation
from workflow.models import Entry

pytestmark = [pytest.mark.postgres_only, pytest.mark.django_db(transaction=True)]
ROUNDS = 8


@pytest.fixture
def team():
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time, so there is no race to win")
    return make_team(factories.make_shop())


def at_once(*jobs):
    """What each job ended in: its answer's state, or the code of its refusal."""

    def run(job):
        try:
            return job().state
        except RuleViolation as refusal:
            return refusal.code
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=len(jobs)) as pool:
        return [done.result() for done in [pool.submit(run, job) for job in jobs]]


def test_two_people_who_approve_at_once_make_it_usable_and_are_both_recorded(team):
    for number in range(ROUNDS):
        slug = team.propose(slug=f"template-{number}").slug
        people = (team.shop.ann, team.shop.bo)
        ended = at_once(*(lambda who=who, slug=slug: team.approve(who, slug=slug) for who in people))
        assert sorted(ended) == ["approved", "proposed"]
        assert is_usable(slug)
        ref = Template.objects.get(slug=slug).ref
        decisive = [entry for entry in Entry.objects.filter(subject=ref, verb="approved") if entry.data.get("until")]
        assert len(decisive) == 1


def test_one_person_in_two_windows_approves_once(team):
    for number in range(ROUNDS):
        slug = team.propose(slug=f"template-{number}").slug
        ended = at_once(*[lambda slug=slug: team.approve(team.shop.ann, slug=slug)] * 2)
        assert sorted(ended) == ["already_approved", "proposed"]
        assert TemplateApproval.objects.filter(template__slug=slug).count() == 1


def test_an_approval_and_an_edit_at_once_never_leave_a_text_usable_that_two_people_did_not_read(team):
    for number in range(ROUNDS):
        slug = team.propose(slug=f"template-{number}").slug
        team.approve(team.shop.ann, slug=slug)
        seen = Template.objects.get(slug=slug).digest
        at_once(
            lambda slug=slug, seen=seen: team.approve(team.shop.bo, slug=slug, seen=seen),
            lambda slug=slug: team.change(team.dan, slug=slug, reason="Another reason."),
        )
        assert state_of(slug) == "proposed"
        assert not is_usable(slug)
        assert Template.objects.get(slug=slug).reason != TERMS.reason


def test_an_approval_and_a_failure_at_once_never_leave_it_usable(team):
    for number in range(ROUNDS):
        template = team.propose(slug=f"template-{number}")
        team.approve(team.shop.ann, slug=template.slug)

        def fail(template=template):
            actions.demote_template(template, because="CHG-7 failed.", at=timezone.now())
            return template

        at_once(lambda slug=template.slug: team.approve(team.shop.bo, slug=slug), fail)
        assert not is_usable(template.slug)
        assert state_of(template.slug) == "demoted"


def test_two_proposals_of_one_address_at_once_make_one_template(team):
    for number in range(ROUNDS):
        ended = at_once(*[lambda number=number: team.propose(slug=f"template-{number}")] * 2)
        assert sorted(ended) == ["proposed", "slug_taken"]
